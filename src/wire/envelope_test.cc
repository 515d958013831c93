#include "wire/envelope.h"

#include <gtest/gtest.h>

#include "crypto/crypto.h"
#include "wire/padding.h"
#include "wire/seal.h"

namespace clemmys::wire {
namespace {

Header request_header() {
  Header header;
  header.step = 1;
  header.steps = 3;
  header.activation = crypto::random_fixed<ActivationId>();
  header.chain = crypto::random_fixed<ChainId>();
  header.chain_digest = crypto::random_fixed<Digest>();
  header.receiver = crypto::random_fixed<FunctionId>();
  header.image = crypto::random_fixed<Measurement>();
  header.memory_mib = 256;
  header.timeout_ms = 60'000;
  header.deadline_unix_ms = 1'800'000'000'000;
  return header;
}

Header gateway_header(Kind kind) {
  Header header = request_header();
  header.kind = kind;
  header.step = kind == Kind::kResult ? header.steps : 1;
  header.receiver = {};
  header.image = {};
  return header;
}

Payload payload(std::string_view text) {
  Payload value;
  value.body = to_bytes(text);
  value.blinding = crypto::random_key();
  return value;
}

class Envelope : public testing::Test {
 protected:
  static void SetUpTestSuite() { ASSERT_TRUE(crypto::initialize()); }
  Key key_ = crypto::random_key();
};

TEST_F(Envelope, GivesBackWhatWasSealed) {
  Payload value = payload(R"({"name":"x"})");
  value.receipts.resize(2);
  value.receipts[1].cpu_ns = 7;
  value.log_digests.push_back(crypto::sha256(as_bytes("log")));
  Header header = request_header();
  const Bytes envelope = seal(header, key_, value);
  const Header decoded = decode_header(envelope).value();
  header.salt = decoded.salt;
  header.payload_size = decoded.payload_size;
  EXPECT_EQ(decoded, header);
  const Payload opened = open(envelope, key_).value();
  EXPECT_EQ(opened.body, value.body);
  EXPECT_EQ(opened.content_type, ContentType::kJson);
  EXPECT_TRUE(opened.blinding == value.blinding);
  EXPECT_EQ(opened.receipts, value.receipts);
  EXPECT_EQ(opened.log_digests, value.log_digests);
}

TEST_F(Envelope, CarriesEveryKindToItsReceiver) {
  for (auto [kind, outcome] : {std::pair{Kind::kResult, Outcome::kSuccess},
                               {Kind::kEnd, Outcome::kHandlerError},
                               {Kind::kEnd, Outcome::kRuntimeFault},
                               {Kind::kEnd, Outcome::kTimeExceeded}}) {
    Payload value = payload("x");
    value.outcome = outcome;
    value.content_type = ContentType::kOctets;
    const Payload opened = open(seal(gateway_header(kind), key_, value), key_).value();
    EXPECT_EQ(opened.outcome, outcome);
    EXPECT_EQ(opened.content_type, ContentType::kOctets);
  }
}

TEST_F(Envelope, RefusesEveryBitFlipOfTheHeaderAndTruncation) {
  const Bytes envelope = seal(request_header(), key_, payload("secret"));
  for (std::size_t bit = 0; bit < envelope.size() * 8; ++bit) {
    Bytes changed = envelope;
    changed[bit / 8] ^= static_cast<std::uint8_t>(1 << (bit % 8));
    ASSERT_EQ(open(changed, key_).error().code, ErrorCode::kCorrupt) << bit;
  }
  for (std::size_t size = 0; size < envelope.size(); ++size)
    ASSERT_FALSE(open(ByteView(envelope).first(size), key_));
  Bytes longer = envelope;
  longer.push_back(0);
  EXPECT_FALSE(open(longer, key_));
}

TEST_F(Envelope, RefusesAnotherKey) {
  const Bytes envelope = seal(request_header(), key_, payload("secret"));
  EXPECT_EQ(open(envelope, crypto::random_key()).error().code, ErrorCode::kCorrupt);
}

TEST_F(Envelope, HidesThePayloadAndNeverRepeats) {
  const Header header = request_header();
  const Payload value = payload("a rather recognisable secret text");
  const Bytes first = seal(header, key_, value), second = seal(header, key_, value);
  EXPECT_EQ(as_text(first).find("recognisable"), std::string_view::npos);
  EXPECT_NE(to_bytes(ByteView(first).subspan(kHeaderSize)), to_bytes(ByteView(second).subspan(kHeaderSize)));
}

TEST_F(Envelope, PayloadsOfOneSizeClassLookAlike) {
  const std::size_t empty = seal(request_header(), key_, payload("")).size();
  EXPECT_EQ(empty, kHeaderSize + kPaddedSizeMin + kSealTagSize);
  EXPECT_EQ(empty, seal(request_header(), key_, payload(std::string(150, 'x'))).size());
}

// Each case is a header whose fields do not fit together: it is refused before any key is used.
TEST_F(Envelope, RefusesInconsistentHeaders) {
  std::vector<Header> cases;
  auto add = [&](Header header, auto change) {
    change(header);
    header.payload_size = kPaddedSizeMin;
    cases.push_back(header);
  };
  add(request_header(), [](Header& h) { h.flags = 2; });
  add(request_header(), [](Header& h) { h.flags = 0x80; });
  add(request_header(), [](Header& h) { h.kind = static_cast<Kind>(0); });
  add(request_header(), [](Header& h) { h.kind = static_cast<Kind>(5); });
  add(request_header(), [](Header& h) { h.step = 3; });
  add(request_header(), [](Header& h) { h.steps = 0; });
  add(request_header(), [](Header& h) { h.receiver = {}; });
  add(request_header(), [](Header& h) { h.image = {}; });
  add(gateway_header(Kind::kResult), [](Header& h) { h.step = 2; });
  add(gateway_header(Kind::kResult), [](Header& h) { h.steps = h.step = 0; });
  add(gateway_header(Kind::kResult), [](Header& h) { h.receiver.bytes[0] = 1; });
  add(gateway_header(Kind::kEnd), [](Header& h) { h.image.bytes[0] = 1; });
  add(gateway_header(Kind::kEnd), [](Header& h) { h.step = 3; });
  add(gateway_header(Kind::kEvent), [](Header& h) { h.flags = 1; });
  for (std::size_t i = 0; i < cases.size(); ++i) {
    Bytes envelope;
    encode_header(cases[i], envelope);
    ASSERT_EQ(envelope.size(), kHeaderSize);
    envelope.resize(kHeaderSize + kPaddedSizeMin + kSealTagSize);
    EXPECT_EQ(decode_header(envelope).error().site, "wire.header.inconsistent") << i;
  }
}

TEST_F(Envelope, RefusesSizesThatPaddingNeverGives) {
  for (std::uint64_t size : {std::uint64_t{0}, std::uint64_t{255}, std::uint64_t{257}, std::uint64_t{1} << 40,
                             ~std::uint64_t{0}}) {
    Header header = request_header();
    header.payload_size = size;
    Bytes envelope;
    encode_header(header, envelope);
    if (size < 1000) envelope.resize(kHeaderSize + size + kSealTagSize);
    EXPECT_EQ(decode_header(envelope).error().site, "wire.header.payload_size") << size;
  }
}

// reseal makes an envelope around a plaintext that seal would never write, under the right key.
Bytes reseal(Header header, const Key& key, const Bytes& plaintext) {
  header.salt = crypto::random_fixed<Salt>();
  header.payload_size = plaintext.size();
  Bytes envelope;
  encode_header(header, envelope);
  envelope.insert(envelope.end(), plaintext.begin(), plaintext.end());
  envelope.resize(envelope.size() + kSealTagSize);
  seal_in_place(key, header.salt, ByteView(envelope).first(kHeaderSize),
                MutableBytes(envelope).subspan(kHeaderSize));
  return envelope;
}

TEST_F(Envelope, RefusesOtherEncodingsUnderTheRightKey) {
  const Header header = request_header();
  const Bytes envelope = seal(header, key_, payload("body"));
  const Header sealed = decode_header(envelope).value();
  const Bytes good = open_sealed(key_, sealed.salt, ByteView(envelope).first(kHeaderSize),
                                 ByteView(envelope).subspan(kHeaderSize))
                         .value();
  ASSERT_TRUE(open(reseal(header, key_, good), key_));
  const std::size_t tail = 4;  // after the body "body"
  auto refused = [&](std::string_view site, auto change) {
    Bytes plaintext = good;
    change(plaintext);
    auto opened = open(reseal(header, key_, plaintext), key_);
    ASSERT_FALSE(opened) << site;
    EXPECT_EQ(opened.error().site, site);
  };
  refused("wire.envelope.padding", [](Bytes& p) { p[p.size() - 13] = 1; });
  refused("wire.envelope.padding", [](Bytes& p) { p.insert(p.begin() + 100, 256, 0); });
  refused("wire.envelope.sizes", [](Bytes& p) { p[p.size() - 1] = 1; });
  refused("wire.envelope.sizes", [](Bytes& p) { p[p.size() - 9] = 1; });
  refused("wire.envelope.inconsistent", [&](Bytes& p) { p[tail] = 3; });
  refused("wire.envelope.inconsistent", [&](Bytes& p) { p[tail + 1] = 1; });
  refused("wire.envelope.tail", [&](Bytes& p) { p[tail + 34] = 200; });
  refused("wire.envelope.tail", [&](Bytes& p) { p[p.size() - 12] += 1; });
}

TEST_F(Envelope, RefusesAnEventAsPayloadAndAPayloadAsEvent) {
  Event event;
  event.outcome = Outcome::kSuccess;
  EXPECT_FALSE(open(seal_event(request_header(), key_, event), key_));
  EXPECT_FALSE(open_event(seal(request_header(), key_, payload("x")), key_));
}

TEST_F(Envelope, EventsGiveBackLogAndResult) {
  Event event;
  event.outcome = Outcome::kHandlerError;
  event.start_unix_ms = 5;
  event.end_unix_ms = 9;
  event.init_ms = 2;
  event.log = to_bytes("2026-01-31T12:00:00.123Z stdout: hello\n");
  event.result = Bytes(5000, 7);
  event.result_type = ContentType::kOctets;
  const Bytes envelope = seal_event(request_header(), key_, event);
  EXPECT_EQ(decode_header(envelope).value().kind, Kind::kEvent);
  const Event opened = open_event(envelope, key_).value();
  EXPECT_EQ(opened.log, event.log);
  EXPECT_EQ(opened.result, event.result);
  EXPECT_EQ(opened.outcome, event.outcome);
  EXPECT_EQ(opened.start_unix_ms, 5u);
  EXPECT_EQ(opened.end_unix_ms, 9u);
  EXPECT_EQ(opened.init_ms, 2u);
  EXPECT_EQ(opened.result_type, ContentType::kOctets);
}

TEST(Padme, MatchesThePaperAndKeepsItsBound) {
  EXPECT_EQ(padme(0), 0u);
  EXPECT_EQ(padme(9), 10u);
  EXPECT_EQ(padme(1000), 1024u - 0u - 0u);
  for (std::uint64_t size = 2; size < 1'000'000; size = size * 5 / 4 + 1) {
    EXPECT_GE(padme(size), size);
    EXPECT_LE(padme(size), size + size * 12 / 100 + 1);
    EXPECT_EQ(padme(padme(size)), padme(size));
  }
}

TEST(Padding, TakesOffOnlyWhatItPuts) {
  for (const std::size_t size : {0u, 1u, 247u, 248u, 249u, 5000u}) {
    Bytes bytes(size, 'x');
    pad(bytes);
    Bytes back = bytes;
    ASSERT_TRUE(unpad(back));
    EXPECT_EQ(back, Bytes(size, 'x'));
    for (const std::size_t at : {size, bytes.size() - 1}) {
      Bytes changed = bytes;
      changed[at] ^= 1;
      EXPECT_FALSE(unpad(changed)) << size << " at " << at;
    }
    Bytes longer = bytes;
    longer.insert(longer.begin() + static_cast<std::ptrdiff_t>(size), 1, 0);
    EXPECT_FALSE(unpad(longer));
  }
  Bytes nothing;
  EXPECT_FALSE(unpad(nothing));
}

}  // namespace
}  // namespace clemmys::wire
