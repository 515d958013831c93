#include "gateway/controller_link.h"

#include <boost/asio/io_context.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <map>
#include <unordered_map>

#include "base/log.h"
#include "gateway/asio_await.h"
#include "gateway/open_runs.h"
#include "wire/frame.h"

namespace clemmys::gateway {
namespace asio = boost::asio;
namespace {

constexpr std::size_t kReadSize = 64u << 10, kUnsentMax = 512u << 20;
constexpr unsigned kCallTicks = 60;  // a call that is not answered for so many ticks has failed
constexpr auto kTick = std::chrono::milliseconds(1000);
// While the controller is away each worker tries this often: until then its kept notifications are here
// alone.
constexpr auto kReconnect = std::chrono::milliseconds(25);
constexpr std::size_t kKeptMax =
    64u << 20;  // bytes of notifications that the controller has not acknowledged

struct Call {
  OneShot<Result<Bytes>>* answer;
  unsigned ticks_left;
};

// Kept is a notification until the controller has acknowledged it.
struct Kept {
  wire::ControllerFrame type;
  Bytes body;
};

}  // namespace

struct SocketControllerLink::State : std::enable_shared_from_this<State> {
  State(asio::io_context& loop_of, std::string path_of, const TimeSource& time_of, Metrics& metrics_of)
      : loop(loop_of),
        path(std::move(path_of)),
        time(time_of),
        metrics(metrics_of),
        socket(loop_of),
        timer(loop_of) {}

  asio::io_context& loop;
  const std::string path;
  const TimeSource& time;
  Metrics& metrics;
  asio::local::stream_protocol::socket socket;
  asio::steady_timer timer;
  bool open = false, ended = false, ticking = false, flushing = false;
  std::uint64_t generation = 0;  // of the connection
  std::uint64_t last_number = 0;
  Bytes unsent, sending;
  std::unordered_map<std::uint64_t, Call> calls;
  OpenRuns runs;
  std::map<std::uint64_t, Kept> kept;  // by number: in the order in which they were given
  std::size_t kept_size = 0;
  std::vector<std::function<void()>> when_sent;

  Status connect() {
    boost::system::error_code error;
    socket = asio::local::stream_protocol::socket(loop);
    socket.connect(asio::local::stream_protocol::endpoint(path), error);
    if (error) return Error{ErrorCode::kUnavailable, "gateway.controller.connect"};
    open = true;
    ++generation;
    spawn(read(shared_from_this()));
    if (!std::exchange(ticking, true)) spawn(tick(shared_from_this()));
    for (const auto& [number, notification] : kept) send(number, notification.type, notification.body);
    return {};
  }

  std::uint64_t send(wire::ControllerFrame type, ByteView body, ByteView prefix = {}) {
    send(++last_number, type, body, prefix);
    return last_number;
  }

  void send(std::uint64_t number, wire::ControllerFrame type, ByteView body, ByteView prefix = {}) {
    const std::size_t length = 1 + 8 + prefix.size() + body.size();
    const auto put = [&](std::uint64_t value, int size) {
      for (int i = 0; i < size; ++i) unsent.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
    };
    put(length, 4);
    put(static_cast<std::uint8_t>(type), 1);
    put(number, 8);
    unsent.insert(unsent.end(), prefix.begin(), prefix.end());
    unsent.insert(unsent.end(), body.begin(), body.end());
    if (!std::exchange(flushing, true)) asio::post(loop, [self = shared_from_this()] { spawn(flush(self)); });
  }

  void keep(wire::ControllerFrame type, Bytes body) {
    if (kept_size + body.size() > kKeptMax || body.size() >= wire::kFrameSizeMax - 16)
      return metrics.records_unstored.add();
    const std::uint64_t number = ++last_number;
    if (can_send(body.size())) send(number, type, body);
    kept_size += body.size();
    kept.emplace(number, Kept{type, std::move(body)});
  }

  // acknowledged is whether a notification by this number was kept until now.
  bool acknowledged(std::uint64_t number) {
    const auto entry = kept.extract(number);
    if (entry) kept_size -= entry.mapped().body.size();
    return !entry.empty();
  }

  void run_when_sent() {
    for (const auto& function : std::exchange(when_sent, {})) function();
  }

  bool can_send(std::size_t size) const {
    return open && unsent.size() + size < kUnsentMax && size < wire::kFrameSizeMax - 64;
  }

  static Task<void> flush(std::shared_ptr<State> self) {
    const std::uint64_t generation = self->generation;
    while (self->open && self->generation == generation && !self->unsent.empty()) {
      self->sending.swap(self->unsent);
      self->unsent.clear();
      const IoResult sent = co_await IoAwait([&](auto handler) {
        asio::async_write(self->socket, asio::buffer(self->sending), std::move(handler));
      });
      if (sent.error && self->generation == generation) break;  // the reader notices, too
    }
    self->flushing = false;
    if (self->unsent.empty()) self->run_when_sent();
    if (self->open && !self->unsent.empty() && !std::exchange(self->flushing, true)) spawn(flush(self));
  }

  static Task<void> read(std::shared_ptr<State> self) {
    wire::FrameBuffer frames;
    Bytes chunk(kReadSize);
    for (;;) {
      const IoResult got = co_await IoAwait(
          [&](auto handler) { self->socket.async_read_some(asio::buffer(chunk), std::move(handler)); });
      if (got.error) break;
      frames.feed(ByteView(chunk).first(got.size));
      bool good = true;
      for (;;) {
        auto frame = frames.next();
        good = frame.has_value();
        if (!good || !*frame) break;
        self->take(**frame);
      }
      if (!good) {
        log_warning("gateway.controller.framing");
        break;
      }
    }
    self->disconnected();
  }

  void take(const wire::Frame& frame) {
    Reader reader(frame.body);
    const std::uint64_t number = reader.u64();
    const ByteView body = reader.rest();
    const auto type = static_cast<wire::ControllerFrame>(frame.type);
    if (!reader.ok()) return;
    switch (type) {
      case wire::ControllerFrame::kEvent:
        if (auto found = runs.find(number); found != runs.end()) found->second->on_event(body);
        return;
      case wire::ControllerFrame::kDone:
      case wire::ControllerFrame::kFailed:
        if (const auto run = take_run(runs, number)) run->on_end(type, body);
        return;
      case wire::ControllerFrame::kOk:
      case wire::ControllerFrame::kRecords:
        if (acknowledged(number)) return;
        if (auto entry = calls.extract(number)) entry.mapped().answer->set(to_bytes(body));
        return;
      case wire::ControllerFrame::kError: {
        const std::uint8_t code = body.empty() ? 0 : body[0];
        Error error{code == 0 || code > static_cast<std::uint8_t>(ErrorCode::kInternal)
                        ? ErrorCode::kInternal
                        : static_cast<ErrorCode>(code),
                    "gateway.controller.error"};
        if (auto entry = calls.extract(number)) {
          entry.mapped().answer->set(std::move(error));
        } else if (const auto run = take_run(runs, number)) {
          run->on_end(wire::ControllerFrame::kFailed,
                      wire::encode(wire::PlatformError{.code = wire::PlatformErrorCode::kRefused}));
        } else if (acknowledged(number)) {
          metrics.records_unstored.add();
        }
        return;
      }
      default:
        return;
    }
  }

  // disconnected ends what waited: nobody can answer it any more, and no envelope is sent twice.
  // Notifications are kept for the next connection.
  void disconnected() {
    open = false;
    timer.cancel();  // the tick is to reconnect
    boost::system::error_code ignored;
    socket.close(ignored);
    unsent.clear();
    auto lost_runs = std::exchange(runs, {});
    auto lost_calls = std::exchange(calls, {});
    if (!ended) log_warning("gateway.controller.disconnected");
    const Bytes shutdown = wire::encode(wire::PlatformError{.code = wire::PlatformErrorCode::kShutdown});
    for (auto& [number, call] : lost_calls)
      call.answer->set(Error{ErrorCode::kUnavailable, "gateway.controller.lost"});
    for (auto& [number, run] : lost_runs) run->on_end(wire::ControllerFrame::kFailed, shutdown);
    run_when_sent();
  }

  static Task<void> tick(std::shared_ptr<State> self) {
    const Bytes timed_out = wire::encode(wire::PlatformError{.code = wire::PlatformErrorCode::kTimeout});
    while (!self->ended) {
      self->timer.expires_after(self->open ? kTick : kReconnect);
      co_await IoAwait([&](auto handler) { self->timer.async_wait(std::move(handler)); });
      if (self->ended) break;
      if (!self->open) {
        if (auto connected = self->connect(); !connected) continue;
        self->metrics.controller_reconnects.add();
      }
      const std::uint64_t now = self->time.unix_ms();
      std::vector<std::pair<std::uint64_t, std::shared_ptr<RunListener>>> all(self->runs.begin(),
                                                                              self->runs.end());
      for (auto& [number, run] : all) {
        if (run->on_tick(now)) continue;
        if (self->runs.erase(number) > 0) run->on_end(wire::ControllerFrame::kFailed, timed_out);
      }
      std::vector<OneShot<Result<Bytes>>*> late;
      for (auto at = self->calls.begin(); at != self->calls.end();) {
        if (at->second.ticks_left-- > 0) {
          ++at;
          continue;
        }
        late.push_back(at->second.answer);
        at = self->calls.erase(at);
      }
      for (OneShot<Result<Bytes>>* call : late)
        call->set(Error{ErrorCode::kUnavailable, "gateway.controller.silent"});
    }
  }
};

SocketControllerLink::SocketControllerLink(asio::io_context& loop, std::string socket_path,
                                           const TimeSource& time, Metrics& metrics)
    : state_(std::make_shared<State>(loop, std::move(socket_path), time, metrics)) {}
SocketControllerLink::~SocketControllerLink() { close(); }

Status SocketControllerLink::connect() { return state_->connect(); }

void SocketControllerLink::close() {
  if (std::exchange(state_->ended, true)) return;
  boost::system::error_code ignored;
  state_->timer.cancel();
  state_->socket.close(ignored);
}

Task<Result<Bytes>> SocketControllerLink::call(wire::ControllerFrame type, Bytes body) {
  if (!state_->can_send(body.size())) co_return Error{ErrorCode::kUnavailable, "gateway.controller.away"};
  OneShot<Result<Bytes>> answer;
  state_->calls.emplace(state_->send(type, body), Call{&answer, kCallTicks});
  body = {};
  co_return co_await answer;
}

void SocketControllerLink::notify(wire::ControllerFrame type, Bytes body) {
  state_->keep(type, std::move(body));
}

void SocketControllerLink::when_sent(std::function<void()> then) {
  if (!state_->open || (state_->unsent.empty() && !state_->flushing)) return then();
  state_->when_sent.push_back(std::move(then));
}

Status SocketControllerLink::run(const NamespaceId& owner, ByteView envelope,
                                 std::shared_ptr<RunListener> listener) {
  if (!state_->can_send(envelope.size())) return Error{ErrorCode::kUnavailable, "gateway.controller.away"};
  state_->runs.emplace(state_->send(wire::ControllerFrame::kRun, envelope, owner.view()),
                       std::move(listener));
  return {};
}

}  // namespace clemmys::gateway
