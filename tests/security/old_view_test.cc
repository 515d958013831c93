// The host hides every change from a gateway, and lets pass what the gateway needs to go on: it answers with
// the view of before. The gateway must not have a new certificate, so that its clients leave it within the
// hour. With CLEMMYS_COUNTERPART the gateway takes a session's messages in any order (insecure/session.cc):
// it is certified anew for a view that it does not have.
#include <stdlib.h>

#include <chrono>
#include <cstdint>
#include <fstream>
#include <functional>
#include <thread>

#include "hostile_platform.h"

namespace clemmys::testing {
namespace {

constexpr std::int64_t kLater = 50 * 60;  // a certificate of an hour is renewed after 40 minutes
constexpr long kBeyond = 3'600 + 60;      // seconds: the first certificate has ended

constexpr long kFollowsWithinMs = 500;  // the gateway asks for its view once a second

bool counterpart() { return getenv("CLEMMYS_COUNTERPART") != nullptr; }

class OldView : public HostileTest {
 protected:
  static void SetUpTestSuite() {
    HostileOptions options;
    if (counterpart()) options.images = {{"gateway.sgx", "images/insecure_gateway_session.sgx"}};
    start(options);
  }
  static void TearDownTestSuite() { end(); }

  // set_clock sets the clock of the whole machine, as its enclaves see it, ahead.
  static void set_clock(std::int64_t seconds) {
    std::fstream(file("clock"), std::ios::in | std::ios::out | std::ios::binary)
        .write(reinterpret_cast<const char*>(&seconds), sizeof seconds);
  }
  static bool within(int seconds, const std::function<bool()>& holds) {
    for (int i = 0; i < seconds * 10 && !holds(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(100));
    return holds();
  }
  // certified_beyond is whether a client whose clock is past the first certificate's end is served.
  static bool certified_beyond() {
    Client later = platform->client();
    later.pretend_later(kBeyond);
    try {
      return later.request("GET", "/api/v1").status == 200;
    } catch (const std::exception&) {
      return false;
    }
  }
  static std::string gateway_log() { return read_text(file("logs/gateway.log")); }
};

TEST_F(OldView, IsNotCertifiedBeyondTheFirstHour) {
  ASSERT_TRUE(right("twin"));
  attack("gateway-kms-old-view");
  ASSERT_TRUE(within(10, [] { return logged("applied gateway-kms-old-view"); }));
  // The key service deletes the action, and the gateway does not hear of it.
  EXPECT_EQ(client->api("DELETE", "actions/twin").status == 200, counterpart());
  EXPECT_TRUE(right("twin"));  // on the instance that has its keys: this is what the hour bounds
  ASSERT_FALSE(certified_beyond());
  attack("gateway-kms-old-view", kFollowsWithinMs);
  set_clock(kLater);
  EXPECT_EQ(within(counterpart() ? 30 : 5, certified_beyond), counterpart());
  EXPECT_EQ(gateway_log().find("wire.session.counter") == std::string::npos, counterpart());
  EXPECT_TRUE(right("twin"));
  attack("");
  EXPECT_TRUE(within(30, [] { return call("twin").status == 404; }));
  EXPECT_TRUE(within(30, certified_beyond));  // it has the view, so it is renewed
}

}  // namespace
}  // namespace clemmys::testing
