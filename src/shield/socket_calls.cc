// Sockets: Unix and inet streams. Addresses and options are small and flat; messages become one run of bytes;
// control data (descriptors from outside) is not taken. Sends never raise SIGPIPE.
#include <asm/socket.h>

#include "shield/calls.h"
#include "shield/descriptors.h"
#include "shield/host.h"
#include "shield/memory.h"
#include "shield/scatter.h"

namespace clemmys::shield {
namespace {

constexpr uint64_t kAddressSizeMax = 128, kOptionSizeMax = 256;
constexpr uint64_t kMsgNoSignal = 0x4000;
constexpr uint64_t kReceiveFlags = 0x2 | 0x40 | 0x100 | 0x40000000;   // PEEK, DONTWAIT, WAITALL, CMSG_CLOEXEC
constexpr uint64_t kSendFlags = 0x40 | 0x80 | 0x8000 | kMsgNoSignal;  // DONTWAIT, EOR, MORE

struct MessageHeader {  // struct msghdr
  uint64_t name;
  uint32_t name_size, padding;
  uint64_t vector, vector_count, control, control_size;
  int32_t flags, padding2;
};

bool network() { return (layout().manifest_flags & kAllowNetwork) != 0; }

constexpr uint64_t kUnix = 1, kInet = 2, kInet6 = 10;  // AF_…

// is_address: what Linux gives for a socket of this domain (0: any). Programs give as much room as their
// domain needs, and do not look at the size that comes back.
bool is_address(const uint8_t* bytes, uint64_t size, uint8_t domain) {
  constexpr uint64_t kInetSize = 16, kInet6Size = 28, kUnixSizeMax = 110;
  if (size == 0) return true;  // a connected stream's sender
  if (size < 2) return false;
  const auto family = static_cast<uint64_t>(bytes[0] | bytes[1] << 8);
  if (domain != 0 && family != domain) return false;
  return family == kInet    ? size == kInetSize
         : family == kInet6 ? size == kInet6Size
                            : family == kUnix && size <= kUnixSizeMax;
}

// AddressOut is an address that the host fills: (place, place of its size), then copied to the program.
struct AddressOut {
  uint64_t address, size_address;
  uint8_t domain;
  uint64_t place = 0, size_place = 0;

  int64_t prepare(Bounce& bounce) {
    if (address == 0) return 0;
    if (!program_range(size_address, 4)) return -EFAULT;
    place = bounce.reserve(kAddressSizeMax);
    const uint32_t capacity = kAddressSizeMax;
    size_place = bounce.put(&capacity, sizeof capacity);
    return 0;
  }
  int64_t finish(const Bounce& bounce) {
    if (address == 0) return 0;
    const auto size = bounce.get<uint32_t>(size_place);
    refuse_if(size > kAddressSizeMax, "sockets.address_size");
    uint8_t bytes[kAddressSizeMax];
    bounce.get(bytes, place, size);
    refuse_if(!is_address(bytes, size, domain), "sockets.address");
    auto* capacity = reinterpret_cast<uint32_t*>(size_address);
    const uint32_t step = size < *capacity ? size : *capacity;
    if (!program_range(address, step)) return -EFAULT;
    memcpy(reinterpret_cast<void*>(address), bytes, step);
    *capacity = size;
    return 0;
  }
};

int64_t with_address_in(uint64_t number, uint64_t descriptor, uint64_t address, uint64_t size) {
  const int64_t host = host_of(descriptor);
  if (host < 0) return host;
  if (size > kAddressSizeMax) return -EINVAL;
  if (!program_range(address, size)) return -EFAULT;
  Bounce bounce;
  return call(number, 0, host, bounce.put(reinterpret_cast<const void*>(address), size), size);
}

int64_t with_address_out(uint64_t number, uint64_t descriptor, uint64_t address, uint64_t size_address,
                         uint64_t flags) {
  Descriptor socket;
  if (!get(descriptor, &socket) || !is_hosts(socket.kind)) return -EBADF;
  Bounce bounce;
  AddressOut out{address, size_address, socket.domain};
  if (const int64_t error = out.prepare(bounce); error != 0) return error;
  const bool accepts = number == __NR_accept4;
  const int64_t answer =
      call(number, accepts ? kHostDescriptorsMax - 1 : 0, socket.host, out.place, out.size_place, flags);
  if (answer < 0) return answer;
  const int64_t copied = out.finish(bounce);
  const int64_t result = accepts ? adopt_answer(answer, Kind::kHost, socket.domain) : answer;
  if (copied == 0 || result < 0) return result;
  if (accepts) close_open(static_cast<uint64_t>(result));  // as Linux does: nobody has its number
  return copied;
}

int64_t send(uint64_t descriptor, Scatter parts, uint64_t flags, uint64_t address, uint64_t address_size) {
  const int64_t host = host_of(descriptor);
  if (host < 0) return host;
  if (address_size > kAddressSizeMax) return -EINVAL;
  if (address != 0 && !program_range(address, address_size)) return -EFAULT;
  Bounce bounce;
  const uint64_t name = address == 0 ? 0 : bounce.put(reinterpret_cast<const void*>(address), address_size);
  const uint64_t size = parts.size() < bounce.room() ? parts.size() : bounce.room();
  const uint64_t place = bounce.reserve(size);
  parts.drain(bounce, place, size);
  return call(__NR_sendto, size, host, place, size, (flags & kSendFlags) | kMsgNoSignal, name,
              address == 0 ? 0 : address_size);
}

int64_t receive(uint64_t descriptor, Scatter parts, uint64_t flags, uint64_t address, uint64_t size_address) {
  Descriptor socket;
  if (!get(descriptor, &socket) || !is_hosts(socket.kind)) return -EBADF;
  Bounce bounce;
  AddressOut out{address, size_address, socket.domain};
  if (const int64_t error = out.prepare(bounce); error != 0) return error;
  const uint64_t size = parts.size() < bounce.room() ? parts.size() : bounce.room();
  const uint64_t place = bounce.reserve(size);
  const int64_t got =
      call(__NR_recvfrom, size, socket.host, place, size, flags & kReceiveFlags, out.place, out.size_place);
  if (got < 0) return got;
  parts.fill(bounce, place, static_cast<uint64_t>(got));
  const int64_t copied = out.finish(bounce);
  return copied != 0 ? copied : got;
}

int64_t send_message(uint64_t descriptor, uint64_t address, uint64_t flags) {
  if (!program_range(address, sizeof(MessageHeader))) return -EFAULT;
  const MessageHeader message = *reinterpret_cast<const MessageHeader*>(address);
  if (message.control_size != 0) return -EOPNOTSUPP;
  Scatter parts(reinterpret_cast<const Iovec*>(message.vector), message.vector_count);
  return parts.valid() ? send(descriptor, parts, flags, message.name, message.name_size) : -EFAULT;
}

int64_t receive_message(uint64_t descriptor, uint64_t address, uint64_t flags) {
  if (!program_range(address, sizeof(MessageHeader))) return -EFAULT;
  auto& message = *reinterpret_cast<MessageHeader*>(address);
  Scatter parts(reinterpret_cast<const Iovec*>(message.vector), message.vector_count);
  if (!parts.valid()) return -EFAULT;
  const uint64_t size_address = address + offsetof(MessageHeader, name_size);
  const int64_t got = receive(descriptor, parts, flags, message.name, size_address);
  if (got >= 0) message.control_size = 0, message.flags = 0;
  return got;
}

int64_t set_option(uint64_t descriptor, uint64_t level, uint64_t name, uint64_t value, uint64_t size) {
  const int64_t host = host_of(descriptor);
  if (host < 0) return host;
  if (size > kOptionSizeMax) return -EINVAL;
  if (!program_range(value, size)) return -EFAULT;
  Bounce bounce;
  return call(__NR_setsockopt, 0, host, level, name, bounce.put(reinterpret_cast<const void*>(value), size),
              size);
}

int64_t get_option(uint64_t descriptor, uint64_t level, uint64_t name, uint64_t value,
                   uint64_t size_address) {
  const int64_t host = host_of(descriptor);
  if (host < 0) return host;
  if (!program_range(size_address, 4)) return -EFAULT;
  auto& capacity = *reinterpret_cast<uint32_t*>(size_address);
  const uint32_t asked = capacity < kOptionSizeMax ? capacity : kOptionSizeMax;
  if (!program_range(value, asked)) return -EFAULT;
  Bounce bounce;
  const uint64_t place = bounce.reserve(asked), size_place = bounce.put(&asked, sizeof asked);
  const int64_t result = call(__NR_getsockopt, 0, host, level, name, place, size_place);
  if (result != 0) return result;
  const auto size = bounce.get<uint32_t>(size_place);
  refuse_if(size > asked, "sockets.option_size");
  bounce.get(reinterpret_cast<void*>(value), place, size);
  capacity = size;
  return 0;
}

int64_t open_socket(uint64_t domain, uint64_t type, uint64_t protocol) {
  if (!network()) return -EACCES;
  if (domain != kUnix && domain != kInet && domain != kInet6) return -EAFNOSUPPORT;
  return adopt_answer(call(__NR_socket, kHostDescriptorsMax - 1, domain, type, protocol), Kind::kHost,
                      static_cast<uint8_t>(domain));
}

int64_t open_pair(uint64_t domain, uint64_t type, uint64_t protocol, uint64_t pair) {
  if (!network()) return -EACCES;
  if (domain != kUnix) return -EOPNOTSUPP;  // as Linux
  if (!program_range(pair, 8)) return -EFAULT;
  Bounce bounce;
  const uint64_t place = bounce.reserve(8);
  if (const int64_t result = call(__NR_socketpair, 0, domain, type, protocol, place); result != 0)
    return result;
  return adopt_pair(bounce, place, pair, kUnix);
}

}  // namespace

bool socket_call(uint64_t number, const Arguments& a, int64_t* result) {
  // clang-format off
  switch (number) {
    case __NR_socket: *result = open_socket(a[0], a[1], a[2]); return true;
    case __NR_socketpair: *result = open_pair(a[0], a[1], a[2], a[3]); return true;
    case __NR_bind:
    case __NR_connect: *result = with_address_in(number, a[0], a[1], a[2]); return true;
    case __NR_accept: *result = with_address_out(__NR_accept4, a[0], a[1], a[2], 0); return true;
    case __NR_accept4: *result = with_address_out(__NR_accept4, a[0], a[1], a[2], a[3]); return true;
    case __NR_getsockname:
    case __NR_getpeername: *result = with_address_out(number, a[0], a[1], a[2], 0); return true;
    case __NR_listen:
    case __NR_shutdown: {
      const int64_t host = host_of(a[0]);
      *result = host < 0 ? host : call(number, 0, host, a[1]);
      return true;
    }
    case __NR_sendto: {
      Scatter parts(a[1], a[2]);
      *result = parts.valid() ? send(a[0], parts, a[3], a[4], a[5]) : -EFAULT;
      return true;
    }
    case __NR_recvfrom: {
      Scatter parts(a[1], a[2]);
      *result = parts.valid() ? receive(a[0], parts, a[3], a[4], a[5]) : -EFAULT;
      return true;
    }
    case __NR_sendmsg: *result = send_message(a[0], a[1], a[2]); return true;
    case __NR_recvmsg: *result = receive_message(a[0], a[1], a[2]); return true;
    case __NR_setsockopt: *result = set_option(a[0], a[1], a[2], a[3], a[4]); return true;
    case __NR_getsockopt: *result = get_option(a[0], a[1], a[2], a[3], a[4]); return true;
    default: return false;
  }
  // clang-format on
}

}  // namespace clemmys::shield
