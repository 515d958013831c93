#include "attest/software/documents.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cctype>

#include "attest/tcb.h"

namespace clemmys::attest::software {
namespace {

namespace json = boost::json;

std::string upper_hex(ByteView bytes) {
  std::string text = to_hex(bytes);
  std::ranges::transform(text, text.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

json::object head(std::string_view id, int version, const Issue& issue) {
  json::object document;
  document["id"] = id;
  document["version"] = version;
  document["issueDate"] = date_from_unix(issue.now_unix_s - kBackdateS);
  document["nextUpdate"] = date_from_unix(issue.now_unix_s + kDocumentLifetimeS);
  document["tcbEvaluationDataNumber"] = 1;
  return document;
}

json::object level(json::object tcb, TcbStatus status, const Issue& issue) {
  json::object entry;
  entry["tcb"] = std::move(tcb);
  entry["tcbDate"] = date_from_unix(issue.now_unix_s - kBackdateS);
  entry["tcbStatus"] = tcb_status_name(status);
  if (!issue.advisories.empty())
    entry["advisoryIDs"] = json::array(issue.advisories.begin(), issue.advisories.end());
  return entry;
}

}  // namespace

std::string tcb_info_text(const PckFields& platform, const Issue& issue) {
  json::object document = head("SGX", 3, issue);
  Fmspc fmspc = platform.fmspc;
  if (issue.other_platform) fmspc.bytes[0] ^= 1;
  document["fmspc"] = upper_hex(fmspc.view());
  document["pceId"] = upper_hex(platform.pceid.view());
  document["tcbType"] = 0;
  json::array components;
  for (const std::uint8_t svn : platform.components) components.push_back(json::object{{"svn", svn}});
  json::object tcb{{"sgxtcbcomponents", std::move(components)}, {"pcesvn", platform.pcesvn}};
  document["tcbLevels"] = json::array{level(std::move(tcb), issue.platform_status, issue)};
  return json::serialize(document);
}

std::string qe_identity_text(const Issue& issue) {
  json::object document = head("QE", 2, issue);
  document["miscselect"] = "00000000";
  document["miscselectMask"] = "FFFFFFFE";  // EXINFO reporting may be on
  // INIT without DEBUG. Masked out: MODE64BIT, XFRM.
  document["attributes"] = "01000000000000000000000000000000";
  document["attributesMask"] = "FBFFFFFFFFFFFFFF0000000000000000";
  document["mrsigner"] = upper_hex(issue.quoting.signer.view());
  document["isvprodid"] = issue.quoting.product_id;
  document["tcbLevels"] = json::array{
      level(json::object{{"isvsvn", issue.quoting.security_version}}, issue.quoting_status, issue)};
  return json::serialize(document);
}

}  // namespace clemmys::attest::software
