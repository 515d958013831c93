// files.h: which descriptors of this process are SGX devices. A descriptor is real (a memfd), so the kernel
// itself keeps dup, close, fcntl, inheritance and exec; its inode says which device it is. Threads: any.
#pragma once

#include <unistd.h>

#include <array>
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
  // read_machine reads the machine's keys while this process may.
  void read_machine();
  // adopt makes a descriptor that another program opened (it came over a socket or through exec) a device of
  // this one, unless an enclave was created there: that one lives in the other program. adopt_all: those open
  // at the start.
  std::shared_ptr<Device> adopt(int fd);
  void adopt_all();
  // note_created tells the programs that get the descriptor later.
  static void note_created(int fd);
  // devices: all that live.
  std::vector<std::shared_ptr<Device>> devices();
  // any: whether there is, or was, a device. Cheap.
  bool any() const { return any_.load(std::memory_order_relaxed); }
  // may_be_node: whether the device has, or had, this descriptor. Cheap; duplicates with other numbers are
  // missed.
  bool may_be_node(int fd) const {
    return fd >= 0 && fd < kNumbers && nodes_[static_cast<std::size_t>(fd)].load(std::memory_order_relaxed);
  }
  // note_memory remembers a descriptor of /proc/self/mem; is_memory knows it and its duplicates. any_memory:
  // there was one.
  void note_memory(int fd);
  bool is_memory(int fd);
  bool any_memory() const { return any_memory_.load(std::memory_order_relaxed); }
  // collect frees devices that no descriptor and no mapping holds, after a close or an unmap.
  void collect();
  // before_fork holds the table still, in the parent and in the child, until after_fork. A child has copies
  // of the parent's enclaves, behind the same descriptors.
  void before_fork() {
    machine_lock_.lock();
    lock_.lock();
  }
  void after_fork() {
    owner_ = ::getpid();
    lock_.unlock();
    machine_lock_.unlock();
  }

 private:
  using Inode = std::pair<std::uint64_t, std::uint64_t>;
  static bool inode_of(int fd, Inode& inode);
  std::shared_ptr<const Machine> machine();
  void add(Node node, const Inode& inode);

  static constexpr int kNumbers = 1024;
  pid_t owner_ = ::getpid();  // a child of vfork shares this table, not these descriptors
  std::atomic<bool> any_{false}, any_memory_{false};
  std::array<std::atomic<bool>, kNumbers> nodes_{};
  std::set<Inode> memory_;
  std::mutex lock_;
  std::mutex machine_lock_;  // taken first: reading the machine's files asks which descriptors are nodes
  std::shared_ptr<const Machine> machine_;  // set once
  std::map<Inode, std::shared_ptr<Device>> devices_;
  std::set<Inode> provision_;
};

// files is this process's. Never destroyed: programs close descriptors until their very end.
Files& files();

}  // namespace clemmys::softsgx
