// quote_client.h: asks the machine's quoting enclave. Trust: untrusted: what comes back is for enclaves and
// verifiers to check. Each call makes one connection. kUnavailable: nobody listens, or no answer within 10 s.
#pragma once

#include <string>

#include "attest/quote_protocol.h"
#include "base/bytes.h"
#include "base/result.h"

namespace clemmys::attest {

// request_target_info gives 512 bytes: the TARGETINFO that REPORTs for the quoting enclave need.
Result<Bytes> request_target_info(const std::string& socket_path);
// request_quote turns a REPORT (432 bytes) into a quote. kDenied: the REPORT's MAC is wrong; kUnavailable:
// not certified yet.
Result<Bytes> request_quote(const std::string& socket_path, ByteView report);
// request sends any one request and gives the answer's payload.
Result<Bytes> request(const std::string& socket_path, QuoteRequest kind, ByteView payload);
// request on a connection that is open already, and stays open.
Result<Bytes> request(int connection, QuoteRequest kind, ByteView payload);

}  // namespace clemmys::attest
