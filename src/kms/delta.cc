#include "kms/delta.h"

namespace clemmys::kms {
namespace {

void write(Writer& writer, const Deployment& deployment) {
  writer.fixed(deployment.policy);
  writer.secret(deployment.ca_scalar);
  writer.blob(deployment.ca_certificate);
  writer.secret(deployment.session_seed);
}
Deployment read_deployment(Reader& reader) {
  Deployment deployment;
  deployment.policy = reader.fixed<Digest>();
  deployment.ca_scalar = reader.secret();
  deployment.ca_certificate = to_bytes(reader.blob());
  deployment.session_seed = reader.secret();
  return deployment;
}

void write(Writer& writer, const NamespaceEntry& entry) {
  writer.fixed(entry.id);
  writer.text(entry.name);
  writer.secret(entry.record_key);
  writer.fixed(entry.policy);
  writer.fixed(entry.claim);
}
NamespaceEntry read_namespace(Reader& reader) {
  NamespaceEntry entry;
  entry.id = reader.fixed<NamespaceId>();
  entry.name = reader.text();
  entry.record_key = reader.secret();
  entry.policy = reader.fixed<Digest>();
  entry.claim = reader.fixed<Digest>();
  return entry;
}

void write(Writer& writer, const wire::User& user) {
  writer.text(user.subject);
  writer.text(user.namespace_name);
  writer.text(user.uuid);
  writer.fixed(user.key_digest);
  writer.boolean(user.deleted);
}
wire::User read_user(Reader& reader) {
  wire::User user;
  user.subject = reader.text();
  user.namespace_name = reader.text();
  user.uuid = reader.text();
  user.key_digest = reader.fixed<Digest>();
  user.deleted = reader.boolean();
  return user;
}

void write(Writer& writer, const wire::ChainStep& step) {
  writer.fixed(step.function);
  writer.fixed(step.image);
  writer.fixed(step.code);
  writer.fixed(step.parameters);
  writer.u32(step.memory_mib);
  writer.u32(step.timeout_ms);
  writer.text(step.action);
}
wire::ChainStep read_step(Reader& reader) {
  wire::ChainStep step;
  step.function = reader.fixed<FunctionId>();
  step.image = reader.fixed<Measurement>();
  step.code = reader.fixed<Digest>();
  step.parameters = reader.fixed<Digest>();
  step.memory_mib = reader.u32();
  step.timeout_ms = reader.u32();
  step.action = reader.text();
  return step;
}

void write(Writer& writer, const ChainEntry& chain) {
  writer.fixed(chain.id);
  writer.fixed(chain.namespace_id);
  writer.text(chain.namespace_name);
  writer.fixed(chain.digest);
  writer.u32(static_cast<std::uint32_t>(chain.steps.size()));
  for (const wire::ChainStep& step : chain.steps) write(writer, step);
  writer.secret(chain.secret);
}
ChainEntry read_chain(Reader& reader) {
  ChainEntry chain;
  chain.id = reader.fixed<ChainId>();
  chain.namespace_id = reader.fixed<NamespaceId>();
  chain.namespace_name = reader.text();
  chain.digest = reader.fixed<Digest>();
  chain.steps.resize(reader.count(124));
  for (wire::ChainStep& step : chain.steps) step = read_step(reader);
  chain.secret = reader.secret();
  return chain;
}

template <typename T>
void write_list(Writer& writer, const std::vector<T>& list) {
  writer.u32(static_cast<std::uint32_t>(list.size()));
  for (const T& item : list) write(writer, item);
}
template <typename T>
void read_list(Reader& reader, std::vector<T>& list, T (*read)(Reader&)) {
  const std::uint32_t count = reader.count(16);
  list.reserve(count);
  for (std::uint32_t i = 0; i < count && reader.ok(); ++i) list.push_back(read(reader));
}

}  // namespace

Bytes encode(const Delta& delta) {
  Writer writer;
  writer.u64(delta.revision);
  writer.u64(delta.unix_ms);
  writer.boolean(delta.deployment.has_value());
  if (delta.deployment) write(writer, *delta.deployment);
  write_list(writer, delta.namespaces);
  write_list(writer, delta.users);
  writer.u32(static_cast<std::uint32_t>(delta.actions.size()));
  for (const wire::Action& action : delta.actions) wire::write(writer, action);
  write_list(writer, delta.chains);
  writer.u32(static_cast<std::uint32_t>(delta.retired.size()));
  for (const ChainId& id : delta.retired) writer.fixed(id);
  return writer.take();
}

Result<Delta> decode_delta(ByteView bytes) {
  Reader reader(bytes);
  Delta delta;
  delta.revision = reader.u64();
  delta.unix_ms = reader.u64();
  if (reader.boolean()) delta.deployment = read_deployment(reader);
  read_list(reader, delta.namespaces, read_namespace);
  read_list(reader, delta.users, read_user);
  read_list(reader, delta.actions, wire::read_action);
  read_list(reader, delta.chains, read_chain);
  const std::uint32_t retired = reader.count(ChainId::kSize);
  for (std::uint32_t i = 0; i < retired; ++i) delta.retired.push_back(reader.fixed<ChainId>());
  TRY(reader.finish("kms.delta.decode"));
  return delta;
}

}  // namespace clemmys::kms
