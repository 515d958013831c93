// clemmys-host: the host process of one enclave. Its exit status is the program's, 128 + n when signal n
// ended it; 126 when the enclave itself failed, 76 (wire::kMemoryEnded) when it wanted memory beyond its
// limit; 75 (wire::kPlatformFailed) when it could not be started. With --await-image it is a function's:
// started ahead, it gives up what it can and waits for its image on its link.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "enclave/host/image_file.h"
#include "enclave/host/isolation.h"
#include "enclave/host/process.h"
#include "enclave/host/sandbox.h"
#include "softsgx/machine.h"
#include "softsgx/paging.h"
#include "wire/handover.h"
#include "wire/links.h"

namespace clemmys::enclave {
namespace {

constexpr int kEnclaveFailed = 126;
constexpr std::uint64_t kShieldTables = 8u << 20;  // what the shield's own tables may take beside
constexpr unsigned kDescriptorsMax = 64;           // of a function's process
constexpr rlim_t kDescriptorsOfOthers =
    65'536;               // the shield's kHostDescriptorsMax; it stops at a higher number
constexpr int kLink = 3;  // the one descriptor beyond standard streams that the shield knows at the start

struct Options {
  std::string platform = "auto", soft_state, quote_socket, counts, image;
  std::vector<std::string> mounts, arguments;
  int link = -1;
  std::uint64_t soft_epc_mib = 0;
  bool await_image = false, stats = false, exitless = false;
};

Result<std::unique_ptr<Platform>> open_platform(const Options& options) {
  if (options.platform == "linux") return open_linux_platform();
  if (options.platform == "auto" && access("/dev/sgx_enclave", R_OK | W_OK) == 0)
    return open_linux_platform();
  softsgx::set_epc_size(options.soft_epc_mib << 20);
  return open_soft_platform(options.soft_state.empty() ? softsgx::default_state_directory()
                                                       : options.soft_state);
}

// take_all_descriptors: an enclave that is no function's may have open what the machine allows; the usual
// soft limit (1,024) is there for select(2), which nobody here uses.
void take_all_descriptors() {
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) != 0) return;
  files.rlim_cur = std::min(files.rlim_max, kDescriptorsOfOthers);
  setrlimit(RLIMIT_NOFILE, &files);
}

// place_link makes descriptor 3 what --fd named, or nothing at all: never something that was inherited by
// accident.
void place_link(int link) {
  if (link == kLink) return;
  const int source = link >= 0 ? link : open("/dev/null", O_RDWR | O_CLOEXEC);
  if (source == kLink) return;
  if (source < 0) {
    close(kLink);
    return;
  }
  dup2(source, kLink);
  close(source);
}

// Work is an image, and how a process serves it.
struct Work {
  ImageFile image;
  ProcessOptions options;
};

Result<Work> named_image(const Options& options) {
  Work work{.image = TRY(ImageFile::open(options.image)),
            .options = {.quote_socket = options.quote_socket, .exitless = options.exitless}};
  if (!options.counts.empty()) work.options.counts = TRY(map_counts(options.counts));
  work.options.arguments.push_back(options.image);
  work.options.arguments.insert(work.options.arguments.end(), options.arguments.begin(),
                                options.arguments.end());
  for (char** variable = environ; *variable != nullptr; ++variable) {
    if (std::string_view(*variable).starts_with("CLEMMYS_")) work.options.environment.emplace_back(*variable);
  }
  for (const std::string& mount : options.mounts) {
    const auto equals = mount.find('=');
    if (equals == std::string::npos)
      return Error{ErrorCode::kInvalid, "host.mount", "--mount wants INSIDE=OUTSIDE"};
    work.options.mounts.push_back({mount.substr(0, equals), mount.substr(equals + 1)});
  }
  take_all_descriptors();
  return work;
}

// awaited_image is called when everything is done that needs a path, and before any enclave exists.
Result<Work> awaited_image() {
  if (const std::string why = isolate(); !why.empty())
    std::fprintf(stderr, "clemmys-host: this process has %s\n", why.c_str());
  TRY(limit_resources(kDescriptorsMax));
  const wire::Handover given = TRY(wire::receive_handover(kLink));
  Work work{.image = TRY(ImageFile::of(given.image)), .options = {.arguments = {"function"}}};
  work.options.quoting = given.quoting;
  work.options.pages_max = ((std::uint64_t{given.memory_mib} << 20) + kShieldTables) / sgx::kPageSize;
  close(given.image);
  return work;
}

Result<int> run(const Options& options) {
  auto platform = TRY(open_platform(options));
  Work work = TRY(options.await_image ? awaited_image() : named_image(options));
  const auto begin = std::chrono::steady_clock::now();
  work.options.count_paging = options.soft_epc_mib != 0;
  auto process = TRY(Process::create(*platform, work.image.view(), std::move(work.options)));
  work.image = ImageFile();  // its pages are in the enclave
  // A function has neither network nor files, whatever its manifest says.
  TRY(confine(options.await_image ? SandboxTerms{} : process->sandbox_terms()));
  const auto loaded = std::chrono::steady_clock::now();
  Result<int> status = process->run();
  if (options.stats) {
    const std::chrono::duration<double, std::milli> load = loaded - begin,
                                                    run = std::chrono::steady_clock::now() - loaded;
    std::fprintf(stderr, "loading %.1f ms, running %.1f ms\n", load.count(), run.count());
    print_counts(process->counts(), stderr);
    if (const auto events = process->enclave().events()) print_events(*events);
  }
  if (!status) std::fprintf(stderr, "clemmys-host: %s\n", to_string(status.error()).c_str());
  std::fflush(nullptr);
  const int failed = process->wanted_too_much() ? wire::kMemoryEnded : kEnclaveFailed;
  std::_Exit(status ? *status : failed);  // other threads may still be inside
}

}  // namespace
}  // namespace clemmys::enclave

int main(int argc, char** argv) {
  using namespace clemmys::enclave;
  signal(SIGPIPE, SIG_IGN);
  Options options;
  CLI::App app{"Runs one enclave."};
  app.add_option("--platform", options.platform, "auto, soft or linux")
      ->check(CLI::IsMember({"auto", "soft", "linux"}));
  app.add_option("--soft-state", options.soft_state, "directory of the software machine's keys");
  app.add_option("--soft-epc-mib", options.soft_epc_mib,
                 "page cache of software SGX; pages beyond it are written out (default: no limit)")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 20));
  app.add_option("--quote-socket", options.quote_socket, "Unix socket of the quoting service");
  app.add_option("--fd", options.link, "descriptor that the program gets as number 3");
  app.add_option("--mount", options.mounts, "INSIDE=OUTSIDE: where an allowed path lies on this machine")
      ->allow_extra_args(false);
  auto* counts =
      app.add_option("--counts", options.counts, "file that holds the counts while the program runs");
  auto* exitless = app.add_flag(
      "--exitless", options.exitless,
      "serve calls from a thread of its own while the enclave stays inside; wants an idle processor");
  app.add_flag("--stats", options.stats, "print counts at the end");
  auto* awaits = app.add_flag("--await-image", options.await_image,
                              "wait for an image on descriptor 3, with nothing else of the machine in reach")
                     ->excludes(counts)
                     ->excludes(exitless);
  app.add_option("image", options.image, "enclave image")->excludes(awaits);
  app.add_option("arguments", options.arguments, "arguments of the program, after --");
  CLI11_PARSE(app, argc, argv);
  if (options.image.empty() && !options.await_image) {
    std::fprintf(stderr, "clemmys-host: name an image, or --await-image\n");
    return clemmys::wire::kPlatformFailed;
  }
  place_link(options.link);
  const auto failed = run(options);
  if (failed.error().site == "wire.handover.closed") return 0;  // started ahead, and not wanted
  std::fprintf(stderr, "clemmys-host: %s\n", to_string(failed.error()).c_str());
  return clemmys::wire::kPlatformFailed;
}
