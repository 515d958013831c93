// The enclave's way to the quoting service. What comes back is for the enclave and for verifiers to check.
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "attest/service/quote_client.h"
#include "enclave/host/process.h"

namespace clemmys::enclave {

// ask_quoting: a connection that was given serves until the first quote: an instance attests once.
Result<Bytes> Process::ask_quoting(attest::QuoteRequest kind, ByteView payload) {
  if (options_.quoting < 0) return attest::request(options_.quote_socket, kind, payload);
  Result<Bytes> answer = attest::request(options_.quoting, kind, payload);
  if (kind == attest::QuoteRequest::kQuote || !answer) close(std::exchange(options_.quoting, -1));
  return answer;
}

std::int64_t Process::target_info(const Slot& slot, std::uint64_t address) {
  if (!in_bounce(slot, address, sizeof(sgx::TargetInfo))) return -EFAULT;
  const auto answer = ask_quoting(attest::QuoteRequest::kTargetInfo, {});
  if (!answer || answer->size() != sizeof(sgx::TargetInfo)) return -EIO;
  std::memcpy(reinterpret_cast<void*>(address), answer->data(), answer->size());
  return 0;
}

std::int64_t Process::quote(const Slot& slot, const std::uint64_t* a) {
  if (a[1] != sizeof(sgx::Report) || !in_bounce(slot, a[0], a[1]) || !in_bounce(slot, a[2], a[3]))
    return -EFAULT;
  const auto answer =
      ask_quoting(attest::QuoteRequest::kQuote, {reinterpret_cast<const std::uint8_t*>(a[0]), a[1]});
  if (!answer || answer->size() > a[3]) return -EIO;
  std::memcpy(reinterpret_cast<void*>(a[2]), answer->data(), answer->size());
  return static_cast<std::int64_t>(answer->size());
}

}  // namespace clemmys::enclave
