#include "attest/service/quote_client.h"

#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/codec.h"

namespace clemmys::attest {
namespace {

constexpr time_t kTimeoutS = 10;

class Socket {
 public:
  Socket() : descriptor_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {}
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket() {
    if (descriptor_ >= 0) ::close(descriptor_);
  }

  bool connect(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (descriptor_ < 0 || path.size() >= sizeof address.sun_path) return false;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    return ::connect(descriptor_, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  }
  int get() const { return descriptor_; }

 private:
  int descriptor_;
};

bool send_all(int connection, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) return false;
    bytes = bytes.subspan(static_cast<std::size_t>(sent));
  }
  return true;
}

bool receive_all(int connection, MutableBytes bytes) {
  return ::recv(connection, bytes.data(), bytes.size(), MSG_WAITALL) == static_cast<ssize_t>(bytes.size());
}

}  // namespace

Result<Bytes> request(const std::string& socket_path, QuoteRequest kind, ByteView payload) {
  Socket socket;
  if (!socket.connect(socket_path)) return Error{ErrorCode::kUnavailable, "attest.quote_client", socket_path};
  return request(socket.get(), kind, payload);
}

Result<Bytes> request(int connection, QuoteRequest kind, ByteView payload) {
  const Error away{ErrorCode::kUnavailable, "attest.quote_client"};
  const timeval timeout{kTimeoutS, 0};
  ::setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout);
  ::setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
  Writer body, frame;
  body.u8(static_cast<std::uint8_t>(kind));
  body.raw(payload);
  frame.blob(body.bytes());
  Bytes head(4);
  if (!send_all(connection, frame.bytes()) || !receive_all(connection, head)) return away;
  const std::uint32_t size = Reader(head).u32();
  if (size == 0 || size > kQuoteFrameSizeMax) return Error{ErrorCode::kCorrupt, "attest.quote_client.size"};
  Bytes answer(size);
  if (!receive_all(connection, answer)) return away;
  if (answer[0] > static_cast<std::uint8_t>(ErrorCode::kInternal))
    return Error{ErrorCode::kCorrupt, "attest.quote_client.status"};
  if (answer[0] != 0) return Error{static_cast<ErrorCode>(answer[0]), "attest.quote_client.refused"};
  answer.erase(answer.begin());
  return answer;
}

Result<Bytes> request_target_info(const std::string& socket_path) {
  return request(socket_path, QuoteRequest::kTargetInfo, {});
}
Result<Bytes> request_quote(const std::string& socket_path, ByteView report) {
  return request(socket_path, QuoteRequest::kQuote, report);
}

}  // namespace clemmys::attest
