// clemmys-pack: turns a static-PIE program and a manifest into an enclave image, and prints its measurement.
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <sstream>

#include "enclave/pack/writer.h"

namespace clemmys::pack {
namespace {

struct Options {
  std::string program, manifest, output, key, shield;
  bool json = false;
};

Result<std::string> read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Error{ErrorCode::kNotFound, "pack.read", "cannot read " + path};
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

// The shield lies beside the packer, in the build tree as when installed.
std::string shield_path() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path() / "shield.elf";
}

std::string key_path() {
  const char* data = std::getenv("XDG_DATA_HOME");
  const char* home = std::getenv("HOME");
  const std::string root =
      data != nullptr && *data != 0 ? data : std::string(home != nullptr ? home : ".") + "/.local/share";
  return root + "/clemmys/signing-key.pem";
}

Status write_atomically(const std::string& path, ByteView bytes) {
  const std::string temporary = path + ".new." + std::to_string(getpid());
  std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
  file.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
  file.close();
  if (!file || std::rename(temporary.c_str(), path.c_str()) != 0) {
    return Error{ErrorCode::kInternal, "pack.write", "cannot write " + path};
  }
  return {};
}

Status run(const Options& options) {
  std::string program_file = TRY(read_file(options.program));
  const std::string shield_file = TRY(read_file(options.shield.empty() ? shield_path() : options.shield));
  std::string manifest_text;
  if (!options.manifest.empty()) manifest_text = TRY(read_file(options.manifest));
  Manifest manifest = TRY(parse_manifest(manifest_text));
  std::vector<PackedFile> files = TRY(read_files(manifest));
  if (auto dynamic =
          TRY(resolve_dynamic(options.program))) {  // the loader starts, and loads the program inside
    program_file = TRY(read_file(dynamic->loader));
    manifest.command.insert(manifest.command.begin(), dynamic->files.front().path);
    // Lazy binding would save vector state by XSAVEC with a size from CPUID; softsgx cannot narrow XCR0 to
    // it.
    manifest.environment.push_back("LD_BIND_NOW=1");
    std::ranges::move(dynamic->files, std::back_inserter(files));
  }
  Elf shield = TRY(read_elf(as_bytes(shield_file)));
  Elf program = TRY(read_elf(as_bytes(program_file)));
  const Layout layout = TRY(lay_out(std::move(shield), std::move(program), manifest, files));
  const auto key = TRY(open_key(options.key.empty() ? key_path() : options.key));
  const Image image = TRY(write_image(layout, manifest, key));
  TRY(write_atomically(options.output, image.file));
  const Rewriting& code = layout.rewriting;
  if (options.json) {
    std::printf(
        "{\"measurement\":\"%s\",\"signer\":\"%s\",\"measured_size\":%llu,\"syscalls_found\":%llu,"
        "\"syscalls_rewritten\":%llu,\"cpuid_sites\":%zu}\n",
        to_hex(image.measurement).c_str(), to_hex(image.signer).c_str(),
        static_cast<unsigned long long>(image.measured_size),
        static_cast<unsigned long long>(code.syscalls_found),
        static_cast<unsigned long long>(code.syscalls_rewritten), code.cpuid_sites.size());
  } else {
    std::printf(
        "measurement %s\nsigner      %s\nmeasured    %llu KiB\nsyscall     %llu sites, %llu without a "
        "trap\ncpuid       %zu sites\n",
        to_hex(image.measurement).c_str(), to_hex(image.signer).c_str(),
        static_cast<unsigned long long>(image.measured_size / 1024),
        static_cast<unsigned long long>(code.syscalls_found),
        static_cast<unsigned long long>(code.syscalls_rewritten), code.cpuid_sites.size());
  }
  return {};
}

}  // namespace
}  // namespace clemmys::pack

int main(int argc, char** argv) {
  clemmys::pack::Options options;
  CLI::App app{"Packs a static-PIE program into an enclave image."};
  app.add_option("--program", options.program,
                 "static-PIE program, or a dynamically linked PIE: with its loader and libraries")
      ->required();
  app.add_option("--manifest", options.manifest, "YAML manifest; defaults without one");
  app.add_option("--output", options.output, "image to write")->required();
  app.add_option("--key", options.key, "RSA-3072 signing key, PEM; a key of this user without one");
  app.add_option("--shield", options.shield, "shield image; the one beside this program without one");
  app.add_flag("--json", options.json, "print one JSON object");
  CLI11_PARSE(app, argc, argv);
  if (const auto status = clemmys::pack::run(options); !status) {
    std::fprintf(stderr, "clemmys-pack: %s\n", to_string(status.error()).c_str());
    return 1;
  }
  return 0;
}
