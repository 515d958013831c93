// service_fixture.h: a service with a gateway's session and the namespace "photos", for the tests of this
// folder.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>

#include "kms/testing/test_kms.h"

namespace clemmys::kms::testing {

inline constexpr Measurement kScale{{1}}, kDetect{{2}}, kUnknown{{9}};

template <typename T>
std::string refusal(const Result<T>& result) {
  return result ? "accepted" : std::string(name(result.error().code)) + " " + result.error().detail;
}

class KmsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto started = world_.start();
    ASSERT_TRUE(started) << to_string(started.error());
    service_ = std::move(*started);
    gateway_.emplace(*connect(wire::Role::kGateway, kGatewayImage));
    token_ = std::string(as_text(*ask(*service_, wire::KmsFrame::kCreateNamespace, as_bytes("photos"))));
  }
  Result<Client> connect(wire::Role role, const Measurement& image, bool debug = false) {
    return Client::connect(world_, *service_, role, {.measurement = image, .signer = {}, .debug = debug});
  }
  Result<wire::View> put(const wire::Action& action, std::uint64_t expected = 0) {
    return gateway_->view(wire::PutAction{action, expected});
  }
  wire::Chain chain_of(const std::string& action) {
    const auto view = gateway_->view(wire::GetView{0});
    for (const wire::Action& one : view->actions) {
      if (one.name != action) continue;
      for (std::size_t i = 0; i < view->chains.size(); ++i) {
        if (view->chains[i].id == one.chain) return copy(view->chains[i]);
      }
    }
    return {};
  }
  static wire::Chain copy(const wire::Chain& chain) {
    wire::Chain result{chain.id,       chain.namespace_id,      chain.namespace_name,   chain.digest,
                       chain.steps,    chain.first_edge.copy(), chain.last_edge.copy(), {},
                       chain.revision, chain.retired_unix_ms};
    for (const Key& key : chain.return_keys) result.return_keys.push_back(key.copy());
    return result;
  }
  void deploy_pair() {
    ASSERT_TRUE(put(native_action("photos", "scale", kScale)));
    ASSERT_TRUE(put(native_action("photos", "detect", kDetect)));
    ASSERT_TRUE(put(sequence_action("photos", "both", {"/photos/scale", "/_/detect"})));
  }
  static wire::GetStepKeys request(const wire::Chain& chain, std::uint16_t step) {
    return {chain.id, chain.digest, step, chain.steps.at(step).function};
  }

  World world_;
  std::unique_ptr<Service> service_;
  std::optional<Client> gateway_;
  std::string token_;
};

}  // namespace clemmys::kms::testing
