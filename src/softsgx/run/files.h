// files.h: which descriptors of this process are SGX devices. A descriptor is real (a memfd), so the kernel
// itself keeps dup, close, fcntl, inheritance and exec; its inode says which device it is. Threads: any.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "softsgx/run/device.h"

namespace clemmys::softsgx {

enum class Node : std::uint8_t { kNone, kEnclave, kProvision };

class Files {
 public:
  // node_of names the device node at an absolute path.
  static Node node_of(std::string_view path);

  // open opens a node as open(2) with these flags: a descriptor, or -1 and errno.
  int open(Node node, int flags);
  // node says what a descriptor is; device gives its Device, or null.
  Node node(int fd);
  std::shared_ptr<Device> device(int fd);
  // devices: all that live.
  std::vector<std::shared_ptr<Device>> devices();
  // any: whether there is, or was, a device. Cheap.
  bool any() const { return any_.load(std::memory_order_relaxed); }
  // collect frees devices that no descriptor and no mapping holds, after a close or an unmap.
  void collect();
  // forget is for a child after fork: the parent's enclaves are not here.
  void forget();

 private:
  using Inode = std::pair<std::uint64_t, std::uint64_t>;
  static bool inode_of(int fd, Inode& inode);
  std::shared_ptr<const Machine> machine();

  std::atomic<bool> any_{false};
  std::mutex lock_;
  std::shared_ptr<const Machine> machine_;
  std::map<Inode, std::shared_ptr<Device>> devices_;
  std::set<Inode> provision_;
};

// files is this process's. Never destroyed: programs close descriptors until their very end.
Files& files();

}  // namespace clemmys::softsgx
