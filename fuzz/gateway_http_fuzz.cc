// What comes out of TLS: the bytes of a connection, in pieces of any size, through the parser, limits,
// routing and authentication to the sealed invocation and back (src/gateway/http_exchange.h). Either any
// bytes: each answer is whole, HTTP and of a right class, the same however the bytes were cut, and nobody
// without credentials has anything run. Or requests of which the right answer is known, many on one
// connection: each gets its own, in order.
#include "http_requests.h"

namespace clemmys::fuzz {
namespace {

enum Selector : std::uint8_t { kAny, kMade, kSelectors };

constexpr std::size_t kRequestsMax = 24;
constexpr std::string_view kMark = "%A";

// with_credentials puts the user's where the input says so: no mutation guesses them.
std::string with_credentials(std::string_view input) {
  std::string out;
  for (std::size_t at; (at = input.find(kMark)) != input.npos; input.remove_prefix(at + kMark.size()))
    out.append(input.substr(0, at)).append(gateway::testing::TestWorld::authorization());
  return out.append(input);
}

bool is_drawn(std::string_view transaction) { return transaction.size() == 32; }

// is_late: a head that is malformed and does not end is refused when the parser sees it, sooner or later by
// how the bytes came, or never, because the client has gone.
bool is_late(const HttpAnswer& answer) {
  return (answer.status == 400 || answer.status == 431) && answer.closes && is_drawn(answer.transaction);
}

void check_same(const std::vector<HttpAnswer>& some, const std::vector<HttpAnswer>& others) {
  const auto& more = some.size() > others.size() ? some : others;
  const std::size_t common = std::min(some.size(), others.size());
  CHECK(more.size() == common || (more.size() == common + 1 && is_late(more.back())));
  for (std::size_t i = 0; i < common; ++i) {
    const HttpAnswer &one = some[i], &other = others[i];
    if (is_late(one) && is_late(other)) continue;
    CHECK(one.status == other.status && one.closes == other.closes);
    CHECK(one.without_body == other.without_body);
    CHECK(one.transaction == other.transaction || (is_drawn(one.transaction) && is_drawn(other.transaction)));
  }
}

void check_any(std::uint8_t cuts, std::string_view input) {
  const std::string bytes = with_credentials(input);
  HttpConnection connection(as_bytes(bytes), Cuts::of(cuts));
  connection.serve();
  for (const HttpAnswer& answer : connection.answers) CHECK(answer.status != 500);
  for (const Bytes& payload : connection.payloads)
    CHECK(payload.size() <=
          HttpConnection::kLimits.payload_size_max + 2 * 16);  // echo wraps the second step's
  if (bytes.find("Basic ") == bytes.npos) CHECK(connection.payloads.empty());
  if (bytes.find("HTTP/1.1") == bytes.npos) CHECK(connection.continues == 0);
  if (cuts >= 0xf0) return;
  HttpConnection whole(as_bytes(bytes), Cuts::of(0));
  whole.serve();
  CHECK(whole.payloads.size() == connection.payloads.size());
  check_same(whole.answers, connection.answers);
}

void check_made(std::uint8_t cuts, ByteView input) {
  std::string bytes;
  std::vector<Expected> expected;
  std::size_t runs = 0;
  for (std::size_t at = 0; at + 3 <= input.size() && expected.size() < kRequestsMax; at += 3) {
    Made made = make_request(input[at], input[at + 1], input[at + 2], expected.size());
    bytes += made.bytes;
    expected.push_back(std::move(made.expected));
    runs += expected.back().answer.status == 202 || expected.back().echo ? 1 : 0;
    if (expected.back().answer.closes) break;
  }
  HttpConnection connection(as_bytes(bytes), Cuts::of(cuts));
  connection.serve();
  if (cuts >= 0xf0) return;
  CHECK(connection.answers.size() == expected.size());
  CHECK(connection.payloads.size() == runs);
  for (std::size_t i = 0; i < expected.size(); ++i) {
    const HttpAnswer &answer = connection.answers[i], &right = expected[i].answer;
    CHECK(answer.status == right.status && answer.closes == right.closes);
    // Of a head that was not taken the method may not be known.
    CHECK(answer.without_body == right.without_body || right.transaction.empty());
    CHECK(right.transaction.empty() ? is_drawn(answer.transaction) : answer.transaction == right.transaction);
    if (expected[i].echo) CHECK(answer.body == R"({"step":0,"input":)" + *expected[i].echo + "}");
  }
}

Bytes made_seed(std::uint8_t cuts, std::initializer_list<std::uint8_t> requests) {
  Bytes out = {kMade, cuts};
  out.insert(out.end(), requests);
  return out;
}

Bytes any_seed(std::uint8_t cuts, std::string_view text) {
  Bytes out = {kAny, cuts};
  out.insert(out.end(), text.begin(), text.end());
  return out;
}

}  // namespace

std::vector<Bytes> seeds() {
  constexpr std::string_view kLine = "POST /api/v1/namespaces/_/actions/twice?blocking=true HTTP/1.1\r\n";
  const std::string user = "Host: x\r\nAuthorization: %A\r\n";
  std::vector<Bytes> all;
  for (std::uint8_t kind = 0; kind < std::size(kKinds); ++kind)
    all.push_back(made_seed(kind, {0, 0, 20, kind, static_cast<std::uint8_t>(kind * 5), 30, 0, 3, 5}));
  all.push_back(made_seed(2, {0, 0, 255, 0, 1, 255}));             // over the limit, as length and as chunks
  all.push_back(made_seed(3, {8, 0, 100, 9, 2, 3, 10, 0, 3, 5}));  // refused, and the connection goes on
  all.push_back(made_seed(0xf1, {0, 0, 3, 0, 0, 3, 0, 0, 3}));     // the client goes away
  all.push_back(
      any_seed(1, std::string(kLine) + user + "Content-Length: 2\r\n\r\n{}GET /api/v1 HTTP/1.1\r\n\r\n"));
  all.push_back(any_seed(
      9, std::string(kLine) + user +
             "Transfer-Encoding: chunked\r\n\r\n4;x=\"y\"\r\n{\"a\"\r\n3\r\n:1}\r\n0\r\nT: v\r\n\r\n"));
  all.push_back(
      any_seed(2, "GET /api/v1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /api/v1 HTTP/1.0\r\n\r\n"));
  all.push_back(any_seed(1, "POST /api/v1/namespaces/_/actions/hello HTTP/1.0\r\n" + user +
                                "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n{}"));
  all.push_back(any_seed(3, std::string(kLine) + "Content-Length: 70000\r\n\r\n"));
  all.push_back(
      any_seed(4, std::string(kLine) + user + "Expect: 100-continue\r\nContent-Length: 99999999999\r\n\r\n"));
  all.push_back(any_seed(
      5, "PUT /api/v1/namespaces/_/actions/new HTTP/1.1\r\n" + user +
             "Content-Length: 48\r\n\r\n{\"exec\":{\"kind\":\"native:1\",\"code\":\"aW1hZ2Ux\"}}  "));
  all.push_back(any_seed(
      6,
      "GET /clemmys/v1/evidence?nonce=00 HTTP/1.1\r\n\r\n\r\n\r\nGET /clemmys/v1/metrics HTTP/1.1\r\n\r\n"));
  all.push_back(
      any_seed(7, std::string(kLine) + user + "Transfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n"));
  all.push_back(any_seed(
      8,
      "GET http://x/api/v1 HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\n\r\n\x16\x03\x01\x00"));
  return all;
}

}  // namespace clemmys::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace clemmys::fuzz;
  if (size < 2) return 0;
  const clemmys::ByteView input(data + 2, size - 2);
  if (data[0] % kSelectors == kAny) {
    check_any(data[1], clemmys::as_text(input));
  } else {
    check_made(data[1], input);
  }
  return 0;
}
