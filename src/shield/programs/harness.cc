#include "shield/programs/harness.h"

#include <stdlib.h>
#include <sys/wait.h>

#include <cstdio>
#include <filesystem>
#include <fstream>

namespace clemmys::shield {

void PrintTo(const Outcome& outcome, std::ostream* out) {
  *out << "status " << outcome.status << "\n" << outcome.output;
}

Outcome run(const std::string& command, const std::string& environment) {
  Outcome outcome;
  FILE* pipe = popen(
      ("env -i " + environment + " PATH=/usr/bin:/bin LC_ALL=C timeout 240 " + command + " 2>&1").c_str(),
      "r");
  char buffer[4096];
  for (std::size_t got; (got = fread(buffer, 1, sizeof buffer, pipe)) > 0;)
    outcome.output.append(buffer, got);
  const int status = pclose(pipe);
  outcome.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  return outcome;
}

Programs::Programs() {
  std::string pattern = std::filesystem::temp_directory_path() / "clemmys-shield-XXXXXX";
  directory_ = mkdtemp(pattern.data());
  std::filesystem::create_directories(directory_ + "/outside");
  std::filesystem::create_directories(directory_ + "/inside");
}

Programs::~Programs() { std::filesystem::remove_all(directory_); }

Outcome Programs::outside(const std::string& name, const std::string& arguments) const {
  return run(kBinaries + "/bin/shield_" + name + " " + arguments);
}

Outcome Programs::inside(const std::string& name, const std::string& arguments) const {
  return run(host_command("shield_" + name) + " " + arguments);
}

std::string Programs::host_command(const std::string& image, const std::string& options) const {
  return kBinaries + "/bin/clemmys-host --platform soft --soft-state " + directory_ +
         "/soft --mount /state=" + directory_ + "/inside " + options + " " + kBinaries + "/images/" + image +
         ".sgx --";
}

void Programs::write_file(const std::string& name, const std::string& content) const {
  for (const char* side : {"/outside/", "/inside/"})
    std::ofstream(directory_ + side + name, std::ios::binary) << content;
}

}  // namespace clemmys::shield
