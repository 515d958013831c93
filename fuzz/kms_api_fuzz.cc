// Requests to the key service, its answers, and definitions.
#include "fuzz.h"
#include "wire/kms_api.h"

namespace clemmys::fuzz {
namespace {

enum Selector : std::uint8_t {
  kFunctionRequest,
  kGatewayRequest,
  kAnswer,
  kStepKeys,
  kCertificates,
  kNewUser,
  kEvidence,
  kView,
  kSelectors
};

void try_answer(ByteView input) {
  auto answer = wire::decode_answer(input);
  if (answer)
    CHECK(equal_constant_time(wire::encode_answer(answer->time_floor_unix_ms, answer->body), input));
}

wire::View example_view() {
  wire::View view;
  view.namespaces.push_back({.name = "n"});
  view.users.push_back({.subject = "s"});
  view.actions.push_back({.name = "a", .components = {"x", "y"}});
  wire::Chain chain;
  chain.steps.resize(1);
  chain.return_keys.resize(1);
  view.chains.push_back(std::move(chain));
  return view;
}

}  // namespace

std::vector<Bytes> seeds() {
  wire::StepKeys keys;
  keys.parameters_json = "{}";
  wire::CertificateChain certificates;
  certificates.certificates_der = {to_bytes("a"), to_bytes("b")};
  std::vector<Bytes> all = {tagged(kFunctionRequest, encode(wire::FunctionRequest(wire::GetStepKeys{}))),
                            tagged(kAnswer, wire::encode_answer(1, as_bytes("body"))),
                            tagged(kAnswer, wire::encode_refusal(1, Error{ErrorCode::kDenied, "kms.site"})),
                            tagged(kStepKeys, encode(keys)),
                            tagged(kCertificates, encode(certificates)),
                            tagged(kNewUser, encode(wire::NewUser{"s", "u", "k"})),
                            tagged(kEvidence, encode(wire::KmsEvidence{})),
                            tagged(kView, encode(example_view()))};
  const wire::Action action = example_view().actions[0];
  for (const wire::GatewayRequest& request :
       {wire::GatewayRequest(wire::SignCsr{to_bytes("csr")}), wire::GatewayRequest(wire::GetView{1}),
        wire::GatewayRequest(wire::ClaimNamespace{"n", "t"}),
        wire::GatewayRequest(wire::PutAction{action, 1}),
        wire::GatewayRequest(wire::DeleteAction{"n", "p", "a", 1})}) {
    all.push_back(tagged(kGatewayRequest, encode(request)));
  }
  return all;
}

}  // namespace clemmys::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace clemmys::fuzz;
  namespace wire = clemmys::wire;
  if (size == 0) return 0;
  const clemmys::ByteView input(data + 1, size - 1);
  switch (data[0] % kSelectors) {
    case kFunctionRequest:
      check_one_encoding(input, wire::decode_function_request);
      break;
    case kGatewayRequest:
      check_one_encoding(input, wire::decode_gateway_request);
      break;
    case kAnswer:
      try_answer(input);
      break;
    case kStepKeys:
      check_one_encoding(input, wire::decode_step_keys);
      break;
    case kCertificates:
      check_one_encoding(input, wire::decode_certificate_chain);
      break;
    case kNewUser:
      check_one_encoding(input, wire::decode_new_user);
      break;
    case kEvidence:
      check_one_encoding(input, wire::decode_evidence);
      break;
    default:
      check_one_encoding(input, wire::decode_view);
      break;
  }
  return 0;
}
