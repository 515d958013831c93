// codec_test.cc: definitions, requests to the KMS, links and frames come back as they were, and decoders
// refuse the rest.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "wire/frame.h"
#include "wire/kms_api.h"
#include "wire/links.h"

namespace clemmys::wire {
namespace {

View example_view() {
  View view;
  view.revision = 9;
  view.namespaces.push_back({crypto::random_fixed<NamespaceId>(), "photos", crypto::random_key(), 1});
  view.users.push_back({"guest", "photos", "uuid", crypto::random_fixed<Digest>(), 2, true});
  Action action;
  action.name = "scale";
  action.kind = "native:1";
  action.components = {"/photos/a", "/photos/b"};
  action.parameters_json = R"([{"key":"k","value":1}])";
  action.limits.timeout_ms = 5;
  action.function = crypto::random_fixed<FunctionId>();
  action.publish = true;
  view.actions.push_back(action);
  Chain chain;
  chain.id = crypto::random_fixed<ChainId>();
  chain.steps.resize(2);
  chain.steps[1].action = "/photos/b";
  chain.first_edge = crypto::random_key();
  chain.return_keys.push_back(crypto::random_key());
  chain.return_keys.push_back(crypto::random_key());
  chain.retired_unix_ms = 3;
  view.chains.push_back(std::move(chain));
  return view;
}

// expect_strict: decode gives back exactly these bytes; any prefix and any trailing byte is refused.
template <typename Decode>
void expect_strict(const Bytes& encoded, Decode decode) {
  auto value = decode(encoded);
  ASSERT_TRUE(value);
  EXPECT_EQ(encode(*value), encoded);
  for (std::size_t size = 0; size < encoded.size(); ++size)
    ASSERT_FALSE(decode(ByteView(encoded).first(size))) << size;
  Bytes longer = encoded;
  longer.push_back(0);
  EXPECT_FALSE(decode(longer));
}

TEST(Definitions, ViewComesBackExactly) { expect_strict(encode(example_view()), decode_view); }

TEST(Definitions, RefusesCountsThatTheInputCannotHold) {
  Bytes encoded = encode(View{});
  encoded[11] = 0xff;  // the number of namespaces
  EXPECT_FALSE(decode_view(encoded));
}

TEST(KmsApi, RequestsComeBackExactly) {
  expect_strict(encode(FunctionRequest(
                    GetStepKeys{crypto::random_fixed<ChainId>(), {}, 3, crypto::random_fixed<FunctionId>()})),
                decode_function_request);
  const Action action = example_view().actions[0];
  for (const GatewayRequest& request :
       {GatewayRequest(SignCsr{to_bytes("csr")}), GatewayRequest(GetView{7}),
        GatewayRequest(ClaimNamespace{"n", "t"}), GatewayRequest(NewCode{}),
        GatewayRequest(PutAction{action, 4}), GatewayRequest(DeleteAction{"n", "p", "a", 5})}) {
    expect_strict(encode(request), decode_gateway_request);
  }
}

TEST(KmsApi, AGatewayRequestIsNeverAFunctionRequest) {
  EXPECT_FALSE(decode_function_request(encode(GatewayRequest(GetView{7}))));
  EXPECT_FALSE(decode_gateway_request(encode(FunctionRequest(GetStepKeys{}))));
}

TEST(KmsApi, AnswersComeBackExactly) {
  StepKeys keys;
  keys.edge_in = crypto::random_key();
  keys.in = {Kind::kRequest,
             1,
             2,
             crypto::random_fixed<FunctionId>(),
             crypto::random_fixed<Measurement>(),
             128,
             1000};
  keys.out.kind = Kind::kResult;
  keys.parameters_json = "{}";
  keys.action_name = "/photos/scale";
  expect_strict(encode(keys), decode_step_keys);
  keys.script = ScriptKeys{{crypto::random_fixed<CodeId>(), crypto::random_key()},
                           true,
                           "main",
                           true,
                           {{"__OW_NAMESPACE", "photos"}, {"LANGUAGE", "en"}}};
  expect_strict(encode(keys), decode_step_keys);
  expect_strict(encode(CodeKey{crypto::random_fixed<CodeId>(), crypto::random_key()}), decode_code_key);
  CertificateChain chain;
  chain.certificates_der = {to_bytes("a"), to_bytes("b")};
  expect_strict(encode(chain), decode_certificate_chain);
  expect_strict(encode(NewUser{"s", "u", "k"}), decode_new_user);
  expect_strict(encode(KmsEvidence{to_bytes("q"), to_bytes("c"), to_bytes("r"), to_bytes("l")}),
                decode_evidence);
}

TEST(KmsApi, RefusesHeaderConstantsOfOtherKinds) {
  StepKeys keys;
  keys.in.kind = Kind::kEvent;
  EXPECT_FALSE(decode_step_keys(encode(keys)));
}

TEST(KmsApi, AnswersCarryTheTimeFloorAndRefusalsTheirCode) {
  const Answer answer = decode_answer(encode_answer(77, as_bytes("body"))).value();
  EXPECT_EQ(answer.time_floor_unix_ms, 77u);
  EXPECT_EQ(as_text(answer.body), "body");
  const Error error =
      decode_answer(encode_refusal(77, Error{ErrorCode::kDenied, "kms.release.measurement"})).error();
  EXPECT_EQ(error.code, ErrorCode::kDenied);
  EXPECT_EQ(error.detail, "kms.release.measurement");
  EXPECT_EQ(decode_answer(Bytes(8)).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(decode_answer(Bytes(9, 99)).error().code, ErrorCode::kCorrupt);
}

TEST(KmsApi, HeaderConstantsMatchOnlyWhenAllFieldsDo) {
  Header header;
  header.steps = 2;
  header.memory_mib = 128;
  const HeaderConstants constants{header.kind, 0, 2, {}, {}, 128, 0};
  EXPECT_TRUE(matches(constants, header));
  auto differs = [&](auto change) {
    Header other = header;
    change(other);
    return !matches(constants, other);
  };
  EXPECT_TRUE(differs([](Header& h) { h.kind = Kind::kResult; }));
  EXPECT_TRUE(differs([](Header& h) { h.step = 1; }));
  EXPECT_TRUE(differs([](Header& h) { h.steps = 3; }));
  EXPECT_TRUE(differs([](Header& h) { h.receiver.bytes[0] = 1; }));
  EXPECT_TRUE(differs([](Header& h) { h.image.bytes[0] = 1; }));
  EXPECT_TRUE(differs([](Header& h) { h.memory_mib = 129; }));
  EXPECT_TRUE(differs([](Header& h) { h.timeout_ms = 1; }));
}

TEST(Links, BodiesComeBackExactly) {
  expect_strict(encode(PlatformError{PlatformErrorCode::kTimeout, 2, "too slow"}), decode_platform_error);
  expect_strict(encode(ListRecords{}), decode_list_records);
  expect_strict(encode(InstanceAssignment{crypto::random_fixed<FunctionId>(), 256}), decode_assignment);
  EXPECT_FALSE(decode_platform_error(encode(PlatformError{static_cast<PlatformErrorCode>(10), 0, ""})));
  EXPECT_FALSE(decode_assignment(encode(InstanceAssignment{{}, 1, kPayloadSizeMaxHard + 1})));
  EXPECT_FALSE(decode_assignment(encode(InstanceAssignment{{}, 1, 0})));
}

TEST(Links, RecordsComeBackExactly) {
  StoredRecord record{
      {}, crypto::random_fixed<ActivationId>(), 1, 2, RecordState::kFinished, to_bytes("sealed")};
  Writer writer;
  write(writer, record);
  Reader reader(writer.bytes());
  const StoredRecord read = read_stored_record(reader);
  ASSERT_TRUE(reader.finish("test"));
  EXPECT_EQ(read.activation, record.activation);
  EXPECT_EQ(read.sealed, record.sealed);
  EXPECT_EQ(read.state, RecordState::kFinished);
  Bytes bad = writer.bytes();
  bad[16 + 16 + 8 + 8] = 9;
  Reader bad_reader(bad);
  read_stored_record(bad_reader);
  EXPECT_FALSE(bad_reader.ok());
}

TEST(Frame, CutsAStreamHoweverItArrives) {
  const Bytes first = encode_frame(7, as_bytes("hello")), second = encode_frame(8, {});
  Bytes stream = first;
  stream.insert(stream.end(), second.begin(), second.end());
  for (std::size_t cut = 0; cut <= stream.size(); ++cut) {
    FrameBuffer buffer;
    std::vector<Frame> frames;
    for (ByteView part : {ByteView(stream).first(cut), ByteView(stream).subspan(cut)}) {
      buffer.feed(part);
      while (auto frame = buffer.next().value()) frames.push_back(std::move(*frame));
    }
    ASSERT_EQ(frames.size(), 2u) << cut;
    EXPECT_EQ(frames[0].type, 7);
    EXPECT_EQ(as_text(frames[0].body), "hello");
    EXPECT_EQ(frames[1].type, 8);
    EXPECT_TRUE(frames[1].body.empty());
  }
}

TEST(Frame, RefusesZeroAndOversizedLengths) {
  FrameBuffer zero;
  zero.feed(Bytes(4, 0));
  EXPECT_EQ(zero.next().error().code, ErrorCode::kCorrupt);
  FrameBuffer small(10);
  small.feed(encode_frame(1, Bytes(10)));
  EXPECT_EQ(small.next().error().code, ErrorCode::kCorrupt);
}

TEST(Frame, TravelsOverASocketAndTellsWhenThePeerIsGone) {
  int pair[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
  ASSERT_TRUE(write_frame(pair[0], 3, as_bytes("body")));
  ASSERT_TRUE(write_frame(pair[0], 4, {}));
  const Frame frame = read_frame(pair[1]).value();
  EXPECT_EQ(frame.type, 3);
  EXPECT_EQ(as_text(frame.body), "body");
  EXPECT_EQ(read_frame(pair[1]).value().type, 4);
  ::close(pair[0]);
  EXPECT_EQ(read_frame(pair[1]).error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(write_frame(pair[1], 1, {}).error().code, ErrorCode::kUnavailable);
  ::close(pair[1]);
  EXPECT_EQ(connect_unix("/nonexistent/socket").error().code, ErrorCode::kUnavailable);
  EXPECT_EQ(connect_unix(std::string(200, 'x')).error().code, ErrorCode::kInvalid);
}

}  // namespace
}  // namespace clemmys::wire
