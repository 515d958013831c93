// command_line.h: the real command line as a user types it, and a folder for his files.
#pragma once

#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

namespace clemmys::testing {

struct Ran {
  int status = -1;
  std::string output;  // and errors
};

// run gives what `clemmys ARGUMENTS` printed; `environment` is what a shell takes before a command.
inline Ran run(const std::string& arguments, const std::string& environment = {}) {
  Ran ran;
  FILE* pipe =
      popen((environment + " " CLEMMYS_BINARY_DIR "/bin/clemmys " + arguments + " 2>&1").c_str(), "r");
  char buffer[4096];
  for (std::size_t got; (got = fread(buffer, 1, sizeof buffer, pipe)) > 0;) ran.output.append(buffer, got);
  const int status = pclose(pipe);
  ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
  return ran;
}

struct Folder {
  Folder() {
    char pattern[] = "/tmp/clemmys-user-XXXXXX";
    path = mkdtemp(pattern);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  // write makes a file in it and gives its path.
  std::string write(const std::string& name, const std::string& text) const {
    std::ofstream(path + "/" + name, std::ios::binary) << text;
    return path + "/" + name;
  }
  std::string path;
};

}  // namespace clemmys::testing
