#include "wire/definitions.h"

#include "base/codec_list.h"

namespace clemmys::wire {
namespace {

// Sizes below which no encoded element fits; Reader::count refuses larger counts than the input can hold.
constexpr std::size_t kTextSizeMin = 4;
constexpr std::size_t kTextSizeMax = 4096, kJsonSizeMax = 4u << 20, kComponentsMax = 1000, kStepsMax = 0xffff;

void write(Writer& writer, const Limits& limits) {
  writer.u32(limits.timeout_ms);
  writer.u32(limits.memory_mib);
  writer.u32(limits.logs_mib);
  writer.u32(limits.concurrency);
}

Limits read_limits(Reader& reader) {
  Limits limits;
  limits.timeout_ms = reader.u32();
  limits.memory_mib = reader.u32();
  limits.logs_mib = reader.u32();
  limits.concurrency = reader.u32();
  return limits;
}

void write(Writer& writer, const Namespace& space) {
  writer.fixed(space.id);
  writer.text(space.name);
  writer.secret(space.record_key);
  writer.u64(space.revision);
}

Namespace read_namespace(Reader& reader) {
  Namespace space;
  space.id = reader.fixed<NamespaceId>();
  space.name = reader.text(kTextSizeMax);
  space.record_key = reader.secret();
  space.revision = reader.u64();
  return space;
}

void write(Writer& writer, const User& user) {
  writer.text(user.subject);
  writer.text(user.namespace_name);
  writer.text(user.uuid);
  writer.fixed(user.key_digest);
  writer.u64(user.revision);
  writer.boolean(user.deleted);
}

User read_user(Reader& reader) {
  User user;
  user.subject = reader.text(kTextSizeMax);
  user.namespace_name = reader.text(kTextSizeMax);
  user.uuid = reader.text(kTextSizeMax);
  user.key_digest = reader.fixed<Digest>();
  user.revision = reader.u64();
  user.deleted = reader.boolean();
  return user;
}

void write(Writer& writer, const Chain& chain) {
  writer.fixed(chain.id);
  writer.fixed(chain.namespace_id);
  writer.text(chain.namespace_name);
  writer.fixed(chain.digest);
  write_list(writer, chain.steps, [](Writer& out, const ChainStep& step) { write(out, step); });
  writer.secret(chain.first_edge);
  writer.secret(chain.last_edge);
  write_list(writer, chain.return_keys, [](Writer& out, const Key& key) { out.secret(key); });
  writer.u64(chain.revision);
  writer.u64(chain.retired_unix_ms);
}

Chain read_chain(Reader& reader) {
  Chain chain;
  chain.id = reader.fixed<ChainId>();
  chain.namespace_id = reader.fixed<NamespaceId>();
  chain.namespace_name = reader.text(kTextSizeMax);
  chain.digest = reader.fixed<Digest>();
  chain.steps = read_list<ChainStep>(reader, kStepSizeMin, read_step);
  chain.first_edge = reader.secret();
  chain.last_edge = reader.secret();
  chain.return_keys.resize(reader.count(Key::kSize));
  for (Key& key : chain.return_keys) key = reader.secret();
  chain.revision = reader.u64();
  chain.retired_unix_ms = reader.u64();
  if (chain.steps.size() > kStepsMax || chain.return_keys.size() > kStepsMax) reader.fail();
  return chain;
}

constexpr auto kWrite = [](Writer& writer, const auto& element) { write(writer, element); };

}  // namespace

Digest chain_digest(const NamespaceId& namespace_id, const std::vector<ChainStep>& steps) {
  Writer canonical;
  canonical.raw(as_bytes("clemmys/chain/v1"));
  canonical.fixed(namespace_id);
  canonical.u32(static_cast<std::uint32_t>(steps.size()));
  for (const ChainStep& step : steps) {
    canonical.fixed(step.function);
    canonical.fixed(step.image);
    canonical.fixed(step.code);
    canonical.fixed(step.parameters);
  }
  return crypto::sha256(canonical.bytes());
}

void write(Writer& writer, const ChainStep& step) {
  writer.fixed(step.function);
  writer.fixed(step.image);
  writer.fixed(step.code);
  writer.fixed(step.parameters);
  writer.u32(step.memory_mib);
  writer.u32(step.timeout_ms);
  writer.text(step.action);
}

ChainStep read_step(Reader& reader) {
  ChainStep step;
  step.function = reader.fixed<FunctionId>();
  step.image = reader.fixed<Measurement>();
  step.code = reader.fixed<Digest>();
  step.parameters = reader.fixed<Digest>();
  step.memory_mib = reader.u32();
  step.timeout_ms = reader.u32();
  step.action = reader.text(kTextSizeMax);
  return step;
}

void write(Writer& writer, const Action& action) {
  writer.text(action.namespace_name);
  writer.text(action.package);
  writer.text(action.name);
  writer.text(action.kind);
  writer.u32(static_cast<std::uint32_t>(action.components.size()));
  for (const std::string& component : action.components) writer.text(component);
  writer.fixed(action.image);
  writer.fixed(action.code);
  writer.fixed(action.code_id);
  writer.u64(action.code_size);
  writer.boolean(action.binary);
  writer.text(action.main);
  writer.text(action.annotations_json);
  writer.text(action.parameters_json);
  write(writer, action.limits);
  writer.text(action.version);
  writer.boolean(action.publish);
  writer.u64(action.updated_unix_ms);
  writer.fixed(action.function);
  writer.fixed(action.chain);
  writer.u64(action.revision);
  writer.boolean(action.deleted);
}

Action read_action(Reader& reader) {
  Action action;
  action.namespace_name = reader.text(kTextSizeMax);
  action.package = reader.text(kTextSizeMax);
  action.name = reader.text(kTextSizeMax);
  action.kind = reader.text(kTextSizeMax);
  action.components.resize(reader.count(kTextSizeMin));
  for (std::string& component : action.components) component = reader.text(kTextSizeMax);
  action.image = reader.fixed<Measurement>();
  action.code = reader.fixed<Digest>();
  action.code_id = reader.fixed<CodeId>();
  action.code_size = reader.u64();
  action.binary = reader.boolean();
  action.main = reader.text(kTextSizeMax);
  action.annotations_json = reader.text(kJsonSizeMax);
  action.parameters_json = reader.text(kJsonSizeMax);
  action.limits = read_limits(reader);
  action.version = reader.text(kTextSizeMax);
  action.publish = reader.boolean();
  action.updated_unix_ms = reader.u64();
  action.function = reader.fixed<FunctionId>();
  action.chain = reader.fixed<ChainId>();
  action.revision = reader.u64();
  action.deleted = reader.boolean();
  if (action.components.size() > kComponentsMax) reader.fail();
  return action;
}

Bytes encode(const View& view) {
  Writer writer;
  writer.u64(view.revision);
  write_list(writer, view.namespaces, kWrite);
  write_list(writer, view.users, kWrite);
  write_list(writer, view.actions, kWrite);
  write_list(writer, view.chains, kWrite);
  write_list(writer, view.codes, kWrite);
  return writer.take();
}

Result<View> decode_view(ByteView bytes) {
  Reader reader(bytes);
  View view;
  view.revision = reader.u64();
  view.namespaces = read_list<Namespace>(reader, NamespaceId::kSize + Key::kSize, read_namespace);
  view.users = read_list<User>(reader, Digest::kSize, read_user);
  view.actions = read_list<Action>(reader, Measurement::kSize + Digest::kSize, read_action);
  view.chains = read_list<Chain>(reader, Digest::kSize + 2 * Key::kSize, read_chain);
  view.codes = read_list<CodeKey>(reader, CodeId::kSize + Key::kSize, read_code_key);
  TRY(reader.finish("wire.view"));
  return view;
}

}  // namespace clemmys::wire
