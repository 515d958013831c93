// script_test.cc: scripts on generic images: where they run, who gets their code's key, and how long it
// lives.
#include <ranges>

#include "kms/testing/service_fixture.h"

namespace clemmys::kms {
namespace {

using namespace testing;  // NOLINT: the KMS's own testing namespace

class Scripts : public KmsTest {
 protected:
  wire::CodeKey new_code() { return *wire::decode_code_key(*gateway_->request(wire::NewCode{})); }
  wire::CodeKey deploy(const std::string& name, const std::string& ns = "photos") {
    wire::CodeKey code = new_code();
    const auto done = put(script_action(ns, name, code.id));
    EXPECT_TRUE(done) << refusal(done);
    return code;
  }
  Result<Client> generic(std::uint16_t product_id = kGenericProductId) {
    return Client::connect(world_, *service_, wire::Role::kFunction,
                           {.measurement = kJavaScriptImage, .signer = {}, .product_id = product_id});
  }
  wire::Action action(const std::string& name) {
    const auto view = *gateway_->view(wire::GetView{0});
    return *std::ranges::find(view.actions, name, &wire::Action::name);
  }
  Result<Bytes> keys_of(Client& instance, const std::string& name) {
    return instance.request(wire::FunctionRequest(request(chain_of(name), 0)));
  }
};

TEST_F(Scripts, RunOnThePolicysImageWhateverTheRequestSays) {
  auto wanted = script_action("photos", "hello", new_code().id);
  wanted.image = kScale;
  ASSERT_TRUE(put(wanted));
  EXPECT_EQ(action("hello").image, kJavaScriptImage);
  EXPECT_EQ(chain_of("hello").steps.at(0).image, kJavaScriptImage);
}

TEST_F(Scripts, InstanceGetsItsCodesKeyAndEnvironment) {
  const wire::CodeKey code = new_code();
  auto wanted = script_action("photos", "hello", code.id);
  wanted.main = "start";
  wanted.annotations_json = R"([{"key":"isolate","value":true}])";
  wanted.parameters_json =
      R"([{"key":"name","value":"Ada"},{"key":"TABLE","value":{"a":1},"init":true},{"key":"__OW_NAMESPACE","value":"x","init":true}])";
  ASSERT_TRUE(put(wanted));
  auto instance = *generic();
  const auto keys = *wire::decode_step_keys(*keys_of(instance, "hello"));
  ASSERT_TRUE(keys.script);
  EXPECT_EQ(keys.script->code.id, code.id);
  EXPECT_TRUE(keys.script->code.key == code.key);
  EXPECT_EQ(keys.script->main, "start");
  EXPECT_TRUE(keys.script->isolate);
  EXPECT_FALSE(keys.script->is_zip);
  EXPECT_EQ(keys.parameters_json, R"({"name":"Ada"})");
  using Variables = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(keys.script->environment, (Variables{{"TABLE", R"({"a":1})"},
                                                 {"__OW_NAMESPACE", "photos"},
                                                 {"__OW_ACTION_NAME", "/photos/hello"},
                                                 {"__OW_ACTION_VERSION", "0.0.1"}}));
}

TEST_F(Scripts, GenericInstanceNeedsThePolicysImageAndTheMarkOfGenericOnes) {
  EXPECT_TRUE(generic());  // before anything is deployed: it waits for its function
  EXPECT_EQ(refusal(generic(1)), "denied kms.admission.generic");
  EXPECT_EQ(refusal(connect(wire::Role::kFunction, kUnknown)), "denied kms.admission.measurement");
}

TEST_F(Scripts, GenericInstanceNeverServesASecondFunctionOrNamespace) {
  ASSERT_TRUE(ask(*service_, wire::KmsFrame::kCreateNamespace, as_bytes("other")));
  deploy("hello");
  deploy("twin");
  deploy("stranger", "other");
  auto instance = *generic();
  ASSERT_TRUE(keys_of(instance, "hello"));
  EXPECT_EQ(refusal(keys_of(instance, "twin")), "denied kms.release.assignment");
  EXPECT_EQ(refusal(keys_of(instance, "stranger")), "denied kms.release.assignment");
  EXPECT_TRUE(keys_of(instance, "hello"));
}

TEST_F(Scripts, NativeFunctionsNeverGetACodeKey) {
  deploy("hello");
  ASSERT_TRUE(put(native_action("photos", "scale", kScale)));
  auto native = *connect(wire::Role::kFunction, kScale);
  EXPECT_FALSE(wire::decode_step_keys(*keys_of(native, "scale"))->script);
  auto other = *connect(wire::Role::kFunction, kScale);
  EXPECT_EQ(refusal(keys_of(other, "hello")), "denied kms.release.measurement");
  EXPECT_EQ(refusal(put(native_action("photos", "mine", kJavaScriptImage))),
            "invalid this image runs scripts: deploy code of kind nodejs:20 instead");
}

TEST_F(Scripts, CodeKeyStaysWithTheCodeAndGoesWithIt) {
  const wire::CodeKey first = deploy("hello");
  wire::Action same = action("hello");
  same.main = "other";
  ASSERT_TRUE(put(same, same.revision));  // no new code: the key stays, without another upload
  auto instance = *generic();
  EXPECT_TRUE(wire::decode_step_keys(*keys_of(instance, "hello"))->script->code.key == first.key);

  const wire::CodeKey second = new_code();
  EXPECT_FALSE(first.key == second.key);
  ASSERT_TRUE(put(script_action("photos", "hello", second.id, "other code"), action("hello").revision));
  auto view = *gateway_->view(wire::GetView{0});
  ASSERT_EQ(view.codes.size(), 1u);
  EXPECT_EQ(view.codes[0].id, second.id);
  ASSERT_TRUE(gateway_->view(wire::DeleteAction{"photos", "", "hello", 0}));
  EXPECT_TRUE(gateway_->view(wire::GetView{0})->codes.empty());
}

TEST_F(Scripts, CodeIsDeployedUnderAKeyOfThisSessionAndOnceOnly) {
  EXPECT_EQ(refusal(put(script_action("photos", "hello", wire::CodeId{{1}}))).substr(0, 8), "conflict");
  const wire::CodeKey code = new_code();
  auto other =
      *Client::connect(world_, *service_, wire::Role::kGateway, {.measurement = kGatewayImage, .signer = {}});
  EXPECT_EQ(refusal(other.view(wire::PutAction{script_action("photos", "hello", code.id), 0})).substr(0, 8),
            "conflict");
  ASSERT_TRUE(put(script_action("photos", "hello", code.id)));
  EXPECT_EQ(refusal(put(script_action("photos", "again", code.id))).substr(0, 8), "conflict");
  wire::Action changed = action("hello");  // other code under the key that it has
  changed.code.bytes[0] ^= 1;
  EXPECT_EQ(refusal(put(changed, changed.revision)).substr(0, 8), "conflict");
}

TEST_F(Scripts, OldKeysOfASessionAreForgottenFirst) {
  const wire::CodeKey oldest = new_code();
  for (std::size_t i = 0; i < wire::kNewCodesMax; ++i) new_code();
  EXPECT_EQ(refusal(put(script_action("photos", "hello", oldest.id))).substr(0, 8), "conflict");
}

TEST_F(Scripts, KeysSurviveARestart) {
  const wire::CodeKey code = deploy("hello");
  service_.reset();
  service_ = std::move(*world_.start());
  gateway_.emplace(*connect(wire::Role::kGateway, kGatewayImage));
  const auto view = *gateway_->view(wire::GetView{0});
  ASSERT_EQ(view.codes.size(), 1u);
  EXPECT_TRUE(view.codes[0].key == code.key);
}

TEST_F(Scripts, AreRefusedWithWordsWhereTheyCannotRun) {
  auto wanted = script_action("photos", "hello", new_code().id);
  wanted.kind = "nodejs:6";
  EXPECT_EQ(refusal(put(wanted)),
            "unsupported kind 'nodejs:6' not in Set(native:1, nodejs:18, nodejs:20, sequence)");
  wanted.kind = "nodejs:default";  // the gateway says which version that is
  EXPECT_NE(refusal(put(wanted)), "accepted");
  wanted.kind = "nodejs:20";
  wanted.code_size = 0;
  EXPECT_EQ(refusal(put(wanted)), "invalid a script needs code");
  wanted.code_size = wire::kCodeSizeMax + 1;
  EXPECT_EQ(refusal(put(wanted)), "too_large the code is over 48 MiB");
  auto native = native_action("photos", "scale", kScale);
  native.code_id = wire::CodeId{{1}};
  EXPECT_EQ(refusal(put(native)), "invalid only scripts have sealed code");
}

}  // namespace
}  // namespace clemmys::kms
