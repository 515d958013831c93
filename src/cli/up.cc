// up.cc: `clemmys up`: a platform on this machine. It trusts its own platform by the same check as every
// client: evidence, pinned to the measurement and the root that it started with, and only then claims the
// first namespace.
#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <iostream>

#include "cli/commands.h"
#include "cli/local_parts.h"
#include "cli/local_platform.h"
#include "cli/namespaces.h"
#include "cli/print.h"
#include "cli/trust.h"
#include "crypto/base64.h"

namespace clemmys::cli {
namespace {

constexpr const char* kNamespace = "guest";
constexpr const char* kKeyFile = "development-key";
constexpr const char* kAuthorityFile = "ca.pem";
constexpr const char* kReadyFile = "ready";

struct UpOptions {
  std::string state, listen = "127.0.0.1:8443", observe;
  Capacity capacity;
  std::string sgx = "soft";
  std::optional<std::uint64_t> soft_epc_mib;
  bool exitless = false;
  unsigned prewarm = 1;
};

void add_capacity(CLI::App& added, Capacity& capacity) {
  const CLI::Range positive(std::uint64_t{1}, std::uint64_t{1'000'000'000}),
      any(std::uint64_t{0}, std::uint64_t{1'000'000'000});
  added
      .add_option("--memory-mib", capacity.memory_mib,
                  "host memory that functions may take (default: three quarters of the machine's)")
      ->check(positive);
  added
      .add_option("--epc-mib", capacity.epc_mib,
                  "enclave page cache that functions may take (default: the processor's; with software SGX "
                  "as much as memory)")
      ->check(positive);
  added.add_option("--instances", capacity.instances, "instances of functions at one time (default: 64)")
      ->check(positive);
  added
      .add_option("--instances-per-function", capacity.instances_per_function,
                  "instances of one function at one time: as many calls of it run at once, more wait "
                  "(default: 4)")
      ->check(positive);
  added.add_option("--prewarmed", capacity.prewarmed, "processes that are started ahead (default: 2)")
      ->check(any);
  added
      .add_option("--keep-alive-s", capacity.keep_alive_s, "how long an idle instance is kept (default: 600)")
      ->check(any);
  added.add_option("--payload-mib", capacity.payload_mib, "what a request may hold (default: 1)")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{48}));
  added
      .add_option("--invocations-per-minute", capacity.invocations_per_minute,
                  "limit of each namespace; more are answered with 429 (default: none)")
      ->check(positive);
  added
      .add_option("--concurrent-invocations", capacity.concurrent_invocations,
                  "limit of each namespace; more are answered with 429 (default: none)")
      ->check(positive);
}

std::string as_pem(ByteView certificate_der) {
  const std::string text = crypto::to_base64(certificate_der);
  std::string pem = "-----BEGIN CERTIFICATE-----\n";
  for (std::size_t at = 0; at < text.size(); at += 64) pem += text.substr(at, 64) + "\n";
  return pem + "-----END CERTIFICATE-----\n";
}

// development_key claims the first namespace, or reads the key that an earlier start claimed.
Result<std::string> development_key(const TrustedPlatform& platform) {
  if (auto kept = read_text(kKeyFile)) {
    while (!kept->empty() && kept->back() == '\n') kept->pop_back();
    return kept;
  }
  const auto token = create_namespace(kKmsSocket, kNamespace);
  if (!token && token.error().code == ErrorCode::kExists) {
    return failure(ErrorCode::kExists, "cli.up.key",
                   std::string("namespace ") + kNamespace + " exists, but its key is not in this state",
                   "use the key that its owner kept (--auth), or choose a new --state");
  }
  if (!token) return token.error();
  std::string key = TRY(claim_namespace(platform, kNamespace, *token));
  TRY(write_file(kKeyFile, as_bytes(key + "\n"), Privacy::kOwnerOnly));
  return key;
}

Result<ExitCode> up(const Context& context, const UpOptions& options) {
  const std::size_t colon = options.listen.rfind(':');
  unsigned long port = 65536;
  if (colon != std::string::npos &&
      options.listen.find_first_not_of("0123456789", colon + 1) == std::string::npos &&
      options.listen.size() - colon < 7) {
    port = std::stoul("0" + options.listen.substr(colon + 1));
  }
  if (port > 65535)
    return failure(ErrorCode::kInvalid, "cli.up.listen", "'" + options.listen + "' is not ADDRESS:PORT",
                   "use --listen 127.0.0.1:8443");
  LocalOptions local{.state = options.state.empty() ? state_folder() : fs::absolute(options.state),
                     .host = options.listen.substr(0, colon),
                     .port = static_cast<std::uint16_t>(port),
                     .observe = options.observe.empty() ? fs::path() : fs::absolute(options.observe),
                     .prewarm = options.prewarm,
                     .quiet = context.options.json,
                     .capacity = options.capacity,
                     .exitless = options.exitless,
                     .sgx = options.sgx,
                     .soft_epc_mib = options.soft_epc_mib};
  if (!context.options.json) {
    heading("Starting Clemmys, state in " + local.state.string());
    std::cout << "  WARNING: this platform uses SOFTWARE SGX. It protects nothing from whoever operates this "
                 "machine: use it to\n"
                 "  develop and to test. Clients must accept it by name: --insecure-accept-software-sgx.\n"
              << std::flush;
  }
  Interrupt interrupt;
  LocalPlatform platform = TRY(LocalPlatform::start(local, interrupt));

  Progress verifying("verifying the platform's evidence", local.quiet);
  const Expectation expectation{.insecure_accept_software_sgx = true,
                                .software_root_der = platform.software_root_der(),
                                .kms = {platform.kms()}};
  const Trusted trusted = TRY(establish_trust(platform.url(), expectation));
  verifying.done("measurement " + to_hex(platform.kms()).substr(0, 16) + "…");
  TRY(write_file(kAuthorityFile, as_bytes(as_pem(trusted.platform.authority_der))));
  const std::string key = TRY(development_key(trusted.platform));
  const bool keeps = options.state.empty() || context.config_was_named;
  if (keeps) TRY(keep_credential(context.options.config, platform.url(), key));
  TRY(write_file("url", as_bytes(platform.url().text() + "\n")));
  TRY(write_file(kReadyFile, {}));

  const std::string authority = (local.state / kAuthorityFile).string();
  if (context.options.json) {
    std::cout << boost::json::serialize(boost::json::object{{"url", platform.url().text()},
                                                            {"ca", authority},
                                                            {"development_key", key},
                                                            {"insecure_software_sgx", true}})
              << std::endl;
  } else {
    heading("Ready");
    field("URL", platform.url().text());
    field("CA", authority);
    field("namespace", kNamespace);
    field("DEVELOPMENT key", key);
    std::cout << "  Next, in another terminal:\n"
              << (keeps ? ""
                        : "    export CLEMMYS_AUTH=\"$(cat '" + (local.state / kKeyFile).string() + "')\"\n")
              << "    clemmys trust add " + platform.url().text() +
                     " --insecure-accept-software-sgx\n"
                     "    clemmys deploy FUNCTION.js && clemmys invoke FUNCTION -p name Ada\n"
                     "  Interrupt (Ctrl-C) ends everything; the state is kept.\n"
              << std::flush;
  }
  const Status watched = platform.watch(interrupt);
  std::error_code ignored;
  for (const char* name : {kReadyFile, "url"}) fs::remove(name, ignored);
  if (!watched) return watched.error();
  if (!context.options.json) std::cout << "Ending.\n" << std::flush;
  return ExitCode::kSuccess;
}

}  // namespace

void add_up(CLI::App& app, Context& context) {
  const auto options = std::make_shared<UpOptions>();
  CLI::App& added = command(app, context, "up", "run a platform on this machine until interrupted",
                            "  clemmys up\n  clemmys up --state /tmp/try --listen 127.0.0.1:0",
                            [&context, options] { return up(context, *options); });
  added.add_option("--state", options->state,
                   "folder of its state (default: " + state_folder().string() + ")");
  added.add_option("--listen", options->listen, "ADDRESS:PORT of the gateway; port 0 takes a free one");
  added
      .add_option("--prewarmed-js", options->prewarm,
                  "JavaScript instances that are kept ready for functions that do not run yet")
      ->check(CLI::Range(0U, 16U))
      ->capture_default_str();
  added.add_option("--observe", options->observe,
                   "folder that receives every envelope as the controller sees it");
  added
      .add_option("--platform", options->sgx,
                  "soft: software SGX in each host process; linux: the device /dev/sgx_enclave, as under "
                  "softsgx run")
      ->check(CLI::IsMember({"soft", "linux"}))
      ->capture_default_str();
  added
      .add_option("--soft-epc-mib", options->soft_epc_mib,
                  "page cache of software SGX for each enclave; more is paged (default: no limit)")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 20));
  add_capacity(added, options->capacity);
  added.add_flag(
      "--exitless", options->exitless,
      "a thread serves the gateway's system calls while its enclave stays inside; wants an idle processor");
}

}  // namespace clemmys::cli
