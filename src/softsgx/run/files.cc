#include "softsgx/run/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>

namespace clemmys::softsgx {

Files& files() {
  static Files* const instance = new Files;
  return *instance;
}

Node Files::node_of(std::string_view path) {
  if (path == "/dev/sgx_enclave" || path == "/dev/sgx/enclave") return Node::kEnclave;
  if (path == "/dev/sgx_provision" || path == "/dev/sgx/provision") return Node::kProvision;
  return Node::kNone;
}

// inode_of uses fstat(2) itself: a sandboxed program may have no other.
bool Files::inode_of(int fd, Inode& inode) {
  struct stat status{};
  if (::syscall(SYS_fstat, fd, &status) != 0) return false;
  inode = {status.st_dev, status.st_ino};
  return true;
}

std::shared_ptr<const Machine> Files::machine() {
  const std::scoped_lock guard(machine_lock_);
  if (machine_) return machine_;
  const char* directory = std::getenv("SOFTSGX_STATE");
  const std::string state = directory != nullptr && *directory != 0 ? directory : default_state_directory();
  std::error_code ignored;  // Machine::open says what is wrong
  std::filesystem::create_directories(std::filesystem::path(state).parent_path(), ignored);
  auto opened = Machine::open(state);
  if (opened)
    machine_ = *opened;
  else
    std::fprintf(stderr, "softsgx: no machine keys: %s\n", to_string(opened.error()).c_str());
  return machine_;
}

void Files::read_machine() { (void)machine(); }

int Files::open(Node node, int flags) {
  if ((flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL)) return errno = EEXIST, -1;
  if (flags & O_DIRECTORY) return errno = ENOTDIR, -1;
  if (node == Node::kEnclave && !machine()) return errno = EIO, -1;
  const std::scoped_lock guard(lock_);
  const int backing = ::memfd_create(node == Node::kEnclave ? "sgx_enclave" : "sgx_provision", MFD_CLOEXEC);
  if (backing < 0) return -1;
  const std::string path = "/proc/self/fd/" + std::to_string(backing);
  const int fd = ::open(path.c_str(), flags & ~(O_CREAT | O_TRUNC | O_EXCL | O_NOFOLLOW));
  const int error = errno;
  ::close(backing);
  Inode inode;
  if (fd < 0 || !inode_of(fd, inode)) return errno = error, -1;
  add(node, inode);
  if (fd < kNumbers) nodes_[static_cast<std::size_t>(fd)] = true;
  return fd;
}

// add is for the holder of the lock, and of an enclave's node only when there is a machine.
void Files::add(Node node, const Inode& inode) {
  if (node == Node::kProvision) {
    provision_.insert(inode);
  } else {
    devices_[inode] = std::make_shared<Device>(machine_, [this](std::uint64_t other) {
      return other <= 0x7fffffff && this->node(static_cast<int>(other)) == Node::kProvision;
    });
  }
  any_ = true;
}

std::shared_ptr<Device> Files::adopt(int fd) {
  struct stat status{};
  if (::syscall(SYS_fstat, fd, &status) != 0 || !S_ISREG(status.st_mode) || (status.st_mode & S_ISVTX))
    return nullptr;
  char name[64] = "";
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const long length = ::syscall(SYS_readlink, link.c_str(), name, sizeof name);
  const std::string_view found(name, length > 0 ? static_cast<std::size_t>(length) : 0);
  const Node node = found == "/memfd:sgx_enclave (deleted)"     ? Node::kEnclave
                    : found == "/memfd:sgx_provision (deleted)" ? Node::kProvision
                                                                : Node::kNone;
  const Inode inode{status.st_dev, status.st_ino};
  if (node == Node::kNone || (node == Node::kEnclave && !machine())) return nullptr;
  const std::scoped_lock guard(lock_);
  if (!devices_.contains(inode) && !provision_.contains(inode)) add(node, inode);
  if (fd < kNumbers) nodes_[static_cast<std::size_t>(fd)] = true;
  return node == Node::kEnclave ? devices_[inode] : nullptr;
}

void Files::adopt_all() {
  DIR* directory = ::opendir("/proc/self/fd");
  if (directory == nullptr) return;
  while (const dirent* entry = ::readdir(directory)) (void)adopt(std::atoi(entry->d_name));
  ::closedir(directory);
}

// The sticky bit says nothing else of a file in memory.
void Files::note_created(int fd) { (void)::fchmod(fd, S_ISVTX | 0777); }

void Files::note_memory(int fd) {
  Inode inode;
  if (!inode_of(fd, inode)) return;
  const std::scoped_lock guard(lock_);
  memory_.insert(inode);
  any_memory_ = true;
}

bool Files::is_memory(int fd) {
  Inode inode;
  if (!inode_of(fd, inode)) return false;
  const std::scoped_lock guard(lock_);
  return memory_.contains(inode);
}

Node Files::node(int fd) {
  Inode inode;
  if (!any() || !inode_of(fd, inode)) return Node::kNone;
  const std::scoped_lock guard(lock_);
  if (devices_.contains(inode)) return Node::kEnclave;
  return provision_.contains(inode) ? Node::kProvision : Node::kNone;
}

std::shared_ptr<Device> Files::device(int fd) {
  Inode inode;
  if (!any() || !inode_of(fd, inode)) return nullptr;
  const std::scoped_lock guard(lock_);
  const auto found = devices_.find(inode);
  return found == devices_.end() ? nullptr : found->second;
}

std::vector<std::shared_ptr<Device>> Files::devices() {
  const std::scoped_lock guard(lock_);
  std::vector<std::shared_ptr<Device>> all;
  for (const auto& [inode, device] : devices_) all.push_back(device);
  return all;
}

void Files::collect() {
  if (::getpid() != owner_) return;
  std::set<Inode> open;
  {
    DIR* directory = ::opendir("/proc/self/fd");
    if (directory == nullptr) return;  // a sandbox: what is still open cannot be known
    while (const dirent* entry = ::readdir(directory)) {
      Inode inode;
      if (inode_of(std::atoi(entry->d_name), inode)) open.insert(inode);
    }
    ::closedir(directory);
  }
  std::vector<std::shared_ptr<Device>> gone;  // destroyed without the lock
  const std::scoped_lock guard(lock_);
  for (auto at = devices_.begin(); at != devices_.end();) {
    const auto& [inode, device] = *at;
    if (open.contains(inode) || device->mapped() || !device->idle() || device.use_count() > 1) {
      ++at;
      continue;
    }
    gone.push_back(std::move(at->second));
    at = devices_.erase(at);
  }
  std::erase_if(provision_, [&](const Inode& inode) { return !open.contains(inode); });
}

}  // namespace clemmys::softsgx
