#include "wire/handover.h"

#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace clemmys::wire {
namespace {

constexpr std::uint32_t kMark = 0x484d4c43;  // "CLMH"
struct Message {
  std::uint32_t mark = 0, memory_mib = 0;
};
constexpr std::size_t kCount = 2;

// Control is room for the descriptors, aligned as recvmsg wants it.
union Control {
  cmsghdr head;
  char room[CMSG_SPACE(kCount * sizeof(int))];
};

}  // namespace

Status send_handover(int link, const Handover& handover) {
  Message content{kMark, handover.memory_mib};
  iovec piece{&content, sizeof content};
  Control control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = &control;
  message.msg_controllen = sizeof control;
  cmsghdr* rights = CMSG_FIRSTHDR(&message);
  rights->cmsg_level = SOL_SOCKET;
  rights->cmsg_type = SCM_RIGHTS;
  rights->cmsg_len = CMSG_LEN(kCount * sizeof(int));
  const std::array<int, kCount> descriptors{handover.image, handover.quoting};
  std::memcpy(CMSG_DATA(rights), descriptors.data(), sizeof descriptors);
  if (::sendmsg(link, &message, MSG_NOSIGNAL | MSG_DONTWAIT) != sizeof content)
    return Error{ErrorCode::kUnavailable, "wire.handover.send", std::strerror(errno)};
  return {};
}

Result<Handover> receive_handover(int link) {
  Message content;
  iovec piece{&content, sizeof content};
  Control control{};
  msghdr message{};
  message.msg_iov = &piece;
  message.msg_iovlen = 1;
  message.msg_control = &control;
  message.msg_controllen = sizeof control;
  ssize_t size;
  do size = ::recvmsg(link, &message, MSG_CMSG_CLOEXEC);
  while (size < 0 && errno == EINTR);
  if (size <= 0) return Error{ErrorCode::kUnavailable, "wire.handover.closed"};
  const cmsghdr* rights = CMSG_FIRSTHDR(&message);
  if (size != sizeof content || content.mark != kMark || rights == nullptr ||
      rights->cmsg_level != SOL_SOCKET || rights->cmsg_type != SCM_RIGHTS ||
      rights->cmsg_len != CMSG_LEN(kCount * sizeof(int)))
    return Error{ErrorCode::kCorrupt, "wire.handover.message"};
  std::array<int, kCount> descriptors;
  std::memcpy(descriptors.data(), CMSG_DATA(rights), sizeof descriptors);
  return Handover{descriptors[0], descriptors[1], content.memory_mib};
}

}  // namespace clemmys::wire
