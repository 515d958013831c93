// release_test.cc: which keys an instance gets, and everything it is refused.
#include "kms/testing/service_fixture.h"

namespace clemmys::kms {
namespace {

using namespace testing;  // NOLINT: the KMS's own testing namespace
using KeyRelease = KmsTest;

TEST_F(KeyRelease, GivesNeighboursTheSameEdgeKeyAndTheGatewayBothEnds) {
  deploy_pair();
  const auto chain = chain_of("both");
  auto scale = *connect(wire::Role::kFunction, kScale);
  auto detect = *connect(wire::Role::kFunction, kDetect);
  const auto first = *wire::decode_step_keys(*scale.request(wire::FunctionRequest(request(chain, 0))));
  const auto second = *wire::decode_step_keys(*detect.request(wire::FunctionRequest(request(chain, 1))));
  EXPECT_TRUE(first.edge_in == chain.first_edge);
  EXPECT_TRUE(first.edge_out == second.edge_in);
  EXPECT_FALSE(first.edge_in == first.edge_out);
  EXPECT_TRUE(second.edge_out == chain.last_edge);
  EXPECT_TRUE(first.return_key == chain.return_keys.at(0));
  EXPECT_EQ(first.in.receiver, chain.steps[0].function);
  EXPECT_EQ(first.out, second.in);
  EXPECT_EQ(second.out.kind, wire::Kind::kResult);
  EXPECT_EQ(second.out.step, 2);
  EXPECT_EQ(first.namespace_name, "photos");
  EXPECT_EQ(first.action_name, "/photos/scale");
}

TEST_F(KeyRelease, RefusesWrongStepFunctionChainAndDigest) {
  deploy_pair();
  const auto chain = chain_of("both");
  auto scale = *connect(wire::Role::kFunction, kScale);
  auto wrong = request(chain, 0);
  wrong.step = 2;
  EXPECT_EQ(refusal(scale.request(wire::FunctionRequest(wrong))), "denied kms.release.step");
  wrong = request(chain, 0);
  wrong.step = 1;
  EXPECT_EQ(refusal(scale.request(wire::FunctionRequest(wrong))), "denied kms.release.function");
  EXPECT_EQ(refusal(scale.request(wire::FunctionRequest(request(chain, 1)))),
            "denied kms.release.measurement");
  wrong = request(chain, 0);
  wrong.chain.bytes[0] ^= 1;
  EXPECT_EQ(refusal(scale.request(wire::FunctionRequest(wrong))), "not_found kms.release.chain");
  wrong = request(chain, 0);
  wrong.chain_digest.bytes[0] ^= 1;
  EXPECT_EQ(refusal(scale.request(wire::FunctionRequest(wrong))), "denied kms.release.digest");
}

TEST_F(KeyRelease, RefusesSecondAssignment) {
  ASSERT_TRUE(put(native_action("photos", "scale", kScale)));
  ASSERT_TRUE(put(native_action("photos", "twin", kScale)));  // the same image as another function
  auto instance = *connect(wire::Role::kFunction, kScale);
  ASSERT_TRUE(instance.request(wire::FunctionRequest(request(chain_of("scale"), 0))));
  EXPECT_EQ(refusal(instance.request(wire::FunctionRequest(request(chain_of("twin"), 0)))),
            "denied kms.release.assignment");
  EXPECT_TRUE(instance.request(wire::FunctionRequest(request(chain_of("scale"), 0))));
}

TEST_F(KeyRelease, RefusesAnotherNamespaceOnTheSameInstance) {
  ASSERT_TRUE(ask(*service_, wire::KmsFrame::kCreateNamespace, as_bytes("other")));
  ASSERT_TRUE(put(native_action("photos", "scale", kScale)));
  ASSERT_TRUE(put(native_action("other", "copy", kScale)));
  auto instance = *connect(wire::Role::kFunction, kScale);
  ASSERT_TRUE(instance.request(wire::FunctionRequest(request(chain_of("scale"), 0))));
  EXPECT_EQ(refusal(instance.request(wire::FunctionRequest(request(chain_of("copy"), 0)))),
            "denied kms.release.assignment");
}

TEST_F(KeyRelease, RefusesARetiredChainWhileGatewaysStillSeeIt) {
  deploy_pair();
  const auto chain = chain_of("both");
  auto scale = *connect(wire::Role::kFunction, kScale);
  const auto detect = gateway_->view(wire::GetView{0});
  std::uint64_t revision = 0;
  for (const auto& action : detect->actions) revision = action.name == "detect" ? action.revision : revision;
  const auto changed = put(native_action("photos", "detect", kDetect), revision);
  ASSERT_TRUE(changed) << refusal(changed);
  EXPECT_EQ(refusal(scale.request(wire::FunctionRequest(request(chain, 0)))), "denied kms.release.retired");
  const auto view = *gateway_->view(wire::GetView{0});
  const auto old = std::ranges::find(view.chains, chain.id, &wire::Chain::id);
  ASSERT_NE(old, view.chains.end());
  EXPECT_NE(old->retired_unix_ms, 0u);
  EXPECT_NE(chain_of("both").id, chain.id);
  world_.clock->advance_ms(60'000 + 2 * 60'000 + 1);
  const auto later = *gateway_->view(wire::GetView{0});
  EXPECT_EQ(std::ranges::find(later.chains, chain.id, &wire::Chain::id), later.chains.end());
}

TEST_F(KeyRelease, AnImageIsRefusedOnceNoActionRunsIt) {
  ASSERT_TRUE(put(native_action("photos", "scale", kScale)));
  ASSERT_TRUE(connect(wire::Role::kFunction, kScale));
  ASSERT_TRUE(gateway_->view(wire::DeleteAction{"photos", "", "scale", 0}));
  EXPECT_EQ(refusal(connect(wire::Role::kFunction, kScale)), "denied kms.admission.measurement");
}

TEST_F(KeyRelease, MergesParametersIntoOneObject) {
  auto action = native_action("photos", "scale", kScale);
  action.parameters_json =
      R"([{"key":"width","value":10},{"key":"o","value":{"a":[1]}},{"key":"width","value":20,"init":true}])";
  ASSERT_TRUE(put(action));
  auto instance = *connect(wire::Role::kFunction, kScale);
  const auto keys =
      *wire::decode_step_keys(*instance.request(wire::FunctionRequest(request(chain_of("scale"), 0))));
  EXPECT_EQ(keys.parameters_json, R"({"width":20,"o":{"a":[1]}})");
  EXPECT_EQ(keys.parameters_digest, crypto::sha256(as_bytes(keys.parameters_json)));
}

TEST_F(KeyRelease, StopsWhenAnotherInstanceTookOver) {
  ASSERT_TRUE(put(native_action("photos", "scale", kScale)));
  const auto chain = chain_of("scale");
  auto instance = *connect(wire::Role::kFunction, kScale);
  const auto clone = world_.start();  // a second KMS on the same disk
  ASSERT_TRUE(clone);
  EXPECT_EQ(refusal(instance.request(wire::FunctionRequest(request(chain, 0)))).substr(0, 8), "conflict");
}

}  // namespace
}  // namespace clemmys::kms
