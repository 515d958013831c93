#include "wire/session.h"

#include <gtest/gtest.h>

namespace clemmys::wire {
namespace {

class Session : public testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(crypto::initialize()); }
  crypto::Ed25519KeyPair kms_ = crypto::ed25519_from_seed(crypto::random_key());
  SignedNonce nonce_ = make_nonce(kms_, 1'700'000'000'000);
  SessionClient client_{Role::kFunction, nonce_};
  Bytes hello_ = client_.hello(to_bytes("quote"));
  SessionHello decoded_ = decode_hello(hello_).value();
};

TEST_F(Session, BothSidesTalkAfterOneRoundTrip) {
  AcceptedSession server = accept_session(hello_, decoded_, kms_).value();
  SessionCipher client = client_.accept(server.accept).value();
  EXPECT_EQ(client.session(), server.cipher.session());
  for (const char* text : {"one", "two", ""}) {
    EXPECT_EQ(as_text(server.cipher.open(client.seal(as_bytes(text))).value()), text);
    EXPECT_EQ(as_text(client.open(server.cipher.seal(as_bytes(text))).value()), text);
  }
  EXPECT_EQ(SessionCipher::session_of(client.seal({})).value(), client.session());
}

TEST_F(Session, ReportDataBindsRoleKeyAndNonce) {
  const auto data = client_.report_data();
  EXPECT_EQ(data, session_report_data(Role::kFunction, decoded_.client, decoded_.nonce));
  EXPECT_NE(data, session_report_data(Role::kGateway, decoded_.client, decoded_.nonce));
  EXPECT_NE(data, session_report_data(Role::kFunction, {}, decoded_.nonce));
  EXPECT_NE(data, session_report_data(Role::kFunction, decoded_.client, make_nonce(kms_, 1'700'000'000'000)));
}

TEST_F(Session, NonceIsGenuineOnlyUnchanged) {
  EXPECT_TRUE(nonce_is_genuine(nonce_));
  const Bytes encoded = encode(nonce_);
  for (std::size_t i = 0; i < encoded.size(); ++i) {
    Bytes changed = encoded;
    changed[i] ^= 1;
    EXPECT_FALSE(nonce_is_genuine(decode_nonce(changed).value())) << i;
  }
}

TEST_F(Session, RefusesAnAcceptanceByAnotherKms) {
  const auto impostor = crypto::ed25519_from_seed(crypto::random_key());
  EXPECT_EQ(client_.accept(accept_session(hello_, decoded_, impostor).value().accept).error().code,
            ErrorCode::kDenied);
}

TEST_F(Session, RefusesAnAcceptanceOfAnotherHelloAndEveryChange) {
  SessionClient other(Role::kFunction, nonce_);
  const Bytes other_hello = other.hello(to_bytes("quote"));
  const Bytes accept = accept_session(other_hello, decode_hello(other_hello).value(), kms_).value().accept;
  EXPECT_FALSE(client_.accept(accept));
  const Bytes own = accept_session(hello_, decoded_, kms_).value().accept;
  for (std::size_t i = 0; i < own.size(); ++i) {
    Bytes changed = own;
    changed[i] ^= 1;
    EXPECT_FALSE(client_.accept(changed)) << i;
  }
}

TEST_F(Session, RefusesReplayReorderReflectionAndOtherSessions) {
  AcceptedSession server = accept_session(hello_, decoded_, kms_).value();
  SessionCipher client = client_.accept(server.accept).value();
  const Bytes first = client.seal(as_bytes("first")), second = client.seal(as_bytes("second"));
  EXPECT_FALSE(server.cipher.open(second));
  EXPECT_FALSE(client.open(first));  // reflected to its sender
  EXPECT_TRUE(server.cipher.open(first));
  EXPECT_FALSE(server.cipher.open(first));
  EXPECT_TRUE(server.cipher.open(second));
  AcceptedSession another = accept_session(hello_, decoded_, kms_).value();
  EXPECT_FALSE(another.cipher.open(first));
  const Bytes third = client.seal(as_bytes("third"));
  for (std::size_t i = 0; i < third.size(); ++i) {
    Bytes changed = third;
    changed[i] ^= 1;
    EXPECT_FALSE(server.cipher.open(changed)) << i;
  }
  EXPECT_TRUE(server.cipher.open(third));
}

TEST_F(Session, MessagesOfOneSizeClassLookAlike) {
  const AcceptedSession server = accept_session(hello_, decoded_, kms_).value();
  SessionCipher client = client_.accept(server.accept).value();
  EXPECT_EQ(client.seal({}).size(), client.seal(Bytes(200, 1)).size());
  EXPECT_EQ(client.seal(Bytes(4000, 1)).size(), client.seal(Bytes(4060, 1)).size());
  EXPECT_LT(client.seal(Bytes(200, 1)).size(), client.seal(Bytes(4000, 1)).size());
}

TEST_F(Session, DecodersRefuseTruncationTrailingBytesAndUnknownRoles) {
  Bytes longer = hello_;
  longer.push_back(0);
  EXPECT_FALSE(decode_hello(longer));
  for (std::size_t size = 0; size < hello_.size(); ++size)
    ASSERT_FALSE(decode_hello(ByteView(hello_).first(size)));
  Bytes role = hello_;
  role[0] = 3;
  EXPECT_FALSE(decode_hello(role));
  Bytes accept = accept_session(hello_, decoded_, kms_).value().accept;
  accept.push_back(0);
  EXPECT_FALSE(decode_accept(accept));
  Bytes nonce = encode(nonce_);
  nonce.pop_back();
  EXPECT_FALSE(decode_nonce(nonce));
}

TEST_F(Session, ServerRefusesASmallOrderKey) {
  SessionHello hello = decoded_;
  hello.client = {};
  EXPECT_FALSE(accept_session(encode(hello), hello, kms_));
}

}  // namespace
}  // namespace clemmys::wire
