#include "kms/root_policy.h"

#include <gtest/gtest.h>

namespace clemmys::kms {
namespace {

const std::string kImage(64, 'a');

std::string good() {
  return "version: 1\n"
         "dns_names: [localhost, 127.0.0.1, \"::1\"]\n"
         "images:\n"
         "  gateway: [" +
         kImage +
         "]\n"
         "tolerated_tcb: [UpToDate, SWHardeningNeeded]\n";
}

// what gives the detail of a refusal.
std::string what(const std::string& text) {
  const auto policy = parse_root_policy(text);
  return policy ? "accepted" : policy.error().detail;
}
std::string with(const std::string& from, const std::string& to) {
  std::string text = good();
  text.replace(text.find(from), from.size(), to);
  return text;
}

TEST(RootPolicy, ReadsEveryField) {
  const auto policy = parse_root_policy(
      good() + "insecure_accept_software_sgx: true\nsoftware_root: AQID\ninsecure_file_anchor: true\n");
  ASSERT_TRUE(policy) << to_string(policy.error());
  EXPECT_EQ(policy->dns_names, std::vector<std::string>{"localhost"});
  EXPECT_EQ(policy->ip_addresses, (std::vector<std::string>{"127.0.0.1", "::1"}));
  EXPECT_EQ(policy->gateways.size(), 1u);
  EXPECT_TRUE(policy->tcb_statuses.contains(attest::TcbStatus::kSwHardeningNeeded));
  EXPECT_EQ(policy->trust.software_root_der, (Bytes{1, 2, 3}));
  EXPECT_TRUE(policy->trust.insecure_accept_software_sgx);
  EXPECT_TRUE(policy->insecure_file_anchor);
}

TEST(RootPolicy, NamesGenericImagesInTheirOrderAndNeverAPlatformsOwn) {
  const std::string first(64, 'b'), second(64, '1');
  const auto policy =
      parse_root_policy(with("images:\n", "images:\n  javascript: [" + first + ", \"" + second + "\"]\n"));
  ASSERT_TRUE(policy) << to_string(policy.error());
  ASSERT_EQ(policy->javascript.size(), 2u);
  EXPECT_EQ(to_hex(policy->javascript[0]), first);
  EXPECT_TRUE(policy->is_generic(policy->javascript[1]));
  EXPECT_FALSE(policy->is_generic(*policy->gateways.begin()));
  EXPECT_EQ(
      what(with("images:\n", "images:\n  javascript: [" + kImage + "]\n")),
      "line 4, column 3: an image of the key service or gateway cannot be a generic image for functions");
  EXPECT_NE(what(with("images:\n", "images:\n  javascript: any-deployed\n")), "accepted");
}

TEST(RootPolicy, AcceptsNothingInsecureUnlessSaid) {
  const auto policy = parse_root_policy(good());
  ASSERT_TRUE(policy);
  EXPECT_FALSE(policy->trust.insecure_accept_software_sgx);
  EXPECT_FALSE(policy->insecure_file_anchor);
}

TEST(RootPolicy, RefusesUnknownFieldsWithLineAndColumn) {
  EXPECT_EQ(what(good() + "gateway: x\n"), "line 6, column 1: unknown field 'gateway'");
  EXPECT_EQ(what(with("  gateway:", "  gateways:")), "line 4, column 3: unknown field 'gateways'");
}

TEST(RootPolicy, RefusesRepeatedAndMissingFields) {
  EXPECT_EQ(what(good() + "version: 1\n"), "line 6, column 1: field 'version' is repeated");
  EXPECT_EQ(what(with("tolerated_tcb: [UpToDate, SWHardeningNeeded]\n", "")),
            "line 1, column 1: field 'tolerated_tcb' is missing");
  EXPECT_EQ(what(with("dns_names: [localhost, 127.0.0.1, \"::1\"]", "dns_names: []")),
            "line 1, column 1: dns_names must name the deployment");
}

TEST(RootPolicy, RefusesOddValues) {
  EXPECT_NE(what(with("version: 1", "version: 2")), "accepted");
  EXPECT_NE(what(with(kImage, std::string(64, 'A'))), "accepted");
  EXPECT_NE(what(with(kImage, std::string(64, '0'))), "accepted");
  EXPECT_NE(what(with(kImage, kImage + ", " + kImage)), "accepted");
  EXPECT_NE(what(with("UpToDate", "Revoked")), "accepted");
  EXPECT_NE(what(with("UpToDate", "uptodate")), "accepted");
  EXPECT_NE(what(with("localhost", "*.example.org")), "accepted");
  EXPECT_NE(what(with("localhost", "local host")), "accepted");
  EXPECT_NE(what(with("localhost", "\"a,permitted;DNS:evil\"")), "accepted");
  EXPECT_NE(what(with("127.0.0.1", "127.0.0.01")), "accepted");
  EXPECT_NE(what(good() + "insecure_accept_software_sgx: yes\nsoftware_root: AQID\n"), "accepted");
  EXPECT_NE(what(good() + "insecure_accept_software_sgx: true\n"), "accepted");
  EXPECT_NE(what(good() + "software_root: AQID\n"), "accepted");
  for (const char* root : {"AQI", "AQI=x", "AQJ=", "A===", "====", "\"AQ ID\"", "AQ-_"}) {
    EXPECT_NE(what(good() + "insecure_accept_software_sgx: true\nsoftware_root: " + root + "\n"), "accepted")
        << root;
  }
}

TEST(RootPolicy, RefusesWhatIsNotOneYamlMapping) {
  for (const char* text :
       {"", "x", "[1]", "a: b: c", "version: 1\n---\nversion: 1\n", "{", "\t", "&a [*a]", "? {a: b} : c"}) {
    EXPECT_NE(what(text), "accepted") << text;
  }
  EXPECT_EQ(parse_root_policy(std::string(kPolicySizeMax + 1, ' ')).error().code, ErrorCode::kTooLarge);
}

TEST(RootPolicy, EndsOnATextThatYamlCppFindsDocumentsInWithoutEnd) {
  EXPECT_EQ(what("!, [b, c]\nd: e\n"), "line 1, column 1: expected one YAML document");
}

TEST(RootPolicy, AnyOtherTextIsAnotherPolicy) {
  EXPECT_NE(parse_root_policy(good())->digest, parse_root_policy(good() + "# \n")->digest);
}

}  // namespace
}  // namespace clemmys::kms
