// quote_protocol.h: what passes over the quoting enclave's Unix socket. A frame is `u32 size ‖ size bytes`,
// little-endian. Request: kind byte ‖ payload. Answer: status byte (0, else an ErrorCode) ‖ payload, empty on
// errors. A connection carries any number of requests, one at a time. Nothing here is secret; the host may
// read and change all of it. Trust: shared.
//
// | kind            | payload                          | answer |
// |-----------------|----------------------------------|------------------------------------------------------------|
// | kTargetInfo     | none                             | the quoting enclave's TARGETINFO | | kQuote | REPORT
// for that TARGETINFO       | quote                                                      | | kOwnReport | the
// certifier's TARGETINFO       | the quoting enclave's REPORT, which names its key          | |
// kCertification  | signature (64) ‖ PEM chain       | none; the PCK key's signature over the own REPORT's
// body   |
#pragma once

#include <cstddef>
#include <cstdint>

namespace clemmys::attest {

enum class QuoteRequest : std::uint8_t { kTargetInfo = 1, kQuote = 2, kOwnReport = 3, kCertification = 4 };
inline constexpr std::size_t kQuoteFrameSizeMax = 16 * 1024 + 1;

}  // namespace clemmys::attest
