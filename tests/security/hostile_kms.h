// hostile_kms.h: a hand between enclaves and the key service. Attacks, each after the prefix "gateway-" where
// the hand is between the gateway and the key service:
//   kms-flip-question FRAME, kms-flip-answer FRAME   one bit, in the middle, of this type of frame (KmsFrame)
//   kms-old-answer FRAME                 the latest honest answer to a question of this type
//   other-instance-old-keys STEP         the answer before in this session (see hostile_controller.h)
//   kms-old-view MS                      every question gets the answer of before the attack, except one that
//                                        follows another one so soon: the gateway asks for a certificate
//                                        right after its view
//   kms-repeat-question                  each session message is sent a second time
//   kms-stockpiled                       an enclave's hello of an earlier start, kept in the file "stockpile"
//   kms-cut                              the key service cannot be reached
//   fake-kms                             the host answers itself, with keys that it made; a gateway learns of
//                                        a user more (host_user.h)
#pragma once

#include <boost/asio/local/stream_protocol.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "controller/link.h"
#include "hostile_controller.h"
#include "invoker/kms_relay.h"
#include "wire/kms_api.h"

namespace clemmys::testing {

class HostileKms {
 public:
  // HostileKms listens at `path` and relays to `real`. `host` knows the headers that the fake needs.
  HostileKms(controller::Loop& loop, const std::string& path, const std::string& real, std::string prefix,
             const HostileController& host);

 private:
  struct Client {
    std::unique_ptr<controller::Link> link;
    std::optional<wire::SessionCipher> fake;
  };
  void accept();
  void relay(std::size_t client, std::uint8_t type, controller::Packet body);
  void answer(std::size_t client, std::uint8_t type, ByteView body);
  // change is what the hand makes of an honest answer.
  Bytes change(const std::string& attack, std::uint8_t type, Bytes answer);
  Bytes answer_before(const Attack& attack, const Bytes& question, Bytes honest);
  void repeat(std::uint8_t type, const Bytes& question);
  Result<Bytes> fake_answer(std::size_t client, std::uint8_t type, ByteView body);
  Bytes made_up_keys(const wire::GetStepKeys& request) const;
  static Result<Bytes> made_up_view(ByteView question);

  controller::Loop& loop_;
  boost::asio::local::stream_protocol::acceptor acceptor_;
  invoker::KmsRelay real_;
  const std::string prefix_;
  const HostileController& host_;
  const crypto::Ed25519KeyPair identity_ = crypto::ed25519_from_seed(crypto::random_key());
  std::vector<Client> clients_;
  std::map<std::uint8_t, Bytes> old_;  // the latest honest answer to each type of question
  std::map<SessionId, Bytes> latest_;  // the latest honest answer in each session
  std::uint64_t asked_unix_ms_ = 0;    // when the latest question was answered
};

}  // namespace clemmys::testing
