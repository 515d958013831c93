// Calls of the program that leave the enclave by the same host calls as others do: vectors, old names,
// messages, select. Each has its own way from the answer to the program.
#include <fcntl.h>
#include <sys/poll.h>
#include <sys/select.h>
#include <sys/socket.h>

#include "shield/descriptors.h"
#include "shield/hostile/world.h"

namespace clemmys::shield::hostile {
namespace {

constexpr std::uint64_t kDescriptor = 65535, kStat = 144;
constexpr auto kHere = static_cast<std::uint64_t>(AT_FDCWD);

using Act = std::function<std::int64_t(World&)>;

std::uint64_t path(World& world) { return world.buffer(16, "/state/x"); }

// on_path is a call whose first argument is a path.
Act on_path(std::uint64_t number) {
  return [number](World& world) { return run(number, path(world), 0, 0); };
}

Act vector_of(std::uint64_t number) {
  return [number](World& world) {
    const Iovec parts[2] = {{world.out = world.buffer(5), 5}, {world.buffer(11), 11}};
    return run(number, world.file, world.value(parts), 2, 0);
  };
}

Answer fills(std::int64_t result) {
  return [result](World&, const HostCall& call) {
    std::memset(reinterpret_cast<void*>(call.arguments[1]), 'x', 16);
    return result;
  };
}

// message sends or receives 16 bytes in two parts.
Act message(std::uint64_t number) {
  return [number](World& world) {
    world.out2 = world.buffer(128);
    Iovec parts[2] = {{world.out = world.buffer(5), 5}, {world.buffer(11), 11}};
    msghdr header{};
    header.msg_name = reinterpret_cast<void*>(world.out2);
    header.msg_namelen = number == __NR_recvmsg ? 16 : 0;
    header.msg_iov = reinterpret_cast<iovec*>(world.value(parts));
    header.msg_iovlen = 2;
    return run(number, world.socket, world.value(header), 0);
  };
}

Answer received(std::uint32_t address_size) {
  return [=](World&, const HostCall& call) -> std::int64_t {
    std::memset(reinterpret_cast<void*>(call.arguments[1]), 'x', 16);
    host_write(call.arguments[4], std::uint16_t{AF_INET});
    host_write(call.arguments[5], address_size);
    return 16;
  };
}

// choose asks by select whether the event can be read and the socket written: `out` and `out2`.
Act choose(std::uint64_t number) {
  return [number](World& world) {
    world.out = world.value(std::uint64_t{1} << world.event);
    world.out2 = world.value(std::uint64_t{1} << world.socket);
    return run(number, 64, world.out, world.out2, 0, world.value(Timespec{}), 0);
  };
}

// everything is ready, whatever was asked; the answer counts `count`.
Answer chosen(std::int16_t events, std::int64_t count) {
  return [=](World&, const HostCall& call) {
    for (std::uint64_t i = 0; i < call.arguments[1]; ++i)
      host_write(call.arguments[0] + 8 * i, pollfd{static_cast<int>(i), 0, events});
    return count;
  };
}

std::vector<Lie> choice_lies() {
  const auto bits = [](World& world) {
    return std::pair(world.read<std::uint64_t>(world.out) >> world.event,
                     world.read<std::uint64_t>(world.out2) >> world.socket);
  };
  return {{"every event of every descriptor", chosen(0x7fff, 64), nullptr,
           [bits](World& world, std::int64_t result) {
             return result == 2 && bits(world) == std::pair(std::uint64_t{1}, std::uint64_t{1});
           }},
          {"a count of what is not there", chosen(0, 64), nullptr, [bits](World& world, std::int64_t result) {
             return result == 0 && bits(world) == std::pair(std::uint64_t{0}, std::uint64_t{0});
           }}};
}

Act poll_one(std::uint64_t number) {
  return [number](World& world) {
    const pollfd entry{static_cast<int>(world.event), POLLIN, 0};
    return run(number, world.out = world.value(entry), 1, world.value(Timespec{}));
  };
}

Act wait(std::uint64_t number) {
  return [number](World& world) {
    const std::uint64_t timeout = number == __NR_epoll_pwait2 ? world.value(Timespec{}) : 0;
    return run(number, world.epoll, world.out = world.buffer(4 * sizeof(EpollEvent)), 4, timeout);
  };
}

Answer ready(std::uint64_t token_change) {
  return [=](World& world, const HostCall& call) -> std::int64_t {
    host_write(call.arguments[1], EpollEvent{POLLIN, world.token + token_change});
    return 1;
  };
}

Act look(std::uint64_t number) {
  return [number](World& world) {
    const std::uint64_t name = path(world);
    return run(number, name, world.out = world.buffer(kStat));
  };
}

void files(std::vector<Subject>& all) {
  const Lie reused = {"a descriptor that is open", says(2), "descriptors.host_reuse"};
  for (const std::uint64_t number : {__NR_open, __NR_creat, __NR_chdir})
    all.push_back(subject(__NR_openat, kDescriptor, on_path(number), says(30), {reused}));
  for (const std::uint64_t number : {__NR_stat, __NR_lstat})
    all.push_back(subject(__NR_newfstatat, 0, look(number), honest_stat(2), stat_lies(2)));
  for (const std::uint64_t number : {__NR_unlink, __NR_rmdir})
    all.push_back(subject(__NR_unlinkat, 0, on_path(number), says(0)));

  all.push_back(subject(__NR_mkdirat, 0, on_path(__NR_mkdir), says(0)));
  all.push_back(subject(__NR_fchmodat, 0, on_path(__NR_chmod), says(0)));
  all.push_back(subject(__NR_faccessat, 0, on_path(__NR_access), says(0)));
  all.push_back(subject(__NR_ftruncate, 0, on_path(__NR_truncate), says(0)));
  all.push_back(subject(
      __NR_faccessat, 0, [](World& world) { return run(__NR_faccessat2, kHere, path(world), 0, 0); },
      says(0)));
  const auto rename = [](World& world) {
    const std::uint64_t from = path(world);
    return run(__NR_rename, from, path(world));
  };
  const auto rename_at = [](World& world) {
    const std::uint64_t from = path(world);
    return run(__NR_renameat, kHere, from, kHere, path(world));
  };
  all.push_back(subject(__NR_renameat2, 0, rename, says(0)));
  all.push_back(subject(__NR_renameat2, 0, rename_at, says(0)));
}

void descriptors(std::vector<Subject>& all) {
  const Lie reused = {"a descriptor that is open", says(1), "descriptors.host_reuse"};
  const Lie more = {"more bytes in the buffer than the answer says", fills(3), nullptr,
                    [](World& world, std::int64_t result) {
                      return result == 3 && world.read<std::array<char, 5>>(world.out) ==
                                                std::array<char, 5>{'x', 'x', 'x', 0, 0};
                    }};
  all.push_back(subject(__NR_pread64, 16, vector_of(__NR_preadv), fills(16), {more}));
  all.push_back(subject(__NR_pwrite64, 16, vector_of(__NR_pwritev), says(16)));
  all.push_back(subject(__NR_dup, kDescriptor, [](World& world) { return run(__NR_dup3, world.file, 2, 0); },
                        says(77), {reused}));
  all.push_back(subject(__NR_dup, kDescriptor,
                        [](World& world) { return run(__NR_fcntl, world.file, F_DUPFD, 0); }, says(77),
                        {reused}));
  all.push_back(
      subject(__NR_pipe2, 0, [](World& world) { return run(__NR_pipe, world.out = world.buffer(8)); },
              writes(0, std::array<std::int32_t, 2>{80, 81}, 0),
              {{"a negative descriptor", writes(0, std::array<std::int32_t, 2>{-1, 80}, 0), "io.pair"}}));
}

}  // namespace

std::vector<Subject> variant_subjects() {
  const Lie reused = {"a descriptor that is open", says(1), "descriptors.host_reuse"};
  std::vector<Subject> all;
  files(all);
  descriptors(all);
  all.push_back(subject(__NR_sendto, 16, message(__NR_sendmsg), says(16)));
  all.push_back(subject(__NR_recvfrom, 16, message(__NR_recvmsg), received(16),
                        {{"a sender larger than its room", received(129), "sockets.address_size"},
                         {"a sender that ends early", received(4), "sockets.address"}}));
  for (const std::uint64_t number : {__NR_select, __NR_pselect6})
    all.push_back(subject(__NR_poll, 64, choose(number), chosen(POLLIN | POLLOUT, 64), choice_lies()));
  all.push_back(subject(__NR_poll, 1, poll_one(__NR_ppoll), chosen(POLLIN, 1),
                        {{"every event", chosen(0x7fff, 1), nullptr, [](World& world, std::int64_t) {
                            const auto entry = world.read<pollfd>(world.out);
                            return entry.revents == (POLLIN | POLLERR | POLLHUP | POLLNVAL) &&
                                   entry.fd == static_cast<int>(world.event);
                          }}}));
  for (const std::uint64_t number : {__NR_epoll_pwait, __NR_epoll_pwait2})
    all.push_back(subject(__NR_epoll_wait, 4, wait(number), ready(0),
                          {{"a token that was never given out", ready(1), "events.forged_token"}}));
  all.push_back(subject(__NR_epoll_create1, kDescriptor, [](World&) { return run(__NR_epoll_create, 1); },
                        says(40), {reused}));
  all.push_back(
      subject(__NR_eventfd2, kDescriptor, [](World&) { return run(__NR_eventfd, 0); }, says(40), {reused}));
  return all;
}

}  // namespace clemmys::shield::hostile
