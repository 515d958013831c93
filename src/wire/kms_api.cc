#include "wire/kms_api.h"

#include <algorithm>

#include "base/codec_list.h"
#include "crypto/crypto.h"

namespace clemmys::wire {
namespace {

constexpr std::size_t kTextSizeMax = 4096, kJsonSizeMax = 4u << 20, kDocumentSizeMax = 1u << 20;

// Operation is the first byte of a request. A gateway's and a function's numbers do not overlap, so that
// neither can be taken for the other.
enum class Operation : std::uint8_t {
  kGetStepKeys = 1,
  kSignCsr = 16,
  kGetView = 17,
  kClaimNamespace = 18,
  kPutAction = 19,
  kDeleteAction = 20,
  kNewCode = 21,
};

void write(Writer& writer, Operation operation) { writer.u8(static_cast<std::uint8_t>(operation)); }

void write_request(Writer& writer, const SignCsr& request) {
  write(writer, Operation::kSignCsr);
  writer.blob(request.csr_der);
}
void write_request(Writer& writer, const GetView& request) {
  write(writer, Operation::kGetView);
  writer.u64(request.since_revision);
}
void write_request(Writer& writer, const ClaimNamespace& request) {
  write(writer, Operation::kClaimNamespace);
  writer.text(request.namespace_name);
  writer.text(request.token);
}
void write_request(Writer& writer, const NewCode& request) {
  (void)request;
  write(writer, Operation::kNewCode);
}
void write_request(Writer& writer, const PutAction& request) {
  write(writer, Operation::kPutAction);
  write(writer, request.action);
  writer.u64(request.expected_revision);
}
void write_request(Writer& writer, const DeleteAction& request) {
  write(writer, Operation::kDeleteAction);
  writer.text(request.namespace_name);
  writer.text(request.package);
  writer.text(request.name);
  writer.u64(request.expected_revision);
}

GatewayRequest read_gateway_request(Reader& reader) {
  switch (static_cast<Operation>(reader.u8())) {
    case Operation::kSignCsr:
      return SignCsr{to_bytes(reader.blob(kDocumentSizeMax))};
    case Operation::kGetView:
      return GetView{reader.u64()};
    case Operation::kClaimNamespace: {
      ClaimNamespace request;
      request.namespace_name = reader.text(kTextSizeMax);
      request.token = reader.text(kTextSizeMax);
      return request;
    }
    case Operation::kPutAction: {
      PutAction request;
      request.action = read_action(reader);
      request.expected_revision = reader.u64();
      return request;
    }
    case Operation::kDeleteAction: {
      DeleteAction request;
      request.namespace_name = reader.text(kTextSizeMax);
      request.package = reader.text(kTextSizeMax);
      request.name = reader.text(kTextSizeMax);
      request.expected_revision = reader.u64();
      return request;
    }
    case Operation::kNewCode:
      return NewCode{};
    default:
      reader.fail();
      return GetView{};
  }
}

void write(Writer& writer, const HeaderConstants& constants) {
  writer.u8(static_cast<std::uint8_t>(constants.kind));
  writer.u16(constants.step);
  writer.u16(constants.steps);
  writer.fixed(constants.receiver);
  writer.fixed(constants.image);
  writer.u32(constants.memory_mib);
  writer.u32(constants.timeout_ms);
}

void write(Writer& writer, const ScriptKeys& script) {
  write(writer, script.code);
  writer.boolean(script.is_zip);
  writer.text(script.main);
  writer.boolean(script.isolate);
  write_list(writer, script.environment, [](Writer& out, const auto& variable) {
    out.text(variable.first);
    out.text(variable.second);
  });
}

std::pair<std::string, std::string> read_variable(Reader& reader) {
  std::string name = reader.text(kTextSizeMax);
  return {std::move(name), reader.text(kJsonSizeMax)};
}

ScriptKeys read_script_keys(Reader& reader) {
  ScriptKeys script;
  script.code = read_code_key(reader);
  script.is_zip = reader.boolean();
  script.main = reader.text(kTextSizeMax);
  script.isolate = reader.boolean();
  script.environment =
      read_list<std::pair<std::string, std::string>>(reader, 2 * sizeof(std::uint32_t), read_variable);
  return script;
}

HeaderConstants read_constants(Reader& reader) {
  HeaderConstants constants;
  constants.kind = static_cast<Kind>(reader.u8());
  constants.step = reader.u16();
  constants.steps = reader.u16();
  constants.receiver = reader.fixed<FunctionId>();
  constants.image = reader.fixed<Measurement>();
  constants.memory_mib = reader.u32();
  constants.timeout_ms = reader.u32();
  if (constants.kind != Kind::kRequest && constants.kind != Kind::kResult) reader.fail();
  return constants;
}

}  // namespace

Bytes encode(const KmsEvidence& evidence) {
  Writer writer;
  writer.blob(evidence.quote);
  writer.blob(evidence.ca_certificate_der);
  writer.blob(evidence.root_policy);
  writer.blob(evidence.collateral);
  return writer.take();
}

Result<KmsEvidence> decode_evidence(ByteView bytes) {
  Reader reader(bytes);
  KmsEvidence evidence;
  evidence.quote = to_bytes(reader.blob(kDocumentSizeMax));
  evidence.ca_certificate_der = to_bytes(reader.blob(kDocumentSizeMax));
  evidence.root_policy = to_bytes(reader.blob(kDocumentSizeMax));
  evidence.collateral = to_bytes(reader.blob(kDocumentSizeMax));
  TRY(reader.finish("wire.kms.evidence"));
  return evidence;
}

FixedBytes<64, struct KmsReportTag> kms_report_data(const Digest& ca_certificate, const Digest& root_policy,
                                                    ByteView nonce) {
  return {
      crypto::sha512({as_bytes("clemmys/kms/v1"), ca_certificate.view(), root_policy.view(), nonce}).bytes};
}

bool matches(const HeaderConstants& constants, const Header& header) {
  return constants == HeaderConstants{header.kind,  header.step,       header.steps,     header.receiver,
                                      header.image, header.memory_mib, header.timeout_ms};
}

Bytes encode(const FunctionRequest& request) {
  const GetStepKeys& keys = std::get<GetStepKeys>(request);
  Writer writer;
  write(writer, Operation::kGetStepKeys);
  writer.fixed(keys.chain);
  writer.fixed(keys.chain_digest);
  writer.u16(keys.step);
  writer.fixed(keys.function);
  return writer.take();
}

Result<FunctionRequest> decode_function_request(ByteView bytes) {
  Reader reader(bytes);
  if (static_cast<Operation>(reader.u8()) != Operation::kGetStepKeys) reader.fail();
  GetStepKeys request;
  request.chain = reader.fixed<ChainId>();
  request.chain_digest = reader.fixed<Digest>();
  request.step = reader.u16();
  request.function = reader.fixed<FunctionId>();
  TRY(reader.finish("wire.kms.function_request"));
  return FunctionRequest(request);
}

Bytes encode(const GatewayRequest& request) {
  Writer writer;
  std::visit([&](const auto& alternative) { write_request(writer, alternative); }, request);
  return writer.take();
}

Result<GatewayRequest> decode_gateway_request(ByteView bytes) {
  Reader reader(bytes);
  GatewayRequest request = read_gateway_request(reader);
  TRY(reader.finish("wire.kms.gateway_request"));
  return request;
}

Bytes encode_answer(std::uint64_t time_floor_unix_ms, ByteView body) {
  Writer writer;
  writer.u8(0);
  writer.u64(time_floor_unix_ms);
  writer.raw(body);
  return writer.take();
}

Bytes encode_refusal(std::uint64_t time_floor_unix_ms, const Error& error) {
  Writer writer;
  writer.u8(static_cast<std::uint8_t>(error.code));
  writer.u64(time_floor_unix_ms);
  writer.raw(as_bytes(error.site));
  return writer.take();
}

Result<Answer> decode_answer(ByteView bytes) {
  Reader reader(bytes);
  const std::uint8_t status = reader.u8();
  Answer answer{reader.u64(), to_bytes(reader.rest())};
  if (!reader.ok() || status > static_cast<std::uint8_t>(ErrorCode::kInternal)) {
    return Error{ErrorCode::kCorrupt, "wire.kms.answer"};
  }
  if (status == 0) return answer;
  const ByteView site = ByteView(answer.body).first(std::min(answer.body.size(), kTextSizeMax));
  return Error{static_cast<ErrorCode>(status), "wire.kms.refused", std::string(as_text(site))};
}

Bytes encode(const StepKeys& keys) {
  Writer writer;
  writer.secret(keys.edge_in);
  writer.secret(keys.edge_out);
  writer.secret(keys.return_key);
  write(writer, keys.in);
  write(writer, keys.out);
  writer.fixed(keys.code);
  writer.fixed(keys.parameters_digest);
  writer.text(keys.parameters_json);
  writer.text(keys.namespace_name);
  writer.text(keys.action_name);
  writer.text(keys.action_version);
  writer.u32(keys.logs_mib);
  writer.fixed(keys.namespace_id);
  writer.boolean(keys.script.has_value());
  if (keys.script) write(writer, *keys.script);
  return writer.take();
}

Result<StepKeys> decode_step_keys(ByteView bytes) {
  Reader reader(bytes);
  StepKeys keys;
  keys.edge_in = reader.secret();
  keys.edge_out = reader.secret();
  keys.return_key = reader.secret();
  keys.in = read_constants(reader);
  keys.out = read_constants(reader);
  keys.code = reader.fixed<Digest>();
  keys.parameters_digest = reader.fixed<Digest>();
  keys.parameters_json = reader.text(kJsonSizeMax);
  keys.namespace_name = reader.text(kTextSizeMax);
  keys.action_name = reader.text(kTextSizeMax);
  keys.action_version = reader.text(kTextSizeMax);
  keys.logs_mib = reader.u32();
  keys.namespace_id = reader.fixed<NamespaceId>();
  if (reader.boolean()) keys.script = read_script_keys(reader);
  TRY(reader.finish("wire.kms.step_keys"));
  return keys;
}

Bytes encode(const CodeKey& code) {
  Writer writer;
  write(writer, code);
  return writer.take();
}

Result<CodeKey> decode_code_key(ByteView bytes) {
  Reader reader(bytes);
  CodeKey code = read_code_key(reader);
  TRY(reader.finish("wire.kms.code_key"));
  return code;
}

Bytes encode(const CertificateChain& chain) {
  Writer writer;
  writer.u32(static_cast<std::uint32_t>(chain.certificates_der.size()));
  for (const Bytes& certificate : chain.certificates_der) writer.blob(certificate);
  writer.u64(chain.not_after_unix_ms);
  return writer.take();
}

Result<CertificateChain> decode_certificate_chain(ByteView bytes) {
  Reader reader(bytes);
  CertificateChain chain;
  chain.certificates_der.resize(reader.count(sizeof(std::uint32_t)));
  for (Bytes& certificate : chain.certificates_der) certificate = to_bytes(reader.blob(kDocumentSizeMax));
  chain.not_after_unix_ms = reader.u64();
  TRY(reader.finish("wire.kms.certificate_chain"));
  return chain;
}

Bytes encode(const NewUser& user) {
  Writer writer;
  writer.text(user.subject);
  writer.text(user.uuid);
  writer.text(user.key);
  return writer.take();
}

Result<NewUser> decode_new_user(ByteView bytes) {
  Reader reader(bytes);
  NewUser user;
  user.subject = reader.text(kTextSizeMax);
  user.uuid = reader.text(kTextSizeMax);
  user.key = reader.text(kTextSizeMax);
  TRY(reader.finish("wire.kms.new_user"));
  return user;
}

}  // namespace clemmys::wire
