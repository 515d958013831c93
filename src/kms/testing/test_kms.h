// test_kms.h: a whole KMS in an ordinary process, for tests of the KMS and of its users: the product's code
// with a throw-away software root and a fake sealing key in place of the enclave. Nothing of it is in the
// product. The clock is the system's unless set.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "attest/testing/test_attester.h"
#include "kms/server.h"
#include "kms/service.h"
#include "wire/kms_api.h"

namespace clemmys::kms::testing {

// The measurements that default_policy names.
inline constexpr Measurement kKmsImage{{0x4b}};
inline constexpr Measurement kGatewayImage{{0x47}};
inline constexpr Measurement kJavaScriptImage{{0x4a}};

// default_policy is for localhost and 127.0.0.1 and accepts `root`.
std::string default_policy(const attest::testing::TestRoot& root);

// TemporaryFolder is fresh, and removed with its files at the end.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// World is the machine: root, disk, clock. It outlives the services started on it.
struct World {
  World();
  ~World();
  Result<std::unique_ptr<Service>> start();
  // evidence of an enclave on this machine for a session.
  Result<Bytes> hello(wire::SessionClient& client, const attest::testing::TestIdentity& identity) const;

  attest::testing::TestRoot root;
  TemporaryFolder folder;
  std::unique_ptr<FakeClock> clock;
  std::unique_ptr<Anchor> anchor;
  std::unique_ptr<Sealer> sealer;
  std::unique_ptr<attest::Attester> attester;
  std::string policy;
};

// ServedKms runs the service on a Unix socket with a thread of its own, until it is destroyed.
class ServedKms {
 public:
  ServedKms();
  ~ServedKms();
  const std::string& socket_path() const;
  const attest::testing::TestRoot& root() const;
  Bytes ca_certificate_der() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

// ask sends one frame to a service directly, commits, and gives the answer's body; a refusal becomes its code
// and, as detail, its site.
Result<Bytes> ask(Service& service, wire::KmsFrame type, ByteView body);
// ask_socket does the same over a connection.
Result<Bytes> ask_socket(int descriptor, wire::KmsFrame type, ByteView body);

// Client is an enclave's session with a service. Errors: a refusal's code with its site or text as detail.
class Client {
 public:
  static Result<Client> connect(World& world, Service& service, wire::Role role,
                                const attest::testing::TestIdentity& identity);
  Result<Bytes> request(const wire::FunctionRequest& request);
  Result<Bytes> request(const wire::GatewayRequest& request);
  Result<wire::View> view(const wire::GatewayRequest& request);
  Bytes seal(ByteView plaintext) { return cipher_.seal(plaintext); }
  Result<Bytes> send(ByteView message);  // a sealed message; gives the answer's body

 private:
  Client(Service& service, wire::SessionCipher cipher) : service_(&service), cipher_(std::move(cipher)) {}
  Service* service_;
  wire::SessionCipher cipher_;
};

// native_action is a complete definition whose image is `image`.
wire::Action native_action(const std::string& ns, const std::string& name, const Measurement& image);
// script_action is code of kind nodejs:20 under the id of a key that NewCode gave.
wire::Action script_action(const std::string& ns, const std::string& name, const wire::CodeId& code_id,
                           std::string_view code = "function main() { return {} }");
wire::Action sequence_action(const std::string& ns, const std::string& name,
                             std::vector<std::string> components);

}  // namespace clemmys::kms::testing
