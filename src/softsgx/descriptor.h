// descriptor.h: softsgx's own descriptors in a program that has its own ideas about numbers.
#pragma once

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstddef>

namespace clemmys::softsgx {

// own_descriptors: which numbers are softsgx's. A program that closes all that it finds closes none of them.
inline std::array<std::atomic<bool>, 4096> own_descriptors{};
inline void set_own_descriptor(int fd, bool own) {
  if (fd >= 0 && static_cast<std::size_t>(fd) < own_descriptors.size())
    own_descriptors[static_cast<std::size_t>(fd)] = own;
}
inline bool is_own_descriptor(int fd) {
  return fd >= 0 && static_cast<std::size_t>(fd) < own_descriptors.size() &&
         own_descriptors[static_cast<std::size_t>(fd)];
}

// out_of_the_way makes a descriptor softsgx's and moves it to a high number: programs put theirs at 3 and
// beyond without asking.
inline int out_of_the_way(int fd) {
  const int high = fd < 0 ? -1 : ::fcntl(fd, F_DUPFD_CLOEXEC, 800);
  const int chosen = high < 0 ? fd : high;  // a low limit on descriptors
  set_own_descriptor(chosen, true);
  if (high >= 0) ::close(fd);
  return chosen;
}

inline void close_own_descriptor(int fd) {
  set_own_descriptor(fd, false);
  ::close(fd);
}

}  // namespace clemmys::softsgx
