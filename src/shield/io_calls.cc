// Reading, writing and the life of descriptors. Bytes cross in the bounce buffer; a short transfer is always
// allowed, so one transfer is never larger than the buffer.
#include <asm/ioctls.h>
#include <linux/fcntl.h>

#include "shield/calls.h"
#include "shield/descriptors.h"
#include "shield/host.h"
#include "shield/memory.h"
#include "shield/own_files.h"
#include "shield/scatter.h"

namespace clemmys::shield {
namespace {

int64_t read_vector(uint64_t number, uint64_t descriptor, Scatter parts, uint64_t offset) {
  Descriptor file;
  if (!get(descriptor, &file)) return -EBADF;
  if (is_own(file.kind)) return own_read(descriptor, file, parts, number == __NR_pread64, offset);
  Bounce bounce;
  const uint64_t size = parts.size() < bounce.room() ? parts.size() : bounce.room();
  const uint64_t place = bounce.reserve(size);
  const int64_t got = call(number, size, file.host, place, size, offset);
  if (got > 0) parts.fill(bounce, place, static_cast<uint64_t>(got));
  return got;
}

int64_t write_vector(uint64_t number, uint64_t descriptor, Scatter parts, uint64_t offset) {
  Descriptor file;
  if (!get(descriptor, &file)) return -EBADF;
  if (is_own(file.kind)) return own_write(descriptor, file, parts, number == __NR_pwrite64, offset);
  int64_t total = 0;
  do {
    Bounce bounce;
    const uint64_t size = parts.size() < bounce.room() ? parts.size() : bounce.room();
    const uint64_t place = bounce.reserve(size);
    parts.drain(bounce, place, size);
    const int64_t put = call(number, size, file.host, place, size, offset + static_cast<uint64_t>(total));
    if (put < 0) return total > 0 ? total : put;
    total += put;
    if (static_cast<uint64_t>(put) < size) break;
  } while (parts.size() > 0);
  return total;
}

int64_t close_descriptor(uint64_t number) {
  Descriptor file;
  if (!release(number, &file)) return -EBADF;
  if (is_own(file.kind)) {
    own_drop(file);
    return 0;
  }
  if (file.host <= 2) return 0;  // the host keeps its own standard streams
  return call(__NR_close, 0, file.host);
}

int64_t duplicate(uint64_t descriptor) {
  Descriptor file;
  if (!get(descriptor, &file)) return -EBADF;
  if (is_own(file.kind)) {
    own_hold(file);
    const int64_t number = open_own(file.kind, file.device);
    if (number < 0) own_drop(file);
    return number;
  }
  if (file.kind == Kind::kEpoll) return -EINVAL;
  return adopt_answer(call(__NR_dup, kHostDescriptorsMax - 1, file.host), Kind::kHost, file.domain);
}

// duplicate_to is dup2 and dup3: `target` is closed first, and silently.
int64_t duplicate_to(uint64_t descriptor, uint64_t target, bool may_be_same) {
  Descriptor file;
  if (!get(descriptor, &file) || target >= kDescriptorsMax) return -EBADF;
  if (descriptor == target) return may_be_same ? static_cast<int64_t>(target) : -EINVAL;
  if (file.kind == Kind::kEpoll) return -EINVAL;
  if (file.kind == Kind::kHost) {
    const int64_t host = call(__NR_dup, kHostDescriptorsMax - 1, file.host);
    if (host < 0) return host;
    file.host = static_cast<int32_t>(host);
  }
  own_hold(file);
  close_descriptor(target);
  return place(target, file);
}

struct FileLock {  // struct flock
  int16_t type, whence;
  int32_t padding;
  int64_t start, length;
  int32_t process, padding2;
};

// take_lock copies the lock that stands in the way to the program, or says in its own that none does.
void take_lock(const Bounce& bounce, uint64_t place, uint64_t address) {
  const auto lock = bounce.get<FileLock>(place);
  auto& to = *reinterpret_cast<FileLock*>(address);
  if (lock.type == F_UNLCK) {
    to.type = F_UNLCK;
    return;
  }
  const bool known = lock.type == F_RDLCK || lock.type == F_WRLCK;
  refuse_if(!known || lock.whence != 0 || lock.start < 0 || lock.length < 0 || lock.process < -1, "io.lock");
  to = lock;
}

int64_t control(uint64_t descriptor, uint64_t command, uint64_t argument) {
  constexpr uint64_t kFlockSize = sizeof(FileLock);
  const int64_t host = host_of(descriptor);
  Descriptor file;
  if (!get(descriptor, &file)) return -EBADF;
  switch (command) {
    case F_DUPFD:
    case F_DUPFD_CLOEXEC:
      return duplicate(descriptor);
    case F_GETFD:
      return FD_CLOEXEC;
    case F_SETFD:
      return 0;  // nothing executes another program
    case F_GETFL:
      return host < 0 ? O_RDWR : call(__NR_fcntl, 0x7fffffff, host, command);
    case F_SETFL:
      return host < 0 ? 0 : call(__NR_fcntl, 0, host, command, argument);
    case F_GETLK:
    case F_OFD_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_SETLK:
    case F_OFD_SETLKW: {
      if (host < 0 || !program_range(argument, kFlockSize)) return -EINVAL;
      Bounce bounce;
      const uint64_t place = bounce.put(reinterpret_cast<const void*>(argument), kFlockSize);
      const int64_t result = call(__NR_fcntl, 0, host, command, place);
      const bool asks = command == F_GETLK || command == F_OFD_GETLK;
      if (result == 0 && asks) take_lock(bounce, place, argument);
      return result;
    }
    default:
      return -EINVAL;
  }
}

int64_t io_control(uint64_t descriptor, uint64_t command, uint64_t argument) {
  Descriptor file;
  if (!get(descriptor, &file)) return -EBADF;
  if (is_own(file.kind) || (command != FIONBIO && command != FIONREAD)) return -ENOTTY;
  const int64_t host = file.host;
  if (!program_range(argument, 4)) return -EFAULT;
  Bounce bounce;
  const uint64_t place = bounce.put(reinterpret_cast<const void*>(argument), 4);
  const int64_t result = call(__NR_ioctl, 0, host, command, place);
  if (result == 0 && command == FIONREAD) {
    const auto count = bounce.get<int32_t>(place);
    refuse_if(count < 0, "io.fionread");
    *reinterpret_cast<int32_t*>(argument) = count;
  }
  return result;
}

int64_t pipe(uint64_t pair, uint64_t flags) {
  if (!program_range(pair, 8)) return -EFAULT;
  Bounce bounce;
  const uint64_t place = bounce.reserve(8);
  if (const int64_t result = call(__NR_pipe2, 0, place, flags); result != 0) return result;
  return adopt_pair(bounce, place, pair, 0);
}

}  // namespace

int64_t place_open(uint64_t number, int64_t host) {
  const int64_t placed = place(number, {.kind = Kind::kHost, .host = static_cast<int32_t>(host)});
  if (placed < 0) call(__NR_close, 0, host);
  return placed;
}

void close_open(uint64_t number) { close_descriptor(number); }

int64_t adopt_answer(int64_t host, Kind kind, uint8_t domain) {
  const int64_t number = adopt(host, kind, domain);
  if (host >= 0 && number < 0) call(__NR_close, 0, host);
  return number;
}

int64_t adopt_pair(const Bounce& bounce, uint64_t place, uint64_t pair, uint8_t domain) {
  int64_t number[2];
  for (uint64_t i = 0; i < 2; ++i) {
    const auto host = bounce.get<int32_t>(place + i * 4);
    refuse_if(host < 0, "io.pair");
    number[i] = adopt_answer(host, Kind::kHost, domain);
  }
  if (number[0] < 0 || number[1] < 0) {
    for (const int64_t one : number) {
      if (one >= 0) close_descriptor(static_cast<uint64_t>(one));
    }
    return -EMFILE;
  }
  for (uint64_t i = 0; i < 2; ++i) reinterpret_cast<int32_t*>(pair)[i] = static_cast<int32_t>(number[i]);
  return 0;
}

bool io_call(uint64_t number, const Arguments& a, int64_t* result) {
  // clang-format off
  switch (number) {
    case __NR_read:
    case __NR_pread64:
    case __NR_write:
    case __NR_pwrite64: {
      Scatter parts(a[1], a[2]);
      const bool positioned = number == __NR_pread64 || number == __NR_pwrite64;
      const bool reads = number == __NR_read || number == __NR_pread64;
      if (!parts.valid()) *result = -EFAULT;
      else *result = reads ? read_vector(number, a[0], parts, positioned ? a[3] : 0)
                           : write_vector(number, a[0], parts, positioned ? a[3] : 0);
      return true;
    }
    case __NR_readv:
    case __NR_writev: {
      Scatter parts(reinterpret_cast<const Iovec*>(a[1]), a[2]);
      if (!parts.valid()) *result = -EFAULT;
      else *result = number == __NR_readv ? read_vector(__NR_read, a[0], parts, 0) : write_vector(__NR_write, a[0], parts, 0);
      return true;
    }
    case __NR_preadv:
    case __NR_pwritev: {
      Scatter parts(reinterpret_cast<const Iovec*>(a[1]), a[2]);
      if (!parts.valid()) *result = -EFAULT;
      else *result = number == __NR_preadv ? read_vector(__NR_pread64, a[0], parts, a[3]) : write_vector(__NR_pwrite64, a[0], parts, a[3]);
      return true;
    }
    case __NR_close: *result = close_descriptor(a[0]); return true;
    case __NR_dup: *result = duplicate(a[0]); return true;
    case __NR_dup2: *result = duplicate_to(a[0], a[1], true); return true;
    case __NR_dup3: *result = duplicate_to(a[0], a[1], false); return true;
    case __NR_fcntl: *result = control(a[0], a[1], a[2]); return true;
    case __NR_ioctl: *result = io_control(a[0], a[1], a[2]); return true;
    case __NR_pipe: *result = pipe(a[0], 0); return true;
    case __NR_pipe2: *result = pipe(a[0], a[1]); return true;
    default: return false;
  }
  // clang-format on
}

}  // namespace clemmys::shield
