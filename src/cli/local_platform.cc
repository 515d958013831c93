#include "cli/local_platform.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <iostream>
#include <memory>
#include <utility>

#include "attest/collateral.h"
#include "attest/service/provisioning.h"
#include "base/clock.h"
#include "cli/local_parts.h"
#include "cli/outcome.h"
#include "cli/print.h"
#include "cli/root_policy.h"
#include "enclave/image.h"
#include "wire/frame.h"
#include "wire/kms_api.h"

namespace clemmys::cli {
namespace {

constexpr std::chrono::milliseconds kLookEvery{500};
constexpr std::chrono::milliseconds kProbeEvery{20};

Result<enclave::ImageInfo> image_info(const Layout& layout, const std::string& name) {
  const Bytes file = TRY(read_file(layout.images / name));
  return enclave::parse_image(file);
}

// lock_state takes the state folder for this process, until its descriptor is closed.
Result<int> lock_state(const fs::path& state) {
  const int lock = ::open((state / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (lock < 0)
    return failure(ErrorCode::kDenied, "cli.up.lock", "cannot write into " + state.string(),
                   "choose another --state, or correct its rights");
  if (::flock(lock, LOCK_EX | LOCK_NB) != 0) {
    ::close(lock);
    return failure(ErrorCode::kConflict, "cli.up.running", "a platform already runs on " + state.string(),
                   "end it first, or choose another --state");
  }
  return lock;
}

// make_folders also removes what a platform that was killed left: sockets, and the marks of a running one.
Status make_folders(const fs::path& state) {
  std::error_code ignored;
  for (const char* name : {"run", "ready", "url"}) fs::remove_all(state / name, ignored);
  for (const char* name : {"", "run", "logs", "sgx", "quoting", "kms", "node"})
    TRY(make_private_folder(state / name));
  return {};
}

// keep_root_policy writes the policy of a new state. A state made by other images belongs to another key
// service, which alone can open it: better refuse than start one that cannot.
Status keep_root_policy(const LocalPolicy& policy) {
  const std::string text = to_yaml(policy);
  const auto present = read_text(kRootPolicy);
  if (!present) return write_file(kRootPolicy, as_bytes(text));
  if (*present == text) return {};
  return failure(ErrorCode::kConflict, "cli.up.root_policy",
                 "this state was made by other images, or for other names: its root policy differs",
                 "start it with the build that made it, or choose a new --state");
}

}  // namespace

Result<LocalPlatform> LocalPlatform::start(const LocalOptions& options, Interrupt& interrupt) {
  const Layout layout = TRY(find_layout());
  LocalPlatform platform;
  platform.options_ = options;
  TRY(make_private_folder(options.state));
  platform.lock_ = TRY(lock_state(options.state));
  TRY(make_folders(options.state));
  if (::chdir(options.state.c_str()) != 0) {
    return failure(ErrorCode::kInternal, "cli.up.folder", "cannot enter " + options.state.string(),
                   "choose another --state");
  }
  // The machine that `softsgx run` gives is this platform's, too: the certificates are for its keys.
  if (options.sgx == "linux") ::setenv("SOFTSGX_STATE", (options.state / kSoftSgxState).c_str(), 1);
  const std::uint16_t port = TRY(free_port(options.host, options.port));
  platform.url_ = Url{options.host == "0.0.0.0" ? "127.0.0.1" : options.host, std::to_string(port)};

  const enclave::ImageInfo quoting = TRY(image_info(layout, "quoting_enclave.sgx"));
  const enclave::ImageInfo kms = TRY(image_info(layout, "kms.sgx"));
  const enclave::ImageInfo gateway = TRY(image_info(layout, "gateway.sgx"));
  const enclave::ImageInfo javascript = TRY(image_info(layout, kJavaScriptImage));
  platform.kms_ = kms.measurement;

  // Each life of the quoting enclave makes its attestation key known anew.
  const auto provisioned = std::make_shared<attest::Provisioned>();
  Part quoting_enclave = quoting_part(layout, options);
  quoting_enclave.prepare = [quoting, provisioned]() -> Status {
    *provisioned = TRY(attest::provision_software_machine(
        kSoftSgxState, kQuotingSocket,
        {quoting.measurement, quoting.signer, quoting.product_id, quoting.security_version},
        SystemClock().unix_ms() / 1000));
    return write_file(kCollateral, as_bytes(attest::collateral_to_json(provisioned->collateral)));
  };
  TRY(platform.launch(std::move(quoting_enclave), interrupt));
  platform.software_root_der_ = provisioned->software_root_der;
  std::vector<std::string> names{"localhost", "127.0.0.1"};
  if (options.host != "127.0.0.1" && options.host != "0.0.0.0") names.push_back(options.host);
  TRY(keep_root_policy({kms.measurement, gateway.measurement, javascript.measurement, std::move(names),
                        provisioned->software_root_der}));

  TRY(platform.launch(kms_part(layout, options), interrupt));
  TRY(platform.launch(node_part(layout, options), interrupt));
  TRY(platform.launch(gateway_part(layout, options, platform.url_), interrupt));
  return platform;
}

Status LocalPlatform::launch(Part part, Interrupt& interrupt) {
  Progress progress("starting " + part.name, options_.quiet);
  const auto begun = std::chrono::steady_clock::now();
  const fs::path log = options_.state / "logs" / (part.name + ".log");
  Supervised& started = parts_.emplace_back(TRY(Supervised::start(std::move(part), log, begun)));
  const std::string& name = started.part().name;
  while (!started.part().ready()) {
    const auto ended = started.child().ended();
    if (ended || std::chrono::steady_clock::now() >= begun + Supervised::kReadyWithin) {
      return failure(ErrorCode::kUnavailable, "cli.up.part",
                     name + (ended ? " ended with " + *ended : " was not ready within 30 s") +
                         "; last lines of " + log.string() + ":\n" + last_lines(log, 8),
                     "correct what the log says; a damaged or foreign state needs another --state");
    }
    if (interrupt.wait(kProbeEvery))
      return failure(ErrorCode::kDeadline, "cli.up.interrupted", "interrupted while starting " + name,
                     "start again");
  }
  TRY(started.became_ready());
  progress.done();
  return {};
}

LocalPlatform::LocalPlatform(LocalPlatform&& other) noexcept
    : lock_(std::exchange(other.lock_, -1)),
      options_(std::move(other.options_)),
      url_(std::move(other.url_)),
      kms_(other.kms_),
      software_root_der_(std::move(other.software_root_der_)),
      parts_(std::move(other.parts_)) {}

LocalPlatform::~LocalPlatform() {
  while (!parts_.empty()) parts_.pop_back();  // each ends its child
  if (lock_ >= 0) ::close(lock_);
}

Status LocalPlatform::watch(Interrupt& interrupt) {
  bool settled = true;
  while (!interrupt.wait(settled ? kLookEvery : kProbeEvery)) {
    settled = true;
    for (Supervised& part : parts_) {
      if (const auto news = TRY(part.look(std::chrono::steady_clock::now())))
        std::cerr << "clemmys: " << *news << "\n";
      settled = settled && part.settled();
    }
  }
  return {};
}

Result<std::string> create_namespace(const std::string& kms_socket, std::string_view name) {
  const int connection = TRY(wire::connect_unix(kms_socket));
  auto answer = [&]() -> Result<wire::Frame> {
    TRY(wire::write_frame(connection, static_cast<std::uint8_t>(wire::KmsFrame::kCreateNamespace),
                          as_bytes(name)));
    return wire::read_frame(connection);
  }();
  ::close(connection);
  if (!answer) return answer.error();
  if (answer->type == static_cast<std::uint8_t>(wire::KmsFrame::kAnswer))
    return std::string(as_text(answer->body));
  const auto code =
      answer->body.empty() ? ErrorCode::kInternal : static_cast<ErrorCode>(answer->body.front());
  return Error{code, "cli.up.namespace", "the key service refused to create namespace " + std::string(name)};
}

}  // namespace clemmys::cli
