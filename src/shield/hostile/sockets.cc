// Sockets. Their bytes are whatever the network and the host make of them; sizes, addresses and descriptors
// are not.
#include <netinet/in.h>
#include <sys/socket.h>

#include "shield/hostile/world.h"

namespace clemmys::shield::hostile {
namespace {

constexpr std::uint64_t kDescriptor = 65535;

struct Pair {
  std::int32_t first, second;
};

// An address of `size` bytes and this family, where arguments `place` and `place + 1` point.
Answer address(int place, std::uint16_t family, std::uint32_t size, std::int64_t result) {
  return [=](World&, const HostCall& call) {
    std::memset(reinterpret_cast<void*>(call.arguments[place]), 1, 128);
    host_write(call.arguments[place], family);
    host_write(call.arguments[place + 1], size);
    return result;
  };
}

std::vector<Lie> address_lies(int place, std::int64_t result) {
  return {
      {"an address larger than its room", address(place, AF_INET, 129, result), "sockets.address_size"},
      {"the largest address", address(place, AF_INET, ~0u, result), "sockets.address_size"},
      {"an address longer than the program's", address(place, AF_INET, 28, result), "sockets.address"},
      {"an address that ends early", address(place, AF_INET, 3, result), "sockets.address"},
      {"an address of one byte", address(place, AF_INET, 1, result), "sockets.address"},
      {"an address of another family", address(place, AF_INET6, 28, result), "sockets.address"},
      {"an address of no family", address(place, 999, 16, result), "sockets.address"},
  };
}

std::function<std::int64_t(World&)> with_address(std::uint64_t number) {
  return [number](World& world) {
    world.out = world.buffer(16);
    world.out2 = world.value(std::uint32_t{16});
    return run(number, world.socket, world.out, world.out2, 0);
  };
}

std::function<std::int64_t(World&)> give_address(std::uint64_t number) {
  return [number](World& world) {
    sockaddr_in loopback{};
    loopback.sin_family = AF_INET;
    return run(number, world.socket, world.value(loopback), sizeof loopback);
  };
}

std::int64_t receive(World& world) {
  world.out = world.buffer(16);
  const std::uint64_t from = world.buffer(16), from_size = world.value(std::uint32_t{16});
  return run(__NR_recvfrom, world.socket, world.out, 16, 0, from, from_size);
}

Answer received(std::uint32_t address_size) {
  return [=](World&, const HostCall& call) -> std::int64_t {
    std::memset(reinterpret_cast<void*>(call.arguments[1]), 'x', 16);
    std::memset(reinterpret_cast<void*>(call.arguments[4]), 0, 16);
    host_write(call.arguments[4], std::uint16_t{AF_INET});
    host_write(call.arguments[5], address_size);
    return 16;
  };
}

}  // namespace

std::vector<Subject> socket_subjects() {
  std::vector<Lie> accept_lies = address_lies(1, 90);
  accept_lies.push_back({"a descriptor that is open", address(1, AF_INET, 16, 2), "descriptors.host_reuse"});
  const Lie reused = {"a descriptor that is open", says(3), "descriptors.host_reuse"};
  return {
      subject(__NR_socket, kDescriptor, [](World&) { return run(__NR_socket, AF_INET6, SOCK_STREAM, 0); },
              says(90), {reused}),
      subject(__NR_socketpair, 0,
              [](World& world) { return run(__NR_socketpair, AF_UNIX, SOCK_STREAM, 0, world.buffer(8)); },
              writes(3, Pair{90, 91}, 0),
              {{"the same descriptor twice", writes(3, Pair{90, 90}, 0), "descriptors.host_reuse"},
               {"a negative descriptor", writes(3, Pair{90, -2}, 0), "io.pair"},
               {"a descriptor out of range", writes(3, Pair{70000, 90}, 0), "descriptors.host_number"}}),
      subject(__NR_bind, 0, give_address(__NR_bind), says(0)),
      subject(__NR_connect, 0, give_address(__NR_connect), says(0)),
      subject(
          __NR_listen, 0, [](World& world) { return run(__NR_listen, world.socket, 5); }, says(0)),
      subject(
          __NR_shutdown, 0, [](World& world) { return run(__NR_shutdown, world.socket, 2); }, says(0)),
      subject(__NR_accept4, kDescriptor, with_address(__NR_accept4), address(1, AF_INET, 16, 90),
              std::move(accept_lies)),
      subject(__NR_accept4, kDescriptor, [](World& world) { return run(__NR_accept, world.socket, 0, 0); },
              says(90), {reused}),
      subject(__NR_getsockname, 0, with_address(__NR_getsockname), address(1, AF_INET, 16, 0),
              address_lies(1, 0)),
      subject(__NR_getpeername, 0, with_address(__NR_getpeername), address(1, AF_INET, 16, 0),
              address_lies(1, 0)),
      subject(
          __NR_setsockopt, 0,
          [](World& world) {
            return run(__NR_setsockopt, world.socket, SOL_SOCKET, SO_REUSEADDR, world.value(1), 4);
          },
          says(0)),
      subject(
          __NR_getsockopt, 0,
          [](World& world) {
            world.out = world.value(0);
            return run(__NR_getsockopt, world.socket, SOL_SOCKET, SO_ERROR, world.out,
                       world.value(std::uint32_t{4}));
          },
          [](World&, const HostCall& call) -> std::int64_t {
            host_write(call.arguments[3], std::uint32_t{111});
            host_write(call.arguments[4], std::uint32_t{4});
            return 0;
          },
          {{"a value larger than its room", writes(4, std::uint32_t{5}, 0), "sockets.option_size"},
           {"the largest value", writes(4, ~std::uint32_t{0}, 0), "sockets.option_size"}}),
      subject(
          __NR_sendto, 4,
          [](World& world) { return run(__NR_sendto, world.socket, world.buffer(4, "abcd"), 4, 0, 0, 0); },
          says(4)),
      subject(
          __NR_recvfrom, 16, receive, received(16),
          {{"a sender larger than its room", received(129), "sockets.address_size"},
           {"a sender that ends early", received(4), "sockets.address"},
           {"no sender", received(0), nullptr, [](World&, std::int64_t result) { return result == 16; }}}),
      subject(
          __NR_recvfrom, 16,
          [](World& world) {
            return run(__NR_recvfrom, world.unix_socket, world.out = world.buffer(16), 16, 0, 0, 0);
          },
          says(16)),
  };
}

}  // namespace clemmys::shield::hostile
