// More load than the platform can take, and clients that cost more than they should: ten times the capacity,
// ten thousand idle connections, slow ones, bodies over the limit, garbage. Whoever behaves is served
// meanwhile, memory stays within limits, and refusals come at once. Rates are judged coarsely here; `./dev
// bench overload` measures.
#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <map>
#include <sstream>
#include <thread>

#include "raw_tls.h"
#include "traced_chain.h"

namespace clemmys::testing {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;
using Clock = std::chrono::steady_clock;

constexpr int kPauseMs = 20;  // in the handler: what an instance can do at most is 50/s
const TracedChain kChain{.steps = 1, .pause_ms = kPauseMs};
const char* const kHead =
    "POST /api/v1/namespaces/_/actions/step0?blocking=true HTTP/1.1\r\nHost: localhost\r\n"
    "Content-Type: application/json\r\n";

class Overload : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    rlimit files{};
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    platform = new Platform;
    kChain.deploy(*platform);
  }
  static void TearDownTestSuite() { delete platform; }
  void TearDown() override { EXPECT_TRUE(serves()) << "the platform does not serve any more"; }

  static bool serves() {
    Client client = platform->client();
    return judge(kChain, 7, client.api("POST", "actions/step0?blocking=true", request_body(7))).end ==
           End::kRight;
  }
  static std::string authorized() {
    return std::string(kHead) + "Authorization: " + platform->authorization() + "\r\n";
  }
  // open_connections, the asking one included.
  static int open_connections() {
    constexpr std::string_view kName = "\nclemmys_gateway_connections_open ";
    const std::string metrics = platform->client().request("GET", "/clemmys/v1/metrics").body;
    const std::size_t at = metrics.find(kName);
    return at == metrics.npos ? -1 : std::stoi(metrics.substr(at + kName.size()));
  }
  // resident_mib of every process of the platform, by name.
  static std::map<std::string, long> resident_mib() {
    std::map<std::string, long> all;
    for (const char* part : {"gateway", "kms", "node", "quoting-enclave"}) {
      std::istringstream status(read_text("/proc/" + std::to_string(platform->part(part)) + "/status"));
      for (std::string word; status >> word;) {
        if (word == "VmRSS:") status >> all[part];
      }
      all[part] /= 1024;
    }
    return all;
  }
  static json::value open_loop(double rate, unsigned connections, double seconds) {
    std::ostringstream command;
    command << CLEMMYS_BINARY_DIR "/bin/bench-open-loop --port " << platform->port() << " --rate " << rate
            << " --connections " << connections << " --seconds " << seconds
            << " --path '/api/v1/namespaces/_/actions/step0?blocking=true' --body '{\"value\":7}' "
               "--authorization '"
            << platform->authorization() << "'";
    FILE* pipe = popen(command.str().c_str(), "r");
    std::string out;
    std::array<char, 4096> chunk;
    while (pipe != nullptr && fgets(chunk.data(), chunk.size(), pipe) != nullptr) out += chunk.data();
    if (pipe != nullptr) pclose(pipe);
    return json::parse(out);
  }
  static Platform* platform;

  // Memory is what each process had at most, looked at ten times a second while this object lives.
  class Memory {
   public:
    ~Memory() { thread_.request_stop(); }
    std::map<std::string, long> most() {
      thread_.request_stop();
      if (thread_.joinable()) thread_.join();
      return most_;
    }

   private:
    std::map<std::string, long> most_;
    std::jthread thread_{[this](const std::stop_token& stop) {
      while (!stop.stop_requested()) {
        for (const auto& [part, mib] : resident_mib()) most_[part] = std::max(most_[part], mib);
        std::this_thread::sleep_for(100ms);
      }
    }};
  };
};
Platform* Overload::platform = nullptr;

// First: memory that an earlier test left behind would serve these connections unseen.
TEST_F(Overload, TenThousandIdleConnectionsLeaveRoomForOthers) {
  constexpr int kConnections = 10'000, kThreads = 8;
  constexpr long kKibPerConnectionMax = 34;  // twice what was measured
  constexpr auto kIdleLimit = 75s;           // the gateway's
  const auto begin = Clock::now();
  const long before = resident_mib()["gateway"];
  std::vector<std::vector<RawTls>> idle(kThreads);
  std::vector<std::thread> threads;
  std::atomic<int> failed = 0;
  for (auto& mine : idle) {
    threads.emplace_back([&mine, &failed] {
      for (int i = 0; i < kConnections / kThreads; ++i) {
        try {
          mine.emplace_back(platform->port()).forget();
        } catch (const std::exception&) {
          ++failed;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const long after = resident_mib()["gateway"];
  std::cout << "gateway " << before << " MiB before, " << after << " MiB with " << kConnections - failed
            << " idle connections: " << (after - before) * 1024 / kConnections << " KiB each\n";
  EXPECT_EQ(failed, 0);
  const int open = open_connections();
  if (Clock::now() < begin + kIdleLimit) EXPECT_GT(open, kConnections);  // a slower machine closed the first
  EXPECT_LT((after - before) * 1024 / kConnections, kKibPerConnectionMax);
  EXPECT_TRUE(serves());
}

TEST_F(Overload, TenTimesTheCapacityIsMostlyRefusedAtOnceAndTheRestServed) {
  // Capacity: what comes out when a few more requests than instances are always under way.
  constexpr unsigned kAlways = 64;
  // Twice what was measured; the gateway's is from the ten thousand connections before.
  constexpr long kGatewayMibMax = 400, kOtherPartMibMax = 60;
  (void)open_loop(1'000, kAlways, 2);  // instances start
  const double capacity = open_loop(1'000, kAlways, 4).at("goodput").to_number<double>();
  ASSERT_GT(capacity, 20);
  Memory memory;
  const json::value overload = open_loop(10 * capacity, 3'000, 8);
  std::cout << "capacity " << capacity << "/s; " << json::serialize(overload) << "\n";
  EXPECT_GE(overload.at("goodput").to_number<double>(), 0.8 * capacity);
  EXPECT_EQ(overload.at("others").to_number<int>(), 0);
  EXPECT_EQ(overload.at("broken_connections").to_number<int>(), 0);
  EXPECT_GT(overload.at("refused").at("count").to_number<int>(), 0);
  EXPECT_LT(overload.at("refused").at("p99_us").to_number<int>(), 2'000'000);
  // Each request has a fate, and it is an answer.
  const auto count = [&](const char* fate) { return overload.at(fate).at("count").to_number<int>(); };
  EXPECT_EQ(overload.at("unanswered").to_number<int>(), 0);
  EXPECT_EQ(count("good") + count("late_good") + count("refused") + count("late_refused"),
            overload.at("sent").to_number<int>());
  for (const auto& [part, mib] : memory.most()) {
    std::cout << part << " had " << mib << " MiB at most\n";
    EXPECT_LT(mib, part == "gateway" ? kGatewayMibMax : kOtherPartMibMax) << part;
  }
}

TEST_F(Overload, SlowClientsAreClosedAndHinderNobody) {
  constexpr int kEach = 100, kDeaf = 10;  // deaf: they never read their answer of 800 kB
  constexpr auto kHeaderLimit = 10s, kAllClosed = 60s;
  std::vector<RawTls> slow_heads, slow_bodies, deaf;
  const std::string body_head = authorized() + "Content-Length: 1000\r\n\r\n";
  const std::string value(400'000, 'x');  // comes back twice
  const std::string whole = "{\"value\":\"" + value + "\"}";
  const std::string deaf_request =
      authorized() + "Content-Length: " + std::to_string(whole.size()) + "\r\n\r\n" + whole;
  for (int i = 0; i < kEach; ++i) {
    slow_heads.emplace_back(platform->port());
    slow_bodies.emplace_back(platform->port());
    slow_bodies.back().send(body_head);
  }
  for (int i = 0; i < kDeaf; ++i) {
    deaf.emplace_back(platform->port(), 4096);
    deaf.back().send(deaf_request);
  }
  const auto begin = Clock::now();
  std::size_t at = 0;
  auto slowest = 0ms;
  while (Clock::now() < begin + kHeaderLimit - 2s) {
    for (RawTls& client : slow_heads) client.send(std::string_view(kHead).substr(at, 1));
    for (RawTls& client : slow_bodies) client.send("{");
    at = (at + 1) % 40;
    const auto asked = Clock::now();
    EXPECT_TRUE(serves());
    slowest = std::max(slowest, std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - asked));
    std::this_thread::sleep_for(500ms);
  }
  EXPECT_LT(slowest, 5s);
  std::cout << "an honest request beside " << 2 * kEach + kDeaf << " slow clients took " << slowest.count()
            << " ms at most\n";
  for (auto* clients : {&slow_heads, &slow_bodies}) {
    for (RawTls& client : *clients) EXPECT_TRUE(client.is_closed(kAllClosed));
  }
  // Who reads nothing does not see the end either: the gateway's count does.
  while (open_connections() > 1 && Clock::now() < begin + kAllClosed) std::this_thread::sleep_for(500ms);
  EXPECT_EQ(open_connections(), 1);
}

TEST_F(Overload, BodiesOverTheLimitAreRefusedUnread) {
  for (const char* length : {"Content-Length: 10000000000\r\n\r\n", "Content-Length: 1200000\r\n\r\n"}) {
    RawTls client(platform->port());
    ASSERT_TRUE(client.send(authorized() + length));
    const RawTls::Received answer = client.receive_all(20s);
    EXPECT_TRUE(answer.bytes.starts_with("HTTP/1.1 413")) << answer.bytes;
    EXPECT_TRUE(answer.closed);
  }
  RawTls client(platform->port());
  ASSERT_TRUE(client.send(authorized() + "Transfer-Encoding: chunked\r\n\r\n"));
  const std::string chunk = "10000\r\n" + std::string(0x10000, ' ') + "\r\n";
  int sent = 0;
  while (sent < 1'000 && client.send(chunk)) ++sent;
  EXPECT_LT(sent, 1'000);  // 64 MB
}

TEST_F(Overload, PipelinedGarbageIsAnsweredOnceAndClosed) {
  const std::string garbage("\x00\xff\x80 \r\n\r\n GET GET / HTTP/9.9\r\n\r\n", 36);
  for (int i = 0; i < 50; ++i) {
    RawTls client(platform->port());
    std::string bytes = "GET /api/v1 HTTP/1.1\r\nHost: localhost\r\n\r\n";
    while (bytes.size() < 200'000) bytes += garbage;
    client.send(bytes);
    const RawTls::Received answer = client.receive_all(20s);
    EXPECT_TRUE(answer.bytes.starts_with("HTTP/1.1 200")) << answer.bytes.substr(0, 200);
    EXPECT_NE(answer.bytes.find("HTTP/1.1 400"), std::string::npos);
    EXPECT_TRUE(answer.closed);
  }
}

}  // namespace
}  // namespace clemmys::testing
