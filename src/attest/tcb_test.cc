#include "attest/tcb.h"

#include <gtest/gtest.h>

namespace clemmys::attest {
namespace {

TEST(Dates, RoundTripAndAcceptOneForm) {
  EXPECT_EQ(*unix_from_date("1970-01-01T00:00:00Z"), 0u);
  EXPECT_EQ(*unix_from_date("2025-06-19T10:56:11Z"), 1750330571u);
  EXPECT_EQ(date_from_unix(1750330571), "2025-06-19T10:56:11Z");
  for (const char* wrong : {"", "2025-06-19", "2025-06-19T10:56:11", "2025-06-19 10:56:11Z", "2025-02-30T00:00:00Z",
                            "2025-06-19T24:00:00Z", "2025-06-19T10:60:00Z", "1969-12-31T23:59:59Z", "2025-06-1AT10:56:11Z"}) {
    EXPECT_FALSE(unix_from_date(wrong).has_value()) << wrong;
  }
}

TEST(TcbStatus, NamesRoundTripAndUnknownNamesAreRefused) {
  for (int i = 0; i <= static_cast<int>(TcbStatus::kRevoked); ++i) {
    const auto status = static_cast<TcbStatus>(i);
    EXPECT_EQ(*tcb_status_from_name(tcb_status_name(status)), status);
  }
  EXPECT_FALSE(tcb_status_from_name("uptodate").has_value());
}

TEST(TcbStatus, CombinesToTheWorse) {
  const auto both = [](TcbStatus platform, TcbStatus enclave) { return combine({platform, {}}, {enclave, {}}).status; };
  EXPECT_EQ(both(TcbStatus::kUpToDate, TcbStatus::kUpToDate), TcbStatus::kUpToDate);
  EXPECT_EQ(both(TcbStatus::kSwHardeningNeeded, TcbStatus::kOutOfDate), TcbStatus::kOutOfDate);
  EXPECT_EQ(both(TcbStatus::kConfigurationNeeded, TcbStatus::kOutOfDate), TcbStatus::kOutOfDateConfigurationNeeded);
  EXPECT_EQ(both(TcbStatus::kOutOfDateConfigurationNeeded, TcbStatus::kOutOfDate), TcbStatus::kOutOfDateConfigurationNeeded);
  EXPECT_EQ(both(TcbStatus::kRevoked, TcbStatus::kOutOfDate), TcbStatus::kRevoked);
  EXPECT_EQ(both(TcbStatus::kUpToDate, TcbStatus::kRevoked), TcbStatus::kRevoked);
}

TEST(TcbStatus, MergesAdvisoriesWithoutRepetition) {
  const Judgement merged = combine({TcbStatus::kUpToDate, {"INTEL-SA-2", "INTEL-SA-1"}}, {TcbStatus::kUpToDate, {"INTEL-SA-1"}});
  EXPECT_EQ(merged.advisories, (std::vector<std::string>{"INTEL-SA-1", "INTEL-SA-2"}));
}

}  // namespace
}  // namespace clemmys::attest
