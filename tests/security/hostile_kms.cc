#include "hostile_kms.h"

#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/clock.h"
#include "host_user.h"

namespace clemmys::testing {

using boost::asio::local::stream_protocol;
using controller::Packet;
using wire::KmsFrame;

namespace {

constexpr std::size_t kFrameMax = 4u << 20;
constexpr const char* kStockpile = "stockpile";
constexpr std::uint8_t kMessage = static_cast<std::uint8_t>(KmsFrame::kMessage);
constexpr std::uint8_t kAnswer = static_cast<std::uint8_t>(KmsFrame::kAnswer);

bool is(std::uint8_t type, KmsFrame frame) { return type == static_cast<std::uint8_t>(frame); }

Bytes stockpile() {
  std::ifstream file(kStockpile, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void keep_hello(ByteView hello) {
  if (std::filesystem::exists(kStockpile)) return;
  std::ofstream(kStockpile, std::ios::binary) << as_text(hello);
}

}  // namespace

HostileKms::HostileKms(controller::Loop& loop, const std::string& path, const std::string& real,
                       std::string prefix, const HostileController& host)
    : loop_(loop), acceptor_(loop), real_(loop, real, 1), prefix_(std::move(prefix)), host_(host) {
  ::unlink(path.c_str());
  acceptor_.open();
  acceptor_.bind(path);
  acceptor_.listen();
  accept();
}

void HostileKms::accept() {
  acceptor_.async_accept([this](boost::system::error_code error, stream_protocol::socket socket) {
    if (error) return;
    const std::size_t client = clients_.size();
    controller::LinkHandlers handlers;
    handlers.frame = [this, client](std::uint8_t type, Packet body) { relay(client, type, std::move(body)); };
    handlers.closed = [](std::string_view) {};
    clients_.emplace_back().link =
        std::make_unique<controller::Link>(loop_, socket.release(), kFrameMax, std::move(handlers));
    accept();
  });
}

void HostileKms::answer(std::size_t client, std::uint8_t type, ByteView body) {
  clients_[client].link->send(type, {}, Packet::copy_of(body));
}

void HostileKms::relay(std::size_t client, std::uint8_t type, Packet body) {
  const auto [name, number] = Attack::now();
  const std::string attack = name.starts_with(prefix_) ? name.substr(prefix_.size()) : "";
  const bool chosen = number == type;
  if (attack == "kms-cut") {
    Attack::log("applied " + prefix_ + attack);
    const Bytes refusal{static_cast<std::uint8_t>(ErrorCode::kUnavailable)};
    return answer(client, static_cast<std::uint8_t>(KmsFrame::kRefused), refusal);
  }
  if (attack == "fake-kms") {
    const auto made = fake_answer(client, type, body.view());
    return answer(client, kAnswer, made ? *made : Bytes());
  }
  Bytes question = to_bytes(body.view());
  if (attack == "kms-flip-question" && chosen && !question.empty()) {
    Attack::log("applied " + prefix_ + attack);
    question[question.size() / 2] ^= 1;
  }
  if (prefix_.empty() && is(type, KmsFrame::kHello)) {
    if (attack == "kms-stockpiled") {
      Attack::log("applied " + attack);
      question = stockpile();
    } else {
      keep_hello(question);
    }
  }
  real_.ask(
      0, type, Packet::copy_of(question),
      [this, client, type, attack, chosen, question, name, number](std::uint8_t answer_type, Packet honest) {
        if (attack == "kms-stockpiled" && is(type, KmsFrame::kHello))
          Attack::log((answer_type == kAnswer ? "succeeded " : "refused ") + attack);
        if (attack == "kms-repeat-question" && is(type, KmsFrame::kMessage)) repeat(type, question);
        if (attack.empty()) old_[type] = to_bytes(honest.view());
        Bytes given = to_bytes(honest.view());
        if (is(type, KmsFrame::kMessage)) given = answer_before({name, number}, question, std::move(given));
        answer(client, answer_type, chosen ? change(attack, type, std::move(given)) : given);
      });
}

Bytes HostileKms::change(const std::string& attack, std::uint8_t type, Bytes answer) {
  if (attack == "kms-flip-answer" && !answer.empty()) {
    Attack::log("applied " + prefix_ + attack);
    answer[answer.size() / 2] ^= 1;
  } else if (attack == "kms-old-answer" && old_.contains(type)) {
    Attack::log("applied " + prefix_ + attack);
    return old_[type];
  }
  return answer;
}

Bytes HostileKms::answer_before(const Attack& attack, const Bytes& question, Bytes honest) {
  const auto session = wire::SessionCipher::session_of(question);
  if (!session) return honest;
  const std::uint64_t now = SystemClock().unix_ms();
  const bool follows = now < std::exchange(asked_unix_ms_, now) + static_cast<std::uint64_t>(attack.number);
  const bool old_view = attack.name == prefix_ + "kms-old-view" && !follows;
  const bool old_keys = attack.name == prefix_ + "other-instance-old-keys" && latest_.contains(*session);
  if (old_view || old_keys) {
    Attack::log("applied " + attack.name);
    return latest_.contains(*session) ? latest_[*session] : old_[kMessage];
  }
  if (attack.name.empty()) latest_[*session] = honest;
  return honest;
}

void HostileKms::repeat(std::uint8_t type, const Bytes& question) {
  Attack::log("applied " + prefix_ + "kms-repeat-question");
  real_.ask(0, type, Packet::copy_of(question), [this](std::uint8_t answer_type, Packet) {
    Attack::log((answer_type == kAnswer ? "succeeded " : "refused ") + prefix_ + "kms-repeat-question");
  });
}

Result<Bytes> HostileKms::fake_answer(std::size_t client, std::uint8_t type, ByteView body) {
  auto& session = clients_[client].fake;
  switch (static_cast<KmsFrame>(type)) {
    case KmsFrame::kNonce:
      return encode(wire::make_nonce(identity_, SystemClock().unix_ms()));
    case KmsFrame::kHello: {
      const wire::SessionHello hello = TRY(wire::decode_hello(body));
      auto accepted = TRY(wire::accept_session(body, hello, identity_));
      session.emplace(std::move(accepted.cipher));
      return std::move(accepted.accept);
    }
    case KmsFrame::kMessage: {
      if (!session) return Error{ErrorCode::kUnauthenticated, "fake.session"};
      const Bytes question = TRY(session->open(body));
      Attack::log("applied " + prefix_ + "fake-kms");
      if (!prefix_.empty()) return session->seal(TRY(made_up_view(question)));
      const auto request = TRY(wire::decode_function_request(question));
      return session->seal(made_up_keys(std::get<wire::GetStepKeys>(request)));
    }
    default:
      return Error{ErrorCode::kUnsupported, "fake.frame"};
  }
}

// made_up_keys fit the envelope's header in every field; the keys are the host's own.
Bytes HostileKms::made_up_keys(const wire::GetStepKeys& request) const {
  wire::StepKeys keys;
  keys.edge_in = crypto::random_key();
  keys.edge_out = crypto::random_key();
  keys.return_key = crypto::random_key();
  if (const Recorded* known = host_.latest_request(request.chain, request.step)) {
    const wire::Header& h = known->header;
    keys.in = {h.kind, h.step, h.steps, h.receiver, h.image, h.memory_mib, h.timeout_ms};
    keys.out = {wire::Kind::kResult, h.steps, h.steps, {}, {}, 0, 0};
  }
  keys.parameters_json = R"({"label":"fake"})";
  return wire::encode_answer(SystemClock().unix_ms(), encode(keys));
}

// made_up_view has one thing more than the gateway knows: the host as a user.
Result<Bytes> HostileKms::made_up_view(ByteView question) {
  const auto request = TRY(wire::decode_gateway_request(question));
  const auto* asked = std::get_if<wire::GetView>(&request);
  if (asked == nullptr) return Error{ErrorCode::kUnsupported, "fake.request"};
  wire::View view{.revision = asked->since_revision};
  view.users.push_back({"host", "guest", kHostUuid, crypto::sha256(as_bytes(kHostKey))});
  return wire::encode_answer(SystemClock().unix_ms(), encode(view));
}

}  // namespace clemmys::testing
