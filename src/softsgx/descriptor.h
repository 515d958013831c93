// descriptor.h: softsgx's own descriptors in a program that has its own ideas about numbers.
#pragma once

#include <fcntl.h>
#include <unistd.h>

namespace clemmys::softsgx {

// out_of_the_way moves a descriptor to a high number: programs put theirs at 3 and beyond without asking.
inline int out_of_the_way(int fd) {
  if (fd < 0) return fd;
  const int high = ::fcntl(fd, F_DUPFD_CLOEXEC, 800);
  if (high < 0) return fd;  // a low limit on descriptors
  ::close(fd);
  return high;
}

}  // namespace clemmys::softsgx
