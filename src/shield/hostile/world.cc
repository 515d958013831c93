#include "shield/hostile/world.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <iterator>

namespace clemmys::shield::hostile {
namespace {

constexpr std::uint8_t kAround = 0xa5;

std::uint64_t opened(std::int64_t number) {
  if (number < 0) throw std::logic_error("a descriptor of the test was not opened");
  return static_cast<std::uint64_t>(number);
}

}  // namespace

World::World() {
  memory_.fill(kAround);
  forget_time();
  host.answer([this, next = 20](const HostCall& call) mutable -> std::int64_t {
    if (call.number == __NR_epoll_ctl) token = host_read<std::uint64_t>(call.arguments[3] + 4);
    return call.number == __NR_epoll_ctl ? 0 : next++;
  });
  file = opened(run(__NR_openat, static_cast<std::uint64_t>(-100), address_of("/state/file"), 0));
  epoll = opened(run(__NR_epoll_create1, 0));
  event = opened(run(__NR_eventfd2, 0, 0));
  timer = opened(run(__NR_timerfd_create, 1, 0));
  socket = opened(run(__NR_socket, AF_INET, SOCK_STREAM, 0));
  unix_socket = opened(run(__NR_socket, AF_UNIX, SOCK_STREAM, 0));
  struct __attribute__((packed)) {
    std::uint32_t events = EPOLLIN;
    std::uint64_t data = 0x1234567890abcdef;
  } const wish;
  if (run(__NR_epoll_ctl, epoll, EPOLL_CTL_ADD, event, address_of(&wish)) != 0)
    throw std::logic_error("epoll_ctl of the test");
}

std::uint64_t World::buffer(std::uint64_t size, std::string_view text) {
  const std::uint64_t begin = used_;
  used_ += (size + 15) / 16 * 16 + 256;
  if (used_ > memory_.size()) throw std::logic_error("the test needs more memory");
  std::fill_n(given_.begin() + static_cast<std::ptrdiff_t>(begin), size, true);
  std::fill_n(memory_.begin() + static_cast<std::ptrdiff_t>(begin), size, std::uint8_t{0});
  std::copy(text.begin(), text.end(), memory_.begin() + static_cast<std::ptrdiff_t>(begin));
  return address_of(&memory_[begin]);
}

bool World::kept_inside() const {
  if (overrun_allowed_) return true;
  for (std::size_t i = 0; i < memory_.size(); ++i) {
    if (!given_[i] && memory_[i] != kAround) return false;
  }
  return true;
}

Subject subject(std::uint64_t number, std::uint64_t value_max, std::function<std::int64_t(World&)> act,
                Answer honest, std::vector<Lie> lies, Errors errors) {
  const auto* call = std::ranges::find(kForwarded, number, &Forwarded::number);
  if (call == std::end(kForwarded)) throw std::logic_error("a subject that is not forwarded");
  return {call->name, number, value_max, std::move(act), std::move(honest), std::move(lies), errors};
}

Subject subject(OwnCall number, std::uint64_t value_max, std::function<std::int64_t(World&)> act,
                Answer honest, std::vector<Lie> lies, Errors errors) {
  const auto* call = std::ranges::find(kOwnCalls, number, &NamedOwnCall::call);
  if (call == std::end(kOwnCalls)) throw std::logic_error("a subject that is not one of our calls");
  return {call->name,
          static_cast<std::uint64_t>(number),
          value_max,
          std::move(act),
          std::move(honest),
          std::move(lies),
          errors};
}

const std::vector<Subject>& subjects() {
  static const std::vector<Subject> kAll = [] {
    std::vector<Subject> all;
    for (auto* some : {descriptor_subjects, file_subjects, socket_subjects, event_subjects, time_subjects,
                       own_call_subjects, variant_subjects}) {
      std::ranges::move(some(), std::back_inserter(all));
    }
    return all;
  }();
  return kAll;
}

}  // namespace clemmys::shield::hostile
