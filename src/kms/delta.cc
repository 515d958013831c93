#include "kms/delta.h"

#include "base/codec_list.h"

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

void write(Writer& writer, const ChainEntry& chain) {
  writer.fixed(chain.id);
  writer.fixed(chain.namespace_id);
  writer.text(chain.namespace_name);
  writer.fixed(chain.digest);
  write_list(writer, chain.steps, [](Writer& out, const wire::ChainStep& step) { wire::write(out, step); });
  writer.secret(chain.secret);
}
ChainEntry read_chain(Reader& reader) {
  ChainEntry chain;
  chain.id = reader.fixed<ChainId>();
  chain.namespace_id = reader.fixed<NamespaceId>();
  chain.namespace_name = reader.text();
  chain.digest = reader.fixed<Digest>();
  chain.steps = read_list<wire::ChainStep>(reader, wire::kStepSizeMin, wire::read_step);
  chain.secret = reader.secret();
  return chain;
}

// kElementSizeMin: every element of a list is longer than an id.
constexpr std::size_t kElementSizeMin = 16;
constexpr auto kWrite = [](Writer& writer, const auto& element) { write(writer, element); };
constexpr auto kWriteId = [](Writer& writer, const ChainId& id) { writer.fixed(id); };
ChainId read_id(Reader& reader) { return reader.fixed<ChainId>(); }

}  // namespace

Bytes encode(const Delta& delta) {
  Writer writer;
  writer.u64(delta.revision);
  writer.u64(delta.unix_ms);
  writer.boolean(delta.deployment.has_value());
  if (delta.deployment) write(writer, *delta.deployment);
  write_list(writer, delta.namespaces, kWrite);
  write_list(writer, delta.users, kWrite);
  write_list(writer, delta.actions, kWrite);
  write_list(writer, delta.chains, kWrite);
  write_list(writer, delta.retired, kWriteId);
  write_list(writer, delta.codes, kWrite);
  return writer.take();
}

Result<Delta> decode_delta(ByteView bytes) {
  Reader reader(bytes);
  Delta delta;
  delta.revision = reader.u64();
  delta.unix_ms = reader.u64();
  if (reader.boolean()) delta.deployment = read_deployment(reader);
  delta.namespaces = read_list<NamespaceEntry>(reader, kElementSizeMin, read_namespace);
  delta.users = read_list<wire::User>(reader, kElementSizeMin, read_user);
  delta.actions = read_list<wire::Action>(reader, kElementSizeMin, wire::read_action);
  delta.chains = read_list<ChainEntry>(reader, kElementSizeMin, read_chain);
  delta.retired = read_list<ChainId>(reader, ChainId::kSize, read_id);
  delta.codes = read_list<wire::CodeKey>(reader, wire::CodeId::kSize + Key::kSize, wire::read_code_key);
  TRY(reader.finish("kms.delta.decode"));
  return delta;
}

}  // namespace clemmys::kms
