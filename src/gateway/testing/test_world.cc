#include "gateway/testing/test_world.h"

#include <algorithm>

#include "crypto/base64.h"
#include "crypto/crypto.h"

namespace clemmys::gateway::testing {
namespace {

Bytes encode_records(const std::vector<wire::StoredRecord>& records) {
  Writer writer;
  writer.u32(static_cast<std::uint32_t>(records.size()));
  for (const auto& record : records) wire::write(writer, record);
  return writer.take();
}

}  // namespace

Result<Bytes> FakeController::answer(wire::ControllerFrame type, ByteView body) {
  using wire::ControllerFrame;
  if (away) return Error{ErrorCode::kUnavailable, "test.away"};
  Reader reader(body);
  switch (type) {
    case ControllerFrame::kPutRecord: {
      wire::StoredRecord record = wire::read_stored_record(reader);
      ++puts;
      records[record.activation] = record;
      return Bytes();
    }
    case ControllerFrame::kGetRecord: {
      reader.fixed<NamespaceId>();
      auto found = records.find(reader.fixed<ActivationId>());
      return encode_records(found == records.end() ? std::vector<wire::StoredRecord>{}
                                                   : std::vector{found->second});
    }
    case ControllerFrame::kListRecords:
    case ControllerFrame::kCountRecords: {
      const auto query = wire::decode_list_records(body).value();
      std::vector<wire::StoredRecord> found;
      for (const auto& [id, record] : records)
        if (record.state == query.state && record.namespace_id == query.namespace_id &&
            record.start_unix_ms >= query.since_unix_ms && record.start_unix_ms <= query.upto_unix_ms)
          found.push_back(record);
      std::ranges::sort(found, std::ranges::greater(), &wire::StoredRecord::start_unix_ms);
      if (type == ControllerFrame::kCountRecords) {
        Writer count;
        count.u64(found.size());
        return count.take();
      }
      found.erase(found.begin(), found.begin() + std::min<std::ptrdiff_t>(query.skip, std::ssize(found)));
      if (found.size() > query.limit) found.resize(query.limit);
      return encode_records(found);
    }
    case ControllerFrame::kPutImage: {
      const auto measurement = reader.fixed<Measurement>();
      images[measurement] = to_bytes(reader.rest());
      return Bytes();
    }
    case ControllerFrame::kGetImage: {
      auto found = images.find(reader.fixed<Measurement>());
      if (found == images.end()) return Error{ErrorCode::kNotFound, "test.image"};
      return found->second;
    }
    case ControllerFrame::kPutBlob: {
      const auto id = reader.fixed<wire::CodeId>();
      blobs[id] = to_bytes(reader.rest());
      return Bytes();
    }
    case ControllerFrame::kGetBlob: {
      auto found = blobs.find(reader.fixed<wire::CodeId>());
      if (found == blobs.end()) return Error{ErrorCode::kNotFound, "test.blob"};
      return found->second;
    }
    case ControllerFrame::kDeleteBlob:
      blobs.erase(reader.fixed<wire::CodeId>());
      return Bytes();
    case ControllerFrame::kRetireChain:
      retired.push_back(reader.fixed<ChainId>());
      return Bytes();
    case ControllerFrame::kStatus:
      return to_bytes(std::string_view(R"({"cold_starts":[]})"));
    default:
      return Error{ErrorCode::kInvalid, "test.type"};
  }
}

Task<Result<Bytes>> FakeController::call(wire::ControllerFrame type, Bytes body) {
  co_return answer(type, body);
}
void FakeController::notify(wire::ControllerFrame type, Bytes body) { (void)answer(type, body); }
Status FakeController::run(const NamespaceId& owner, ByteView sealed, std::shared_ptr<RunListener> listener) {
  if (away) return Error{ErrorCode::kUnavailable, "test.away"};
  envelope = to_bytes(sealed);
  owners.push_back(owner);
  listeners.push_back(listener);
  if (behave) behave(sealed, std::move(listener));
  return {};
}

namespace {

wire::Chain retired(const ChainId& id) {
  wire::Chain chain;
  chain.id = id;
  chain.retired_unix_ms = kNow;
  return chain;
}

}  // namespace

FakeKms::FakeKms(View& view) : view_(view) {
  wire::View first;
  first.revision = ++revision_;
  for (const char* name : {"guest", "other"})
    first.namespaces.push_back(
        {.id = crypto::random_fixed<NamespaceId>(), .name = name, .record_key = crypto::random_key()});
  first.users.push_back({.subject = "guest-user",
                         .namespace_name = "guest",
                         .uuid = std::string(kUuid),
                         .key_digest = crypto::sha256(as_bytes(kSecret))});
  CHECK(view_.apply(std::move(first)));
}

Status FakeKms::put(wire::Action action) {
  auto old = actions_.find(action.name);
  action.revision = ++revision_;
  action.updated_unix_ms = kNow + revision_;
  action.version = old == actions_.end() ? "0.0.1" : "0.0.2";
  if (action.components.empty()) action.function = crypto::random_fixed<FunctionId>();
  wire::View change;
  change.revision = revision_;
  if (old != actions_.end()) change.chains.push_back(retired(old->second.chain));
  wire::Chain chain;
  chain.id = action.chain = crypto::random_fixed<ChainId>();
  const NamespacePointer owner = view_.snapshot()->find_namespace(action.namespace_name);
  chain.namespace_id = owner->id;
  chain.namespace_name = owner->name;
  std::vector<std::string> names{action.name};
  if (!action.components.empty()) names.clear();
  for (const std::string& component : action.components)
    names.push_back(component.substr(component.rfind('/') + 1));
  for (const std::string& name : names) {
    const bool self = name == action.name;
    if (!self && !actions_.contains(name))
      return Error{ErrorCode::kInvalid, "wire.kms.refused", "Sequence component does not exist."};
    const wire::Action& step = self ? action : actions_.at(name);
    chain.steps.push_back({.function = step.function,
                           .image = step.image,
                           .code = step.code,
                           .parameters = {},
                           .memory_mib = step.limits.memory_mib,
                           .timeout_ms = step.limits.timeout_ms,
                           .action = step.namespace_name + "/" + step.name});
  }
  chain.digest = wire::chain_digest(chain.namespace_id, chain.steps);
  Key secret = crypto::random_key();
  const auto steps = static_cast<std::uint16_t>(chain.steps.size());
  chain.first_edge = wire::edge_key(secret, chain.digest, 0);
  chain.last_edge = wire::edge_key(secret, chain.digest, steps);
  for (std::uint16_t i = 0; i < steps; ++i)
    chain.return_keys.push_back(wire::return_key(secret, chain.digest, i));
  secrets_.insert_or_assign(action.name, std::move(secret));
  actions_[action.name] = action;
  change.actions.push_back(std::move(action));
  change.chains.push_back(std::move(chain));
  if (const auto code = codes_.find(change.actions.front().code_id); code != codes_.end())
    change.codes.push_back(code->second.copy());
  return view_.apply(std::move(change));
}

FakeFunctions FakeKms::functions(std::string_view action_name) const {
  const wire::Action& action = actions_.at(std::string(action_name));
  return FakeFunctions(secrets_.at(action.name).copy(), *view_.snapshot()->chain(action.chain));
}

Task<Result<Bytes>> FakeKms::change(wire::GatewayRequest request) {
  if (refuse) co_return *refuse;
  if (auto* put_request = std::get_if<wire::PutAction>(&request)) {
    if (refuse_puts) co_return *refuse_puts;
    if (auto done = put(put_request->action); !done) co_return done.error();
  } else if (auto* removal = std::get_if<wire::DeleteAction>(&request)) {
    wire::View change;
    change.revision = ++revision_;
    wire::Action gone = actions_.at(removal->name);
    gone.deleted = true;
    change.actions.push_back(gone);
    change.chains.push_back(retired(gone.chain));
    CHECK(view_.apply(std::move(change)));
  } else if (std::holds_alternative<wire::NewCode>(request)) {
    wire::CodeKey code{crypto::random_fixed<wire::CodeId>(), crypto::random_key()};
    const Bytes answer = wire::encode(code);
    codes_.emplace(code.id, std::move(code));
    co_return answer;
  } else if (auto* claim = std::get_if<wire::ClaimNamespace>(&request)) {
    if (claim->token != "token") co_return Error{ErrorCode::kDenied, "wire.kms.refused"};
    co_return wire::encode(wire::NewUser{.subject = "new-user", .uuid = "new-uuid", .key = "new-key"});
  }
  co_return Bytes();
}

Task<Result<Bytes>> FakeKms::evidence(Bytes nonce) {
  co_return wire::encode(wire::KmsEvidence{.quote = std::move(nonce),
                                           .ca_certificate_der = {1},
                                           .root_policy = to_bytes(std::string_view("policy")),
                                           .collateral = {2}});
}

TestWorld::TestWorld(ApiLimits limits) : throttle(limits.per_namespace) {
  CHECK(crypto::initialize());
  api = std::make_unique<Api>(ApiContext{
      .view = view,
      .controller = controller,
      .kms = kms,
      .time = time,
      .metrics = metrics,
      .open = open,
      .throttle = throttle,
      .after = [this](std::uint64_t delay_ms,
                      std::function<void()> function) { timers.push_back({delay_ms, std::move(function)}); },
      .measure_image = [](ByteView file) -> Result<Measurement> {
        if (!as_text(file).starts_with("image")) return Error{ErrorCode::kInvalid, "test.image", "no footer"};
        return Measurement{crypto::sha256(file).bytes};
      },
      .limits = limits});
}

void TestWorld::run_timers(std::uint64_t delay_ms) {
  std::vector<Timer> due;
  std::erase_if(timers, [&](Timer& timer) {
    const bool is_due = timer.delay_ms == delay_ms;
    if (is_due) due.push_back(std::move(timer));
    return is_due;
  });
  for (const Timer& timer : due) timer.run();
}

std::string TestWorld::authorization(std::string_view uuid, std::string_view secret) {
  std::string out = "Basic ";
  crypto::append_base64(out, to_bytes(std::string(uuid) + ":" + std::string(secret)));
  return out;
}

HttpRequest TestWorld::request(Method method, std::string_view target, std::string_view body) {
  return {.method = method,
          .target = target,
          .authorization = authorization_,
          .content_type = "application/json",
          .body = body,
          .received_unix_ms = time.unix_ms(),
          .transaction = "test-transaction"};
}

HttpResponse TestWorld::send(const HttpRequest& request) {
  auto response = begin(request);
  CHECK(response->has_value());
  return std::move(**response);
}

std::shared_ptr<std::optional<HttpResponse>> TestWorld::begin(const HttpRequest& request) {
  auto slot = std::make_shared<std::optional<HttpResponse>>();
  spawn([](Api& api_of, HttpRequest copy, std::shared_ptr<std::optional<HttpResponse>> out) -> Task<void> {
    auto admitted = api_of.admit(copy);
    if (auto* refusal = std::get_if<HttpResponse>(&admitted)) {
      out->emplace(std::move(*refusal));
    } else {
      out->emplace(co_await api_of.handle(std::get<Admitted>(admitted), copy));
    }
  }(*api, request, slot));
  return slot;
}

void TestWorld::add_action(std::string name, std::string annotations, std::string parameters) {
  wire::Action action;
  action.namespace_name = "guest";
  action.name = std::move(name);
  action.kind = "native:1";
  action.image = crypto::random_fixed<Measurement>();
  action.code = crypto::random_fixed<Digest>();
  action.annotations_json = std::move(annotations);
  action.parameters_json = std::move(parameters);
  CHECK(kms.put(std::move(action)));
}

void TestWorld::add_sequence(std::string name, std::vector<std::string> components) {
  wire::Action action;
  action.namespace_name = "guest";
  action.name = std::move(name);
  action.kind = "sequence";
  for (const std::string& component : components) action.components.push_back("/guest/" + component);
  CHECK(kms.put(std::move(action)));
}

void TestWorld::serve(std::string action, FakeHandler handler) {
  controller.behave = [this, action = std::move(action), handler = std::move(handler)](
                          ByteView envelope, std::shared_ptr<RunListener> listener) {
    const FakeAnswers answers = kms.functions(action).answer(envelope, handler);
    for (const Bytes& event : answers.events) listener->on_event(event);
    listener->on_end(wire::ControllerFrame::kDone, answers.done);
  };
}

}  // namespace clemmys::gateway::testing
