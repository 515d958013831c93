// The way to the quoting service, a Unix socket. Frames: u32 little-endian length, then that many bytes.
// Request 1: target info; request 2 and a REPORT: quote. Answer: status byte 0, then the bytes.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <optional>

#include "enclave/host/process.h"

namespace clemmys::enclave {
namespace {

constexpr std::size_t kAnswerSizeMax = 64 * 1024;
constexpr std::uint8_t kRequestTargetInfo = 1, kRequestQuote = 2;

bool transfer(int socket, std::uint8_t* data, std::size_t size, bool sending) {
  while (size > 0) {
    const ssize_t step = sending ? send(socket, data, size, MSG_NOSIGNAL) : recv(socket, data, size, 0);
    if (step < 0 && errno == EINTR) continue;
    if (step <= 0) return false;
    data += step;
    size -= static_cast<std::size_t>(step);
  }
  return true;
}

std::optional<Bytes> exchange(int socket, Bytes request) {
  std::uint32_t size = static_cast<std::uint32_t>(request.size());
  if (!transfer(socket, reinterpret_cast<std::uint8_t*>(&size), sizeof size, true)) return {};
  if (!transfer(socket, request.data(), request.size(), true)) return {};
  if (!transfer(socket, reinterpret_cast<std::uint8_t*>(&size), sizeof size, false)) return {};
  if (size < 1 || size > kAnswerSizeMax) return {};
  Bytes answer(size);
  if (!transfer(socket, answer.data(), size, false) || answer[0] != 0) return {};
  answer.erase(answer.begin());
  return answer;
}

std::optional<Bytes> ask(const std::string& path, Bytes request) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof address.sun_path) return {};
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (socket < 0) return {};
  std::optional<Bytes> answer;
  if (connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0)
    answer = exchange(socket, std::move(request));
  close(socket);
  return answer;
}

}  // namespace

std::int64_t Process::target_info(const Slot& slot, std::uint64_t address) {
  if (!in_bounce(slot, address, sizeof(sgx::TargetInfo))) return -EFAULT;
  const auto answer = ask(options_.quote_socket, {kRequestTargetInfo});
  if (!answer || answer->size() != sizeof(sgx::TargetInfo)) return -EIO;
  std::memcpy(reinterpret_cast<void*>(address), answer->data(), answer->size());
  return 0;
}

std::int64_t Process::quote(const Slot& slot, const std::uint64_t* a) {
  if (a[1] != sizeof(sgx::Report) || !in_bounce(slot, a[0], a[1]) || !in_bounce(slot, a[2], a[3]))
    return -EFAULT;
  Bytes request = {kRequestQuote};
  const auto* report = reinterpret_cast<const std::uint8_t*>(a[0]);
  request.insert(request.end(), report, report + a[1]);
  const auto answer = ask(options_.quote_socket, std::move(request));
  if (!answer || answer->size() > a[3]) return -EIO;
  std::memcpy(reinterpret_cast<void*>(a[2]), answer->data(), answer->size());
  return static_cast<std::int64_t>(answer->size());
}

}  // namespace clemmys::enclave
