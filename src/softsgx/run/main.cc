// softsgx: `softsgx run PROGRAM [ARGUMENTS…]` runs a dynamically linked program as on a machine with SGX2 and
// Linux's driver. It becomes the program: same process, same exit status. 2 when the command line is wrong,
// 127 when there is no such program, 126 when it cannot be run so.
#include <elf.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace {

struct Options {
  std::string state;
  std::uint64_t epc_bytes = 0;
  unsigned partial_every = 0;
};

void set(const char* name, const std::string& value) {
  if (!value.empty()) ::setenv(name, value.c_str(), 1);
}

// The library lies beside the program's folder: bin/softsgx, lib/libsoftsgx.so.
std::string library() {
  std::error_code error;
  const auto self = std::filesystem::read_symlink("/proc/self/exe", error);
  return (self.parent_path().parent_path() / "lib/libsoftsgx.so").string();
}

// is_static says of an ELF program that no dynamic linker loads it: nothing can be preloaded into it then.
bool is_static(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  Elf64_Ehdr header{};
  file.read(reinterpret_cast<char*>(&header), sizeof header);
  if (!file || std::memcmp(header.e_ident, ELFMAG, SELFMAG) != 0) return false;  // a script, or no program
  for (int i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment{};
    file.seekg(
        static_cast<std::streamoff>(header.e_phoff + static_cast<std::size_t>(i) * header.e_phentsize));
    file.read(reinterpret_cast<char*>(&segment), sizeof segment);
    if (!file || segment.p_type == PT_INTERP) return false;
  }
  return std::filesystem::path(path).filename().string().rfind("ld-linux", 0) != 0;
}

// program_path is where execvp finds a program; empty: nowhere.
std::string program_path(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* path = std::getenv("PATH");
  std::istringstream folders(path != nullptr ? path : "/usr/bin:/bin");
  for (std::string folder; std::getline(folders, folder, ':');)
    if (const std::string full = folder + "/" + name; ::access(full.c_str(), X_OK) == 0) return full;
  return {};
}

int run(const Options& options, std::vector<std::string> command) {
  const std::string preload = library();
  if (::access(preload.c_str(), R_OK) != 0) {
    std::fprintf(stderr, "softsgx: %s is missing: build or install softsgx again\n", preload.c_str());
    return 126;
  }
  if (is_static(program_path(command[0]))) {
    std::fprintf(stderr, "softsgx: %s is linked statically: it cannot be given an SGX machine\n",
                 command[0].c_str());
    return 126;
  }
  const char* others = std::getenv("LD_PRELOAD");
  set("LD_PRELOAD", others != nullptr && *others != 0 ? preload + ":" + others : preload);
  // AddressSanitizer would refuse to come second.
  const char* sanitizer = std::getenv("ASAN_OPTIONS");
  set("ASAN_OPTIONS",
      (sanitizer != nullptr ? std::string(sanitizer) + ":" : "") + "verify_asan_link_order=0");
  set("SOFTSGX_STATE", options.state);
  if (options.epc_bytes != 0) set("SOFTSGX_EPC_BYTES", std::to_string(options.epc_bytes));
  if (options.partial_every != 0) set("SOFTSGX_PARTIAL_EVERY", std::to_string(options.partial_every));
  std::vector<char*> arguments;
  for (std::string& argument : command) arguments.push_back(argument.data());
  arguments.push_back(nullptr);
  ::execvp(arguments[0], arguments.data());
  const int error = errno;
  std::fprintf(stderr, "softsgx: cannot run %s: %s\n", arguments[0], std::strerror(error));
  return error == ENOENT ? 127 : 126;
}

int bad_usage(const std::string& why) {
  std::fprintf(stderr,
               "softsgx: %s\n  what to do: softsgx run PROGRAM [ARGUMENTS...]; softsgx run --help lists the "
               "options\n",
               why.c_str());
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("A software SGX machine for programs that were built for SGX. It protects nothing.");
  app.require_subcommand(1);
  Options options;
  CLI::App* command = app.add_subcommand("run", "run a program with /dev/sgx_enclave and an SGX2 processor");
  command->prefix_command()->footer(
      "PROGRAM [ARGUMENTS...] follow the options.\nExamples:\n  softsgx run ./my-sgx-program --its-option\n  "
      "softsgx run --epc-size 128M ./paging");
  command->add_option("--state", options.state,
                      "folder of the machine's keys (default: ~/.local/share/clemmys/softsgx)");
  command
      ->add_option("--epc-size", options.epc_bytes,
                   "bytes of enclave page cache; suffixes K, M, G (default: 256M)")
      ->transform(CLI::AsSizeValue(false))
      ->type_name("SIZE");
  command->add_option("--partial-every", options.partial_every,
                      "every so many ioctls over several pages stops after one, as when a signal comes");
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {
    return app.exit(help);
  } catch (const CLI::ParseError& error) {
    return bad_usage(argc < 2 ? "which command?" : error.what());
  }
  const auto rest = command->remaining();
  if (rest.empty()) return bad_usage("which program?");
  if (rest.front().starts_with('-')) return bad_usage("there is no option " + rest.front());
  return run(options, rest);
}
