// generic_instance_test.cc: instances that are no function yet.
#include "runtime/native/testing/instance_fixture.h"

namespace clemmys::runtime {
namespace {

// GenericInstance: its "script" is text, and answers itself.
class GenericInstance : public Instance {
 protected:
  void SetUp() override {
    become_ = [this](const wire::StepKeys& keys, const wire::Header&, BlobSource& blobs) -> Status {
      if (!source_.empty()) return {};
      if (!keys.script) return Error{ErrorCode::kDenied, "test.script"};
      const Bytes sealed = TRY(blobs.fetch(keys.script->code.id));
      source_ = as_text(TRY(wire::open_code(keys.script->code, keys.code, sealed)));
      return {};
    };
    handler_ = [this](const Call&) { return Reply{Reply::Kind::kAnswer, true, to_bytes(source_), {}}; };
    script_.emplace();
    script_->code = code_.copy();
    code_digest_ = crypto::sha256(as_bytes(kSource));
    Instance::SetUp();
  }
  void prewarm() {
    send(InstanceFrame::kPrewarm, {});
    open_session();
    receive(InstanceFrame::kReady);
  }
  void answer_blob(ByteView sealed) {
    EXPECT_EQ(receive(InstanceFrame::kBlobRequest), to_bytes(code_.id.view()));
    Bytes found = {1};
    found.insert(found.end(), sealed.begin(), sealed.end());
    send(InstanceFrame::kBlob, found);
  }
  Bytes sealed() const { return wire::seal_code(code_, as_bytes(kSource)); }
  std::string refusal() {
    const Bytes body = receive(InstanceFrame::kRefusedEnvelope);
    return body.empty() ? "" : std::string(as_text(ByteView(body).subspan(1)));
  }

  static constexpr std::string_view kSource = R"({"source":1})";
  const wire::CodeKey code_{crypto::random_fixed<wire::CodeId>(), crypto::random_key()};
  std::string source_;
};

TEST_F(GenericInstance, WaitsWithItsSessionAndBecomesOneFunction) {
  prewarm();
  assign();
  send(InstanceFrame::kEnvelope, request("{}"));
  give_keys();
  answer_blob(sealed());
  receive(InstanceFrame::kEvent);
  EXPECT_EQ(as_text(wire::open(receive(InstanceFrame::kOutput), edge_out_).value().body), kSource);
  activation_ = crypto::random_fixed<ActivationId>();
  send(InstanceFrame::kEnvelope, request("{}"));  // neither keys nor code are asked for again
  receive(InstanceFrame::kEvent);
  receive(InstanceFrame::kOutput);
}

TEST_F(GenericInstance, StartsWithAnAssignmentToo) {
  become_ready();
  send(InstanceFrame::kEnvelope, request("{}"));
  give_keys();
  answer_blob(sealed());
  receive(InstanceFrame::kEvent);
  receive(InstanceFrame::kOutput);
}

TEST_F(GenericInstance, EndsOnASecondAssignment) {
  prewarm();
  assign();
  assign();
  EXPECT_EQ(wait().site, "runtime.instance.frame");
}

TEST_F(GenericInstance, EndsOnAnEnvelopeBeforeItsAssignment) {
  prewarm();
  send(InstanceFrame::kEnvelope, request("{}"));
  EXPECT_EQ(wait().site, "runtime.instance.first_frame");
}

TEST_F(GenericInstance, RefusesOtherCodeThanItsKeysAreFor) {
  become_ready();
  const Bytes envelope = request("{}");
  send(InstanceFrame::kEnvelope, envelope);
  give_keys();
  Bytes changed = sealed();
  changed.back() ^= 1;
  answer_blob(changed);
  EXPECT_FALSE(refusal().empty());
  send(InstanceFrame::kEnvelope, envelope);  // nothing has happened yet: it may still run
  answer_blob(wire::seal_code(code_, as_bytes("older code, under the right key")));
  EXPECT_EQ(refusal(), "wire.code.digest");
  send(InstanceFrame::kEnvelope, envelope);
  receive(InstanceFrame::kBlobRequest);
  send(InstanceFrame::kBlob, Bytes{0});
  EXPECT_EQ(refusal(), "runtime.blob.missing");
  send(InstanceFrame::kEnvelope, envelope);
  answer_blob(sealed());
  receive(InstanceFrame::kEvent);
  receive(InstanceFrame::kOutput);
}

}  // namespace
}  // namespace clemmys::runtime
