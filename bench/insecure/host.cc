// insecure-plain-host: takes the place of clemmys-host under `clemmys up`, with the same command line. The
// key service and the quoting enclave get their enclaves; gateway and functions run as ordinary processes,
// with programs that are linked without sealing. For bench/confidentiality.mjs alone; every function is the
// hello function.
#include <fcntl.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "wire/handover.h"

namespace {

constexpr int kLink = 3;

[[gnu::used, gnu::retain]] const char kMark[] = "clemmys insecure build: host";  // style_insecure
const std::string kPrograms = CLEMMYS_BINARY_DIR "/bin/";
constexpr std::string_view kInside = "/clemmys/";  // what the state folder is called inside enclaves

[[noreturn]] void become(const std::string& program, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), program);
  std::vector<char*> pointers;
  for (std::string& argument : arguments) pointers.push_back(argument.data());
  pointers.push_back(nullptr);
  execv(program.c_str(), pointers.data());
  std::perror(program.c_str());
  std::exit(126);
}

// become_function waits for a function's image, as clemmys-host does, and hands what comes to attester.cc.
[[noreturn]] void become_function(const std::string& soft_state) {
  const auto given = clemmys::wire::receive_handover(kLink);
  if (!given) std::exit(0);  // started ahead, and not wanted
  for (const int descriptor : {given->image, given->quoting}) fcntl(descriptor, F_SETFD, 0);
  setenv("CLEMMYS_INSECURE_IMAGE", ("/proc/self/fd/" + std::to_string(given->image)).c_str(), 1);
  setenv("CLEMMYS_INSECURE_SOFT_STATE", soft_state.c_str(), 1);
  setenv("CLEMMYS_INSECURE_QUOTING", std::to_string(given->quoting).c_str(), 1);
  become(kPrograms + "insecure-plain-hello", {});
}

}  // namespace

int main(int argc, char** argv) {
  std::string platform, soft_state, quote_socket, counts, image;
  std::vector<std::string> mounts, arguments;
  int link = -1;
  bool await_image = false;
  CLI::App app("Runs the program of an image outside of an enclave. For benchmarks.");
  app.add_option("--platform", platform);
  app.add_option("--soft-state", soft_state);
  app.add_option("--quote-socket", quote_socket);
  app.add_option("--fd", link);
  app.add_option("--mount", mounts)->allow_extra_args(false);
  app.add_option("--counts", counts);  // of what an enclave asks; nothing here
  app.add_flag("--await-image", await_image);
  app.add_option("image", image);
  app.add_option("arguments", arguments);
  CLI11_PARSE(app, argc, argv);

  if (await_image) become_function(soft_state);
  const std::string name = std::filesystem::path(image).filename();
  if (name == "kms.sgx" || name == "quoting_enclave.sgx")
    become(CLEMMYS_BINARY_DIR "/bin/clemmys-host", {argv + 1, argv + argc});
  setenv("CLEMMYS_INSECURE_IMAGE", image.c_str(), 1);
  setenv("CLEMMYS_INSECURE_SOFT_STATE", soft_state.c_str(), 1);
  setenv("CLEMMYS_INSECURE_QUOTE_SOCKET", quote_socket.c_str(), 1);
  for (std::string& argument : arguments) {
    if (argument.starts_with(kInside)) argument.erase(0, kInside.size());  // the current folder is the state
  }
  become(kPrograms + "insecure-plain-gateway", std::move(arguments));
}
