// Reading, writing, and the life of descriptors.
#include <fcntl.h>
#include <sys/ioctl.h>

#include "shield/hostile/world.h"

namespace clemmys::shield::hostile {
namespace {

constexpr std::uint64_t kDescriptor = 65535;

struct Pair {
  std::int32_t first, second;
};

std::string_view text_at(std::uint64_t address, std::size_t size) {
  return {reinterpret_cast<const char*>(address), size};
}

Answer fills(std::size_t size, std::int64_t result) {
  return [=](World&, const HostCall& call) {
    std::memset(reinterpret_cast<void*>(call.arguments[1]), 'x', size);
    return result;
  };
}

std::int64_t read_16(World& world, std::uint64_t number) {
  return run(number, world.file, world.out = world.buffer(16, "----------------"), 16, 0);
}

std::int64_t read_vector(World& world, std::uint64_t number) {
  const std::uint64_t first = world.buffer(5), second = world.buffer(11);
  const Iovec parts[2] = {{first, 5}, {second, 11}};
  return run(number, world.file, world.buffer(sizeof parts, text_at(address_of(parts), sizeof parts)), 2);
}

struct flock lock(int type, off_t start, off_t length, pid_t process, int from = SEEK_SET) {
  struct flock result{};
  result.l_type = static_cast<short>(type);
  result.l_whence = static_cast<short>(from);
  result.l_start = start;
  result.l_len = length;
  result.l_pid = process;
  return result;
}

const Lie kOnlyWhatWasReturned = {
    "more bytes in the buffer than the answer says", fills(16, 3), nullptr,
    [](World& world, std::int64_t result) { return result == 3 && text_at(world.out, 6) == "xxx---"; }};

}  // namespace

std::vector<Subject> descriptor_subjects() {
  const Lie reused = {"a descriptor that is open", says(2), "descriptors.host_reuse"};
  const Lie nobodys = {"a descriptor that nobody opened", says(60000), nullptr,
                       [](World&, std::int64_t result) { return result == 10; }};
  const auto write_4 = [](std::uint64_t number) {
    return [number](World& world) { return run(number, world.file, world.buffer(4, "abcd"), 4, 0); };
  };
  return {
      subject(__NR_read, 16, [](World& world) { return read_16(world, __NR_read); }, fills(16, 16),
              {kOnlyWhatWasReturned}),
      subject(
          __NR_read, 16, [](World& world) { return read_vector(world, __NR_readv); }, fills(16, 16)),
      subject(__NR_pread64, 16, [](World& world) { return read_16(world, __NR_pread64); }, fills(16, 16),
              {kOnlyWhatWasReturned}),
      subject(__NR_write, 4, write_4(__NR_write), says(4)),
      subject(
          __NR_write, 16, [](World& world) { return read_vector(world, __NR_writev); }, says(16)),
      subject(__NR_pwrite64, 4, write_4(__NR_pwrite64), says(4)),
      subject(__NR_close, 0, [](World& world) { return run(__NR_close, world.file); }, says(0),
              {{"an error, though it is closed", says(-EINTR), nullptr,
                [](World& world, std::int64_t result) {
                  return result == -EINTR && run(__NR_read, world.file, 4096, 0) == -EBADF;
                }}}),
      subject(__NR_dup, kDescriptor, [](World& world) { return run(__NR_dup, world.file); }, says(77),
              {reused, nobodys}),
      subject(__NR_dup, kDescriptor, [](World& world) { return run(__NR_dup2, world.file, 2); }, says(77),
              {{"the target's own descriptor", says(2), nullptr,
                [](World&, std::int64_t result) { return result == 2; }},
               {"a descriptor that is open", says(1), "descriptors.host_reuse"}}),
      subject(__NR_pipe2, 0, [](World& world) { return run(__NR_pipe2, world.out = world.buffer(8), 0); },
              writes(0, Pair{80, 81}, 0),
              {{"the same descriptor twice", writes(0, Pair{80, 80}, 0), "descriptors.host_reuse"},
               {"a descriptor that is open", writes(0, Pair{80, 2}, 0), "descriptors.host_reuse"},
               {"a negative descriptor", writes(0, Pair{-1, 80}, 0), "io.pair"},
               {"a descriptor out of range", writes(0, Pair{80, 65536}, 0), "descriptors.host_number"},
               {"the largest descriptor", writes(0, Pair{0x7fffffff, 80}, 0), "descriptors.host_number"}}),
      subject(
          __NR_fcntl, 0x7fffffff, [](World& world) { return run(__NR_fcntl, world.file, F_GETFL); },
          says(O_RDWR)),
      subject(
          __NR_fcntl, 0, [](World& world) { return run(__NR_fcntl, world.file, F_SETFL, O_NONBLOCK); },
          says(0)),
      subject(
          __NR_fcntl, 0, [](World& world) { return run(__NR_fcntl, world.file, F_SETLK, world.buffer(32)); },
          says(0)),
      subject(__NR_fcntl, 0,
              [](World& world) {
                return run(__NR_fcntl, world.file, F_GETLK, world.out = world.value(lock(F_WRLCK, 0, 0, 0)));
              },
              writes(2, lock(F_RDLCK, 10, 5, 77), 0),
              {{"a lock of no kind", writes(2, lock(99, 0, 0, 1), 0), "io.lock"},
               {"a lock from the end", writes(2, lock(F_RDLCK, 0, 0, 1, SEEK_END), 0), "io.lock"},
               {"a lock before the file", writes(2, lock(F_RDLCK, -1, 0, 1), 0), "io.lock"},
               {"a lock of negative length", writes(2, lock(F_RDLCK, 5, -5, 1), 0), "io.lock"},
               {"a lock of an impossible process", writes(2, lock(F_RDLCK, 0, 0, -2), 0), "io.lock"}}),
      subject(
          __NR_ioctl, 0,
          [](World& world) {
            return run(__NR_ioctl, world.file, FIONREAD, world.out = world.value(std::int32_t{0}));
          },
          writes(2, std::int32_t{5}, 0),
          {{"a negative size", writes(2, std::int32_t{-1}, 0), "io.fionread"},
           {"a huge size", writes(2, std::int32_t{0x7fffffff}, 0), nullptr,
            [](World& world, std::int64_t) { return world.read<std::int32_t>(world.out) == 0x7fffffff; }}}),
      subject(
          __NR_lseek, 0x7fffffffffffffff,
          [](World& world) { return run(__NR_lseek, world.file, 0, SEEK_END); }, says(100)),
  };
}

}  // namespace clemmys::shield::hostile
