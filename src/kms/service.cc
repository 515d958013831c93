#include "kms/service.h"

#include <algorithm>
#include <utility>

#include "attest/collateral.h"
#include "attest/quote.h"
#include "base/log.h"
#include "kms/admission.h"
#include "kms/authority.h"
#include "kms/changes.h"
#include "kms/release.h"
#include "kms/store.h"

namespace clemmys::kms {
namespace {

constexpr std::size_t kClientNonceSize = 32;

wire::Frame answer(Bytes body) {
  return {static_cast<std::uint8_t>(wire::KmsFrame::kAnswer), std::move(body)};
}

// refused shows the host a code and a site, nothing else.
wire::Frame refused(const Error& error) {
  Bytes body{static_cast<std::uint8_t>(error.code)};
  body.insert(body.end(), error.site.begin(), error.site.end());
  return {static_cast<std::uint8_t>(wire::KmsFrame::kRefused), std::move(body)};
}

}  // namespace

struct Service::Impl {
  ServiceParts parts;
  TimeFloor time;
  std::unique_ptr<Store> store;
  std::optional<Authority> authority;
  std::optional<Nonces> nonces;
  Sessions sessions;
  attest::Verifier verifier;

  explicit Impl(ServiceParts given)
      : parts(std::move(given)), time(parts.clock), verifier(parts.collateral, parts.policy.trust) {}

  const State& state() const { return store->state(); }
  ChangeContext context() { return {state(), parts.policy, time.unix_ms()}; }

  Status check_own_image();
  Status start();
  Result<Bytes> hello(ByteView body);
  Result<Bytes> message(ByteView body);
  Result<Bytes> evidence(ByteView body);
  Result<Bytes> new_namespace(ByteView body);
  Result<Bytes> dispatch(const wire::Frame& request);

  Result<Bytes> serve_function(Session& session, ByteView plaintext);
  Result<Bytes> serve_gateway(Session& session, ByteView plaintext);
  Bytes view_for(Session& session, std::uint64_t since);
  Result<Bytes> serve(Session& session, const wire::SignCsr& request);
  Result<Bytes> serve(Session& session, const wire::GetView& request);
  Result<Bytes> serve(Session& session, const wire::ClaimNamespace& request);
  Result<Bytes> serve(Session& session, const wire::NewCode& request);
  Result<Bytes> serve(Session& session, const wire::PutAction& request);
  Result<Bytes> serve(Session& session, const wire::DeleteAction& request);
};

// check_own_image refuses to serve under a policy that names other KMS images. A courtesy: what protects
// clients is that they check this enclave's measurement themselves.
Status Service::Impl::check_own_image() {
  if (parts.policy.kms.empty()) return {};
  const auto quote = parts.attester.evidence(attest::ReportData{});
  if (!quote) {
    return Error{quote.error().code, "kms.start.quote",
                 "cannot get a quote of this enclave: is the quoting service running and provisioned? " +
                     to_string(quote.error())};
  }
  const attest::Quote parsed = TRY(attest::parse_quote(*quote));
  const Measurement own = TRY(Measurement::from(parsed.report.mrenclave));
  if (parts.policy.kms.contains(own)) return {};
  return Error{ErrorCode::kDenied, "kms.start.image",
               "this KMS is image " + to_hex(own) + ", which the root policy does not name"};
}

Status Service::Impl::start() {
  TRY(check_own_image());
  store = TRY(Store::open(parts.folder, parts.sealer, parts.anchor, time));
  // Each start extends the anchor, so that of two clones on one state folder the earlier one stops at its
  // next answer.
  Delta delta;
  delta.revision = state().revision() + 1;
  delta.unix_ms = time.unix_ms();
  if (state().deployment(parts.policy.digest) == nullptr) {
    delta.deployment = TRY(make_deployment(parts.policy, time.unix_ms()));
    log_info("made a certificate authority for this root policy");
  }
  store->change("kms start " + to_hex(crypto::random_fixed<FixedBytes<16, struct BootIdTag>>()),
                std::move(delta));
  TRY(store->commit());
  const Deployment* deployment = state().deployment(parts.policy.digest);
  authority.emplace(TRY(Authority::open(*deployment, parts.policy)));
  nonces.emplace(crypto::ed25519_from_seed(deployment->session_seed));
  return {};
}

Result<Bytes> Service::Impl::hello(ByteView body) {
  const std::uint64_t now = time.unix_ms();
  const wire::SessionHello hello = TRY(wire::decode_hello(body));
  auto identity = admit(hello, *nonces, {parts.policy, verifier, state()}, now);
  if (!identity) {
    log_warning("refused a session: " + to_string(identity.error()));
    return identity.error();
  }
  auto accepted = TRY(wire::accept_session(body, hello, nonces->key()));
  TRY(sessions.add({hello.role, identity->measurement, std::move(accepted.cipher)}, now));
  return std::move(accepted.accept);
}

Result<Bytes> Service::Impl::message(ByteView body) {
  const SessionId id = TRY(wire::SessionCipher::session_of(body));
  Session* session = sessions.use(id, time.unix_ms());
  if (session == nullptr) return Error{ErrorCode::kUnauthenticated, "kms.message.session"};
  Bytes plaintext = TRY(session->cipher.open(body));
  auto result = session->role == wire::Role::kGateway ? serve_gateway(*session, plaintext)
                                                      : serve_function(*session, plaintext);
  wipe(plaintext.data(), plaintext.size());
  if (result) {
    Bytes plain_answer = wire::encode_answer(time.unix_ms(), *result);
    Bytes sealed = session->cipher.seal(plain_answer);
    wipe(result->data(), result->size());
    wipe(plain_answer.data(), plain_answer.size());
    return sealed;
  }
  // A gateway shows the detail to its user; it has no secrets.
  Error shown{result.error().code, result.error().site};
  if (session->role == wire::Role::kGateway && !result.error().detail.empty())
    shown.site = result.error().detail;
  return session->cipher.seal(wire::encode_refusal(time.unix_ms(), shown));
}

Result<Bytes> Service::Impl::serve_function(Session& session, ByteView plaintext) {
  const auto request = TRY(wire::decode_function_request(plaintext));
  const auto keys =
      TRY(release_step_keys(state(), parts.policy, session, std::get<wire::GetStepKeys>(request)));
  store->need_confirmation();
  return wire::encode(keys);
}

Result<Bytes> Service::Impl::serve_gateway(Session& session, ByteView plaintext) {
  const auto request = TRY(wire::decode_gateway_request(plaintext));
  return std::visit([&](const auto& one) { return serve(session, one); }, request);
}

Bytes Service::Impl::view_for(Session& session, std::uint64_t since) {
  const wire::View view = state().view(since, parts.policy.digest, time.unix_ms());
  session.known_revision = view.revision;
  store->need_confirmation();
  return wire::encode(view);
}

// A certificate is for a gateway that was sent the current state: one that is kept from it loses its
// certificate within the hour. The hour begins at a journaled time: a host that moves the clock ahead, to
// have certificates for later, has moved it for good.
Result<Bytes> Service::Impl::serve(Session& session, const wire::SignCsr& request) {
  if (session.known_revision != state().revision()) return Error{ErrorCode::kConflict, "kms.csr.stale_view"};
  const std::uint64_t now = time.unix_ms();
  const auto chain = TRY(authority->sign_csr(request.csr_der, now));
  Delta issued;
  issued.revision = state().revision() + 1;
  issued.unix_ms = now;
  store->change("gateway certificate", std::move(issued));
  session.known_revision = state().revision();  // nothing that a gateway sees has changed
  return wire::encode(chain);
}

Result<Bytes> Service::Impl::serve(Session& session, const wire::GetView& request) {
  if (request.since_revision > state().revision()) return Error{ErrorCode::kInvalid, "kms.view.revision"};
  return view_for(session, request.since_revision);
}

Result<Bytes> Service::Impl::serve(Session& session, const wire::ClaimNamespace& request) {
  (void)session;
  auto claimed = TRY(claim_namespace(context(), request));
  store->change("gateway", std::move(claimed.delta));
  return wire::encode(claimed.user);
}

// A key that no action took is forgotten with its session: nothing was deployed under it.
Result<Bytes> Service::Impl::serve(Session& session, const wire::NewCode& request) {
  (void)request;
  if (session.new_codes.size() == wire::kNewCodesMax) session.new_codes.pop_front();
  session.new_codes.push_back({crypto::random_fixed<wire::CodeId>(), crypto::random_key()});
  return wire::encode(session.new_codes.back());
}

Result<Bytes> Service::Impl::serve(Session& session, const wire::PutAction& request) {
  const auto code = std::ranges::find(session.new_codes, request.action.code_id, &wire::CodeKey::id);
  const bool found = code != session.new_codes.end();
  store->change("gateway", TRY(put_action(context(), request, found ? &*code : nullptr)));
  if (found) session.new_codes.erase(code);
  return view_for(session, session.known_revision);
}

Result<Bytes> Service::Impl::serve(Session& session, const wire::DeleteAction& request) {
  store->change("gateway", TRY(delete_action(context(), request)));
  return view_for(session, session.known_revision);
}

Result<Bytes> Service::Impl::evidence(ByteView body) {
  if (body.size() != kClientNonceSize) return Error{ErrorCode::kInvalid, "kms.evidence.nonce"};
  const Digest certificate = crypto::sha256(authority->certificate_der());
  const auto report = wire::kms_report_data(certificate, parts.policy.digest, body);
  wire::KmsEvidence evidence;
  evidence.quote = TRY(parts.attester.evidence(attest::ReportData{report.bytes}));
  evidence.ca_certificate_der = authority->certificate_der();
  evidence.root_policy = to_bytes(parts.policy.text);
  evidence.collateral = to_bytes(attest::collateral_to_json(parts.collateral));
  return wire::encode(evidence);
}

Result<Bytes> Service::Impl::new_namespace(ByteView body) {
  auto made = TRY(create_namespace(context(), std::string(as_text(body))));
  store->change("operator", std::move(made.delta));
  return to_bytes(made.token);
}

Result<Bytes> Service::Impl::dispatch(const wire::Frame& request) {
  switch (static_cast<wire::KmsFrame>(request.type)) {
    case wire::KmsFrame::kNonce:
      if (!request.body.empty()) return Error{ErrorCode::kInvalid, "kms.nonce.body"};
      return wire::encode(nonces->current(time.unix_ms()));
    case wire::KmsFrame::kHello:
      return hello(request.body);
    case wire::KmsFrame::kMessage:
      return message(request.body);
    case wire::KmsFrame::kEvidence:
      return evidence(request.body);
    case wire::KmsFrame::kCreateNamespace:
      return new_namespace(request.body);
    case wire::KmsFrame::kAnswer:
    case wire::KmsFrame::kRefused:
      break;
  }
  return Error{ErrorCode::kUnsupported, "kms.frame.type"};
}

Service::Service(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Service::~Service() = default;

Result<std::unique_ptr<Service>> Service::open(ServiceParts parts) {
  auto impl = std::make_unique<Impl>(std::move(parts));
  TRY(impl->start());
  return std::unique_ptr<Service>(new Service(std::move(impl)));
}

wire::Frame Service::handle(const wire::Frame& request) {
  auto result = impl_->dispatch(request);
  return result ? answer(std::move(*result)) : refused(result.error());
}

Status Service::commit() { return impl_->store->commit(); }

std::size_t Service::action_count() const { return impl_->store->state().action_count(); }
std::uint64_t Service::revision() const { return impl_->store->state().revision(); }
const Bytes& Service::ca_certificate_der() const { return impl_->authority->certificate_der(); }

}  // namespace clemmys::kms
