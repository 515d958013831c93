// provision_test.cc: how fast an attested instance gets its keys: nonce, evidence check, session, keys of one
// step. Prints; asserts little, since machines differ. Goal: README.md, "Numbers".
#include <chrono>
#include <cstdio>

#include "kms/testing/service_fixture.h"

namespace clemmys::kms {
namespace {

using namespace testing;  // NOLINT: the KMS's own testing namespace
using Provisioning = KmsTest;

TEST_F(Provisioning, ServesManyInstances) {
  constexpr int kInstances = 500;
  deploy_pair();
  const auto chain = chain_of("both");
  const auto nonce = *wire::decode_nonce(*ask(*service_, wire::KmsFrame::kNonce, {}));
  std::vector<wire::SessionClient> clients;
  std::vector<Bytes> hellos;
  for (int i = 0; i < kInstances; ++i) {
    clients.emplace_back(wire::Role::kFunction, nonce);
    hellos.push_back(*world_.hello(clients.back(), {.measurement = kScale, .signer = {}}));
  }
  const Bytes question = wire::encode(wire::FunctionRequest(request(chain, 0)));
  const auto start = std::chrono::steady_clock::now();
  for (std::size_t i = 0; i < hellos.size(); ++i) {
    auto cipher = *clients[i].accept(*ask(*service_, wire::KmsFrame::kHello, hellos[i]));
    ASSERT_TRUE(ask(*service_, wire::KmsFrame::kMessage, cipher.seal(question)));
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  std::printf("%.0f provisions per second, %.2f ms each, clients included\n", kInstances / took.count(),
              took.count() / kInstances * 1000);
  EXPECT_LT(took.count(), 60.0);
}

}  // namespace
}  // namespace clemmys::kms
