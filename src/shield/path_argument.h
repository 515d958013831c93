// path_argument.h: one path of a system call on its way to the host: copied, checked against the allow-list,
// or found to be a file of the shield's own.
#pragma once

#include "shield/host.h"
#include "shield/own_files.h"

namespace clemmys::shield {

inline constexpr int64_t kCurrentDirectory = -100;  // AT_FDCWD

struct PathArgument {
  int64_t directory = kCurrentDirectory;  // the host's descriptor
  uint64_t place = 0;                     // the host's address of the text
  OwnPath own;

  // take gives 0 or -errno. `directory_descriptor` is the program's number or AT_FDCWD.
  int64_t take(Bounce& bounce, uint64_t directory_descriptor, uint64_t address);
};

// change_directory is chdir; the directory is held open, so that relative paths stay below it.
// working_directory is getcwd.
int64_t change_directory(uint64_t address);
int64_t working_directory(uint64_t buffer, uint64_t size);

}  // namespace clemmys::shield
