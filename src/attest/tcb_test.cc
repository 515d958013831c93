#include "attest/tcb.h"

#include <gtest/gtest.h>

namespace clemmys::attest {
namespace {

TEST(Dates, RoundTripAndAcceptOneForm) {
  EXPECT_EQ(*unix_from_date("1970-01-01T00:00:00Z"), 0u);
  EXPECT_EQ(*unix_from_date("2025-06-19T10:56:11Z"), 1750330571u);
  EXPECT_EQ(date_from_unix(1750330571), "2025-06-19T10:56:11Z");
  for (const char* wrong :
       {"", "2025-06-19", "2025-06-19T10:56:11", "2025-06-19 10:56:11Z", "2025-02-30T00:00:00Z",
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
  const auto both = [](TcbStatus platform, TcbStatus enclave) {
    return combine({platform, {}}, {enclave, {}}).status;
  };
  EXPECT_EQ(both(TcbStatus::kUpToDate, TcbStatus::kUpToDate), TcbStatus::kUpToDate);
  EXPECT_EQ(both(TcbStatus::kSwHardeningNeeded, TcbStatus::kOutOfDate), TcbStatus::kOutOfDate);
  EXPECT_EQ(both(TcbStatus::kConfigurationNeeded, TcbStatus::kOutOfDate),
            TcbStatus::kOutOfDateConfigurationNeeded);
  EXPECT_EQ(both(TcbStatus::kOutOfDateConfigurationNeeded, TcbStatus::kOutOfDate),
            TcbStatus::kOutOfDateConfigurationNeeded);
  EXPECT_EQ(both(TcbStatus::kRevoked, TcbStatus::kOutOfDate), TcbStatus::kRevoked);
  EXPECT_EQ(both(TcbStatus::kUpToDate, TcbStatus::kRevoked), TcbStatus::kRevoked);
}

TEST(TcbStatus, MergesAdvisoriesWithoutRepetition) {
  const Judgement merged =
      combine({TcbStatus::kUpToDate, {"INTEL-SA-2", "INTEL-SA-1"}}, {TcbStatus::kUpToDate, {"INTEL-SA-1"}});
  EXPECT_EQ(merged.advisories, (std::vector<std::string>{"INTEL-SA-1", "INTEL-SA-2"}));
}

// A minimal platform and documents for it; each test changes one thing.
constexpr std::uint64_t kNow = 1750420800;  // 2025-06-20T12:00:00Z

PckFields platform() {
  PckFields fields;
  fields.components.fill(5);
  fields.pcesvn = 7;
  return fields;
}

std::string components(int svn) {
  std::string list;
  for (int i = 0; i < 16; ++i) list += (i == 0 ? "" : ",") + ("{\"svn\":" + std::to_string(svn) + "}");
  return "[" + list + "]";
}
std::string level(int svn, int pcesvn, const std::string& status) {
  return R"({"tcb":{"sgxtcbcomponents":)" + components(svn) + R"(,"pcesvn":)" + std::to_string(pcesvn) +
         R"(},"tcbStatus":")" + status + "\"}";
}
std::string tcb_info(const std::string& levels,
                     const std::string& rest = R"("tcbType":0,"fmspc":"000000000000","pceId":"0000")",
                     const std::string& head = R"("id":"SGX","version":3)") {
  return "{" + head + R"(,"issueDate":"2025-06-20T00:00:00Z","nextUpdate":"2025-06-21T00:00:00Z",)" + rest +
         R"(,"tcbLevels":[)" + levels + "]}";
}

TEST(TcbInfo, TakesTheFirstLevelThatThePlatformReaches) {
  const std::string levels = level(6, 7, "UpToDate") + "," + level(5, 8, "UpToDate") + "," +
                             level(5, 7, "SWHardeningNeeded") + "," + level(1, 1, "OutOfDate");
  const auto judgement = judge_platform(tcb_info(levels), platform(), kNow);
  ASSERT_TRUE(judgement.has_value()) << to_string(judgement.error());
  EXPECT_EQ(judgement->status, TcbStatus::kSwHardeningNeeded);
}

TEST(TcbInfo, RefusesAPlatformBelowEveryLevelEvenInOneComponent) {
  PckFields weak = platform();
  weak.components[15] = 4;
  EXPECT_EQ(judge_platform(tcb_info(level(5, 7, "UpToDate")), weak, kNow).error().site,
            "attest.tcb_info.level");
  EXPECT_EQ(judge_platform(tcb_info(""), platform(), kNow).error().site, "attest.tcb_info.level");
}

TEST(TcbInfo, RefusesMalformedDocuments) {
  const std::string good = level(5, 7, "UpToDate");
  const std::string rest = R"("tcbType":0,"fmspc":"000000000000","pceId":"0000")";
  ASSERT_TRUE(judge_platform(tcb_info(good), platform(), kNow).has_value());
  for (const std::string& bad :
       {std::string(), std::string("null"), std::string("{}"), tcb_info(good) + "x",
        tcb_info(good, rest, R"("id":"TDX","version":3)"), tcb_info(good, rest, R"("id":"SGX","version":2)"),
        tcb_info(good, R"("tcbType":1,"fmspc":"000000000000","pceId":"0000")"),
        tcb_info(good, R"("tcbType":0,"fmspc":"0000000000","pceId":"0000")"),
        tcb_info(good, R"("tcbType":0,"fmspc":"000000000000")"), tcb_info("7"), tcb_info(level(5, 7, "Fine")),
        tcb_info(level(256, 7, "UpToDate")), tcb_info(level(-1, 7, "UpToDate")),
        tcb_info(R"({"tcb":{"sgxtcbcomponents":[],"pcesvn":1},"tcbStatus":"UpToDate"})")}) {
    const auto judgement = judge_platform(bad, platform(), kNow);
    ASSERT_FALSE(judgement.has_value()) << bad;
    EXPECT_EQ(judgement.error().code, ErrorCode::kDenied);
  }
}

TEST(TcbInfo, CountsOnlyBetweenIssueAndNextUpdate) {
  const std::string info = tcb_info(level(5, 7, "UpToDate"));
  EXPECT_TRUE(judge_platform(info, platform(), 1750377600).has_value());
  EXPECT_FALSE(judge_platform(info, platform(), 1750377599).has_value());
  EXPECT_TRUE(judge_platform(info, platform(), 1750464000).has_value());
  EXPECT_FALSE(judge_platform(info, platform(), 1750464001).has_value());
}

std::string qe_identity(const std::string& attributes, const std::string& mask) {
  return R"({"id":"QE","version":2,"issueDate":"2025-06-20T00:00:00Z","nextUpdate":"2025-06-21T00:00:00Z",)"
         R"("miscselect":"00000000","miscselectMask":"FFFFFFFF","attributes":")" +
         attributes + R"(","attributesMask":")" + mask +
         R"(","mrsigner":"0000000000000000000000000000000000000000000000000000000000000000","isvprodid":1,)"
         R"("tcbLevels":[{"tcb":{"isvsvn":2},"tcbStatus":"UpToDate"}]})";
}

TEST(QeIdentity, RefusesADebugEnclaveOtherMiscselectAndOldVersions) {
  const std::string identity =
      qe_identity("01000000000000000000000000000000", "FBFFFFFFFFFFFFFF0000000000000000");
  sgx::ReportBody report{};
  report.attributes = {sgx::kAttributeInit | sgx::kAttributeMode64, 7};
  report.isvprodid = 1;
  report.isvsvn = 2;
  EXPECT_TRUE(judge_quoting_enclave(identity, report, kNow).has_value());
  sgx::ReportBody changed = report;
  changed.attributes.flags |= sgx::kAttributeDebug;
  EXPECT_EQ(judge_quoting_enclave(identity, changed, kNow).error().site, "attest.qe_identity.attributes");
  changed = report;
  changed.miscselect = 1;
  EXPECT_EQ(judge_quoting_enclave(identity, changed, kNow).error().site, "attest.qe_identity.miscselect");
  changed = report;
  changed.isvsvn = 1;
  EXPECT_EQ(judge_quoting_enclave(identity, changed, kNow).error().site, "attest.qe_identity.level");
  EXPECT_FALSE(judge_quoting_enclave("{}", report, kNow).has_value());
  EXPECT_FALSE(judge_quoting_enclave(qe_identity("01", "FF"), report, kNow).has_value());
}

}  // namespace
}  // namespace clemmys::attest
