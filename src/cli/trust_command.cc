// trust_command.cc: `clemmys trust`: verify, show what is trusted and why, keep it; list, and forget.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <iostream>
#include <sstream>

#include "cli/commands.h"
#include "cli/print.h"
#include "cli/trust.h"

namespace clemmys::cli {
namespace {

namespace json = boost::json;

std::string_view name(attest::TcbStatus status) {
  switch (status) {
    case attest::TcbStatus::kUpToDate:
      return "UpToDate";
    case attest::TcbStatus::kSwHardeningNeeded:
      return "SWHardeningNeeded";
    case attest::TcbStatus::kConfigurationNeeded:
      return "ConfigurationNeeded";
    case attest::TcbStatus::kConfigurationAndSwHardeningNeeded:
      return "ConfigurationAndSWHardeningNeeded";
    case attest::TcbStatus::kOutOfDate:
      return "OutOfDate";
    case attest::TcbStatus::kOutOfDateConfigurationNeeded:
      return "OutOfDateConfigurationNeeded";
    case attest::TcbStatus::kRevoked:
      return "Revoked";
  }
  return "unknown";
}

constexpr std::size_t kLineMax = 100;  // of the policy on a terminal; --json has all of it

void show(const Trusted& trusted) {
  const attest::Identity& kms = trusted.evidence.kms;
  const bool software = kms.root == attest::Root::kSoftware;
  heading("Verified: " + trusted.platform.url.text());
  field("key service", "enclave with measurement " + to_hex(kms.measurement));
  field("", trusted.evidence.measurement_was_expected
                ? "the one that you expected"
                : "NOT compared with a release: give --expect-measurement");
  field("signed by", to_hex(kms.signer));
  field("debug", kms.debug ? "yes" : "no");
  field("evidence",
        software ? "software root, SHA-256 " + to_hex(trusted.evidence.software_root) : "Intel's root");
  field("TCB", name(kms.tcb_status));
  field("fresh", "yes: the quote holds the nonce of this check");
  field("gateway's certificate", "issued by the authority that the quote names");
  field("root policy", "SHA-256 " + to_hex(trusted.evidence.root_policy));
  std::cout << "  it decides which programs may be part of this platform:\n";
  std::istringstream policy(printable(trusted.root_policy));
  for (std::string line; std::getline(policy, line);) {
    std::cout << "    | " << line.substr(0, kLineMax) << (line.size() > kLineMax ? "…" : "") << '\n';
  }
  if (software) {
    std::cout << "  WARNING: software SGX protects nothing from whoever operates that machine. You accepted "
                 "it with\n"
                 "  --insecure-accept-software-sgx; use it for development only.\n";
  }
  std::cout << std::flush;
}

json::object as_json(const Trusted& trusted) {
  const attest::Identity& kms = trusted.evidence.kms;
  json::array advisories(kms.advisories.begin(), kms.advisories.end());
  return {{"url", trusted.platform.url.text()},
          {"kms_measurement", to_hex(kms.measurement)},
          {"kms_signer", to_hex(kms.signer)},
          {"measurement_was_expected", trusted.evidence.measurement_was_expected},
          {"debug", kms.debug},
          {"insecure_software_sgx", trusted.platform.software_sgx},
          {"tcb_status", name(kms.tcb_status)},
          {"advisories", std::move(advisories)},
          {"root_policy_sha256", to_hex(trusted.evidence.root_policy)},
          {"root_policy", trusted.root_policy}};
}

struct AddOptions {
  std::string url;
  bool insecure_accept_software_sgx = false;
  std::vector<std::string> measurements;
  std::string software_root;
};

Result<ExitCode> add(const Context& context, const AddOptions& options) {
  Expectation expectation{.insecure_accept_software_sgx = options.insecure_accept_software_sgx};
  for (const std::string& text : options.measurements) {
    const auto measurement = fixed_from_hex<Measurement>(text);
    if (!measurement)
      return failure(ErrorCode::kInvalid, "cli.measurement", "'" + text + "' is not a measurement",
                     "give 64 lower-case hexadecimal digits");
    expectation.kms.push_back(*measurement);
  }
  if (!options.software_root.empty())
    expectation.software_root_der = TRY(read_file(options.software_root, 64u << 10));
  const Url url = TRY(parse_url(options.url));
  const Trusted trusted = TRY(establish_trust(url, expectation));
  TRY(keep_platform(context.options.config, trusted.platform));
  if (context.options.json) {
    print_json(as_json(trusted));
  } else {
    show(trusted);
    std::cout << "Kept in " << (context.options.config / "trust").string()
              << "; later commands use this platform.\n";
  }
  return ExitCode::kSuccess;
}

Result<ExitCode> list(const Context& context) {
  const std::string current = current_platform(context.options.config);
  json::array all;
  for (const TrustedPlatform& platform : TRY(list_platforms(context.options.config))) {
    const std::string url = platform.url.text();
    const auto verified = static_cast<std::int64_t>(platform.verified_unix_s);
    if (context.options.json) {
      all.push_back(json::object{{"url", url},
                                 {"current", url == current},
                                 {"kms_measurement", to_hex(platform.kms)},
                                 {"root_policy_sha256", to_hex(platform.root_policy)},
                                 {"insecure_software_sgx", platform.software_sgx},
                                 {"verified_unix_s", verified}});
      continue;
    }
    heading(url + (url == current ? "  (used without --url)" : ""));
    field("key service", to_hex(platform.kms));
    field("verified", utc(verified));
    if (platform.software_sgx) field("SGX", "software: protects nothing from that machine's operator");
  }
  if (context.options.json) print_json(all);
  return ExitCode::kSuccess;
}

Result<ExitCode> remove(const Context& context, const std::string& address) {
  const Url url = TRY(parse_url(address));
  TRY(remove_platform(context.options.config, url));
  if (!context.options.json) field("no longer trusted", url.text());
  return ExitCode::kSuccess;
}

}  // namespace

void add_trust(CLI::App& app, Context& context) {
  CLI::App* trust = app.add_subcommand("trust", "decide which platforms to trust");
  trust->require_subcommand(1)->fallthrough();
  const auto options = std::make_shared<AddOptions>();
  CLI::App& added = command(*trust, context, "add",
                            "verify a platform's evidence, show what is trusted and why, and keep it",
                            "  clemmys trust add https://functions.example.org --expect-measurement 5f…\n"
                            "  clemmys trust add https://localhost:8443 --insecure-accept-software-sgx",
                            [&context, options] { return add(context, *options); });
  added.add_option("URL", options->url, "address of the platform")->required();
  added.add_flag("--insecure-accept-software-sgx", options->insecure_accept_software_sgx,
                 "accept evidence of software SGX, which protects nothing from the machine's operator");
  added.add_option("--expect-measurement", options->measurements,
                   "demand this measurement of the key service (may be repeated)");
  added.add_option("--software-root", options->software_root, "demand this software root (DER file)");
  command(*trust, context, "list", "the platforms that are trusted", "  clemmys trust list",
          [&context] { return list(context); });
  const auto removed = std::make_shared<std::string>();
  command(*trust, context, "remove", "trust a platform no longer; its API key is kept",
          "  clemmys trust remove https://localhost:8443",
          [&context, removed] { return remove(context, *removed); })
      .add_option("URL", *removed, "address of the platform")
      ->required();
}

}  // namespace clemmys::cli
