#include "invoker/instance.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "controller/scheduler.h"
#include "invoker/line_log.h"
#include "invoker/spawn.h"
#include "wire/kms_api.h"
#include "wire/links.h"
#include "wire/padding.h"

namespace clemmys::invoker {

using controller::InstanceEnd;
using controller::InstanceId;
using controller::Packet;
using wire::InstanceFrame;

namespace {

namespace asio = boost::asio;

constexpr std::size_t kKmsQuestionsMax = 8;  // open ones of one instance
constexpr std::size_t kKmsQuestionSizeMax = 256 * 1024;
constexpr std::size_t kSiteSizeMax = 96;
constexpr std::size_t kLogSizeMax = 10u << 20;  // OpenWhisk's largest; it leaves in an event
constexpr std::uint64_t kThreadKib = 32;        // of the kernel's memory: a stack of 16 KiB, and its task
constexpr auto kEndAfterLink = std::chrono::seconds(1);
constexpr auto kLastWordsWait = std::chrono::milliseconds(100);

// is_for_instances: tenants' code has this way to the KMS, and the KMS takes whoever reaches its socket for
// the operator: an instance may open its session and use it, not make namespaces or have quotes made.
bool is_for_instances(std::uint8_t type) {
  const auto frame = static_cast<wire::KmsFrame>(type);
  return frame == wire::KmsFrame::kNonce || frame == wire::KmsFrame::kHello ||
         frame == wire::KmsFrame::kMessage;
}

// clean_site keeps what our site names consist of: an instance's words go to logs and clients.
std::string clean_site(ByteView text) {
  std::string site;
  for (const std::uint8_t byte : text.first(std::min(text.size(), kSiteSizeMax))) {
    const bool plain =
        (byte >= 'a' && byte <= 'z') || (byte >= '0' && byte <= '9') || byte == '.' || byte == '_';
    site.push_back(plain ? static_cast<char>(byte) : '?');
  }
  return site;
}

InstanceEnd how_of(const ProcessEnd& end) {
  if (!end.exited || end.status == wire::kPlatformFailed) return InstanceEnd::kFromOutside;
  return end.status == wire::kMemoryEnded ? InstanceEnd::kOverMemory : InstanceEnd::kItself;
}

}  // namespace

struct Instance::State : std::enable_shared_from_this<Instance::State> {
  State(const InstanceContext& given, InstanceId id_, pid_t process, int pidfd_number)
      : context(given), id(id_), pid(process), pidfd(given.loop, pidfd_number), last_words(given.loop) {}

  InstanceContext context;
  InstanceId id;
  const pid_t pid;
  asio::posix::stream_descriptor pidfd;
  asio::steady_timer last_words;
  std::unique_ptr<controller::Link> link;
  std::unique_ptr<LineLog> lines;
  Ended ended;
  controller::StartTimes times;
  std::size_t kms_open = 0;
  int memory = -1;  // /proc/PID/status
  std::uint64_t resident_mib_max = 0;
  bool blob_open = false;
  bool said_hello = false;
  bool stopped = false, link_closed = false, reaped = false;
  controller::InstanceEnd how_it_ended = controller::InstanceEnd::kFromOutside;
  std::string why_it_ended;  // empty while it lives

  ~State() {
    if (memory >= 0) ::close(memory);
  }

  // held_mib is what the kernel says of the process (proc_pid_status(5)): present and swapped pages, the
  // tables of pages (which even pages of zeros that are only read take), and threads.
  std::uint64_t held_mib() const {
    char text[4096] = {};
    if (memory < 0 || ::pread(memory, text, sizeof text - 1, 0) <= 0) return 0;
    const auto number = [&](const char* name) {
      const char* const found = std::strstr(text, name);
      return found == nullptr ? 0 : std::strtoull(found + std::strlen(name), nullptr, 10);
    };
    return (number("\nVmRSS:") + number("\nVmSwap:") + number("\nVmPTE:") +
            number("\nThreads:") * kThreadKib) >>
           10;
  }

  void kill() {
    if (!reaped) ::syscall(SYS_pidfd_send_signal, pidfd.native_handle(), SIGKILL, nullptr, 0);
  }

  void wait_for_end() {
    pidfd.async_wait(asio::posix::descriptor_base::wait_read,
                     [self = shared_from_this()](boost::system::error_code error) {
                       if (!error) self->look_for_end();
                     });
  }

  // The report can be false, and Asio has made the descriptor non-blocking: to reap a process that lives
  // would fail, and look like its end.
  void look_for_end() {
    pollfd at_end{.fd = pidfd.native_handle(), .events = POLLIN, .revents = 0};
    if (::poll(&at_end, 1, 0) == 0) return wait_for_end();
    const ProcessEnd end = reap(pidfd.native_handle());
    reaped = true;
    lines->finish();
    say_why(how_of(end), "its process " + end.text());
    finish_when_silent();
  }

  // finish_when_silent reports the end once what the process said before it ended has been read; a stray
  // holder of the other end of the link delays that only a little.
  void finish_when_silent() {
    if (stopped || !reaped) return;
    if (link_closed) return finish();
    last_words.expires_after(kLastWordsWait);
    last_words.async_wait([self = shared_from_this()](boost::system::error_code) {
      if (!self->stopped) self->finish();
    });
  }

  // link_is_closed: a process that ends closes its link a little before; one that lives on has closed it
  // itself.
  void link_is_closed(std::string_view why) {
    link_closed = true;
    if (why == controller::Link::kBrokenFraming) {
      say_why(InstanceEnd::kBrokeProtocol, why);
      kill();
    }
    if (reaped) return finish_when_silent();
    last_words.expires_after(kEndAfterLink);
    last_words.async_wait([self = shared_from_this()](boost::system::error_code error) {
      if (error || self->reaped) return;
      self->say_why(InstanceEnd::kBrokeProtocol, "it closed its link");
      self->kill();
    });
  }

  void finish() {
    stopped = true;
    link->close();
    last_words.cancel();
    if (auto report = std::move(ended)) report(how_it_ended, why_it_ended);
  }

  // say_why keeps the first reason: what follows from it says less.
  void say_why(InstanceEnd how, std::string_view why) {
    if (!why_it_ended.empty()) return;
    how_it_ended = how;
    why_it_ended = why;
  }

  void violate(std::string_view why) {
    say_why(InstanceEnd::kBrokeProtocol, why);
    link->close();
    link_closed = true;
    kill();
  }

  void take(InstanceFrame type, Packet body) {
    if (times.spoke_ns == 0) times.spoke_ns = context.clock.monotonic_ns();
    switch (type) {
      case InstanceFrame::kOutput:
        return context.events->instance_output(id, std::move(body));
      case InstanceFrame::kEvent:
        return context.events->instance_event(id, std::move(body));
      case InstanceFrame::kReady:
        if (times.ready_ns != 0 || body.size() != 0) return violate("it was ready twice");
        times.ready_ns = context.clock.monotonic_ns();
        return context.events->instance_ready(id, times);
      case InstanceFrame::kRetire:
        if (body.size() != 0) return violate("it sent a long retirement");
        return context.events->instance_retires(id);
      case InstanceFrame::kRefusedEnvelope: {
        if (body.size() < 1) return violate("it sent a short refusal");
        const std::uint8_t code = body.view()[0];
        const bool known = code >= std::to_underlying(ErrorCode::kInvalid) &&
                           code <= std::to_underlying(ErrorCode::kInternal);
        if (!known) return violate("it sent an unknown refusal");
        return context.events->instance_refused(id, static_cast<ErrorCode>(code),
                                                clean_site(body.view().subspan(1)));
      }
      case InstanceFrame::kKmsRequest:
        return ask_kms(std::move(body));
      case InstanceFrame::kBlobRequest:
        return ask_store(body.view());
      default:
        return violate("it sent an unknown frame");
    }
  }

  void send(const wire::InstanceAssignment& assignment) {
    link->send(std::to_underlying(InstanceFrame::kAssign), {}, Packet::copy_of(wire::encode(assignment)));
  }

  // ask_store: any instance may ask for any blob: it is ciphertext under a name that cannot be guessed.
  void ask_store(ByteView key_bytes) {
    const auto key = controller::BlobKey::from(key_bytes);
    if (!key || blob_open) return violate(blob_open ? "it asked for two blobs at once" : "it named no blob");
    blob_open = true;
    context.store.get_blob(*key, [weak = weak_from_this()](Result<Packet> blob) {
      const auto self = weak.lock();
      if (!self || self->stopped || self->link_closed) return;
      self->blob_open = false;
      const std::array<std::uint8_t, 1> found{static_cast<std::uint8_t>(blob ? 1 : 0)};
      self->link->send(std::to_underlying(InstanceFrame::kBlob), found, blob ? std::move(*blob) : Packet());
    });
  }

  void ask_kms(Packet body) {
    if (body.size() < 1 || body.size() > kKmsQuestionSizeMax || kms_open >= kKmsQuestionsMax)
      return violate("it misused the way to the KMS");
    const std::uint8_t type = body.view()[0];
    if (!is_for_instances(type)) return violate("it asked the KMS what only an operator may");
    // A session for life: more would fill the table of sessions that all functions share.
    const bool hello = type == std::to_underlying(wire::KmsFrame::kHello);
    if (hello && std::exchange(said_hello, true))
      return violate("it asked for a second session with the KMS");
    body.drop_front(1);
    ++kms_open;
    context.kms.ask(std::to_underlying(id), type, std::move(body),
                    [weak = weak_from_this()](std::uint8_t answer_type, Packet answer) {
                      const auto self = weak.lock();
                      if (!self || self->stopped) return;
                      --self->kms_open;
                      if (self->times.ready_ns == 0)
                        self->times.session_ns = self->context.clock.monotonic_ns();
                      self->link->send(std::to_underlying(InstanceFrame::kKmsAnswer),
                                       ByteView(&answer_type, 1), std::move(answer));
                    });
  }
};

Result<std::unique_ptr<Instance>> Instance::start(const InstanceContext& context, InstanceId id,
                                                  std::uint64_t decided_ns,
                                                  const controller::InstanceSpec& spec, HostProcess process,
                                                  const wire::Handover& handover, Ended ended) {
  TRY(wire::send_handover(process.link(), handover));
  const std::uint64_t spawned_ns = std::max(decided_ns, process.spawned_ns());
  auto state = std::make_shared<State>(context, id, process.pid(), process.take_pidfd());
  state->times.decided_ns = decided_ns;
  state->times.spawned_ns = spawned_ns;
  state->memory = process.take_memory();
  state->resident_mib_max = spec.resident_mib_max;
  state->ended = std::move(ended);
  controller::LinkHandlers handlers;
  handlers.frame = [raw = state.get()](std::uint8_t type, Packet body) {
    raw->take(static_cast<InstanceFrame>(type), std::move(body));
  };
  handlers.closed = [raw = state.get()](std::string_view why) { raw->link_is_closed(why); };
  const std::size_t frame_size_max =
      wire::kHeaderSize +
      wire::padme(spec.assignment.payload_size_max + controller::kPayloadRoom + kLogSizeMax) + 4096;
  state->link = std::make_unique<controller::Link>(context.loop, process.take_link(), frame_size_max,
                                                   std::move(handlers));
  const bool generic = spec.assignment.function.is_zero();
  if (generic) {
    state->link->send(std::to_underlying(InstanceFrame::kPrewarm), {}, Packet());
  } else {
    state->send(spec.assignment);
  }
  state->lines = std::make_unique<LineLog>(
      context.loop, process.take_output(),
      (generic ? "generic instance " : "instance ") + std::to_string(std::to_underlying(id)) + ": ");
  state->wait_for_end();
  return std::unique_ptr<Instance>(new Instance(std::move(state)));
}

Instance::Instance(std::shared_ptr<State> state) : state_(std::move(state)) {}

Instance::~Instance() {
  state_->stopped = true;
  state_->link->close();
  state_->last_words.cancel();
  state_->kill();
}

pid_t Instance::process() const { return state_->pid; }

void Instance::check_memory() {
  if (state_->stopped || state_->reaped || state_->resident_mib_max == 0) return;
  const std::uint64_t held = state_->held_mib();
  if (held <= state_->resident_mib_max) return;
  state_->say_why(InstanceEnd::kOverMemory, "it held " + std::to_string(held) + " MiB, more than its limit");
  state_->kill();
}

void Instance::adopt(InstanceId id, controller::InstanceEvents& events, Ended ended,
                     const controller::InstanceSpec& spec) {
  const std::uint64_t now = state_->context.clock.monotonic_ns();
  state_->id = id;
  state_->context.events = &events;
  state_->ended = std::move(ended);
  state_->times = {now, now, now, now, now, true};
  state_->resident_mib_max = spec.resident_mib_max;
  state_->send(spec.assignment);
  asio::post(state_->context.loop, [weak = std::weak_ptr(state_)] {
    const auto state = weak.lock();
    if (state && !state->stopped) state->context.events->instance_ready(state->id, state->times);
  });
}

void Instance::run(Packet envelope) {
  state_->link->send(std::to_underlying(InstanceFrame::kEnvelope), {}, std::move(envelope));
}

}  // namespace clemmys::invoker
