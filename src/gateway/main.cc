// main.cc: the gateway program. It wires the parts; nothing on the command line is security-relevant: who the
// KMS is shows in the certificate that clients check, and the controller is distrusted anyway.
#include <openssl/ssl.h>

#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "base/log.h"
#include "crypto/crypto.h"
#include "gateway/image_check.h"
#include "gateway/server.h"

namespace clemmys::gateway {
namespace {

struct Options {
  ServerConfig server;
  KmsLinkConfig kms;
};

constexpr std::string_view kUsage =
    "usage: gateway --listen ADDRESS:PORT --kms-socket PATH --controller-socket PATH [--threads N] "
    "[--payload-mib N] [--invocations-per-minute N] [--concurrent-invocations N]\n";
constexpr unsigned kNamespaceLimitMax = 1'000'000'000;

Result<unsigned> number(std::string_view text, unsigned least, unsigned most) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most)
    return Error{ErrorCode::kInvalid, "gateway.options.number"};
  return value;
}

Result<Options> parse_options(int count, char** arguments) {
  Options options;
  const Error bad{ErrorCode::kInvalid, "gateway.options"};
  if (count % 2 == 0) return bad;
  for (int i = 1; i + 1 < count; i += 2) {
    const std::string_view name = arguments[i], value = arguments[i + 1];
    if (name == "--listen") {
      const std::size_t colon = value.rfind(':');
      if (colon == value.npos) return bad;
      options.server.address = value.substr(0, colon);
      options.server.port = static_cast<std::uint16_t>(TRY(number(value.substr(colon + 1), 0, 65535)));
    } else if (name == "--kms-socket") {
      options.kms.socket_path = value;
    } else if (name == "--controller-socket") {
      options.server.controller_socket_path = value;
    } else if (name == "--threads") {
      options.server.threads = TRY(number(value, 1, 16));
    } else if (name == "--invocations-per-minute") {
      options.server.limits.per_namespace.per_minute = TRY(number(value, 0, kNamespaceLimitMax));
    } else if (name == "--concurrent-invocations") {
      options.server.limits.per_namespace.concurrent = TRY(number(value, 0, kNamespaceLimitMax));
    } else if (name == "--payload-mib") {
      options.server.limits.payload_size_max = std::size_t{TRY(number(value, 1, 48))} << 20;
    } else {
      return bad;
    }
  }
  if (options.kms.socket_path.empty() || options.server.controller_socket_path.empty()) return bad;
  return options;
}

// start_patiently tries for a while: the parts of a platform start at about the same time.
Status start_patiently(std::string_view what, const std::function<Status()>& start) {
  constexpr int kTries = 100;
  for (int i = 0;; ++i) {
    Status started = start();
    if (started || i + 1 == kTries) return started;
    if (i % 20 == 0) log_warning(std::string(what) + ": " + std::string(started.error().site));
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
}

Status run(const Options& options) {
  // The host's OpenSSL configuration is none of ours.
  if (OPENSSL_init_ssl(OPENSSL_INIT_NO_LOAD_CONFIG, nullptr) != 1)
    return Error{ErrorCode::kInternal, "gateway.main.openssl"};
  TRY(crypto::initialize());
  const SystemClock clock;
  TimeSource time(clock);
  View view;
  TlsContextSlot tls;
  Metrics metrics;
  const std::unique_ptr<attest::Attester> attester = TRY(attest::device_attester());
  KmsThread kms(options.kms, *attester, view, tls, time, metrics);
  TRY(start_patiently("kms", [&] { return kms.start(); }));
  Server server(options.server, {.view = view,
                                 .tls = tls,
                                 .time = time,
                                 .metrics = metrics,
                                 .kms_link = [&](Poster post) { return kms.link(std::move(post)); },
                                 .measure_image = measure_image});
  TRY(server.start());
  log_info("ready on port " + std::to_string(server.port()));
  server.wait();
  return {};
}

}  // namespace
}  // namespace clemmys::gateway

int main(int count, char** arguments) {
  clemmys::set_log_part("gateway");
  auto options = clemmys::gateway::parse_options(count, arguments);
  if (!options) {
    std::fwrite(clemmys::gateway::kUsage.data(), 1, clemmys::gateway::kUsage.size(), stderr);
    return 2;
  }
  if (auto ran = clemmys::gateway::run(*options); !ran) {
    clemmys::log_error(std::string(clemmys::name(ran.error().code)) + " at " +
                       std::string(ran.error().site));  // details stay inside
    return 1;
  }
  return 0;
}
