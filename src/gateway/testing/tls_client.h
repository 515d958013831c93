// tls_client.h: for tests: a blocking TLS connection to a gateway on loopback that verifies it against a CA,
// and whatever bytes a test wants to send.
#pragma once

#include <memory>
#include <string>

#include "base/bytes.h"

namespace clemmys::gateway::testing {

struct ClientResponse {
  int status = 0;
  std::string head, body;
};

class TlsClient {
 public:
  // The constructor connects; version12 restricts to TLS 1.2. An unverified peer is fatal to the test.
  TlsClient(std::uint16_t port, ByteView ca_der, bool version12 = false);
  ~TlsClient();

  bool send(std::string_view bytes);
  // receive reads one response (status 0: the peer closed).
  ClientResponse receive();
  ClientResponse ask(std::string_view method, std::string_view target, std::string_view authorization,
                     std::string_view body = {},
                     std::string_view headers = "Content-Type: application/json\r\n");
  // can_resume is whether the server gave something to resume the session with.
  bool can_resume();
  // wire_size is the number of bytes that came over TCP since the last call.
  std::uint64_t wire_size();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace clemmys::gateway::testing
