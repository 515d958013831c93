// bench-open-loop: HTTPS load at a fixed rate, whether answers come or not. Requests start by a timetable,
// each on an idle connection of a pool; when none is idle the request is counted as unsent, because the
// client's side is full. When the timetable ends it waits for the answers that are missing. Prints JSON: what
// was offered and sent, and the fate of each request that was sent: answered with 200 (in time: goodput),
// refused with 503 or 429, otherwise answered, or not answered. The sum is what was sent, or it fails.
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/impl/src.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/ssl/impl/src.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/src.hpp>
#include <boost/beast/ssl.hpp>
#include <boost/json.hpp>
#include <chrono>
#include <iostream>
#include <vector>

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using Clock = std::chrono::steady_clock;
using Stream = asio::ssl::stream<asio::ip::tcp::socket>;

struct Options {
  std::string host = "127.0.0.1", path = "/", authorization, body = "{}";
  unsigned short port = 0;
  unsigned connections = 1'000;
  double rate = 1'000, seconds = 10, drain_seconds = 60;
};

// Kind of answers, and how long each of them took.
struct Answers {
  std::vector<std::uint32_t> took_us;
  void add(Clock::duration took) {
    took_us.push_back(
        static_cast<std::uint32_t>(std::chrono::duration_cast<std::chrono::microseconds>(took).count()));
  }
  boost::json::object summary() {
    std::ranges::sort(took_us);
    const auto at = [&](double share) {
      const auto place = static_cast<std::size_t>(share * static_cast<double>(took_us.size()));
      return took_us.empty() ? 0u : took_us[std::min(took_us.size() - 1, place)];
    };
    return {{"count", took_us.size()}, {"p50_us", at(0.5)}, {"p99_us", at(0.99)}, {"max_us", at(1)}};
  }
};

struct Load {
  const Options& options;
  asio::io_context& io;
  asio::ssl::context& tls;
  http::request<http::string_body> request{http::verb::post, options.path, 11};
  std::vector<asio::steady_timer*> idle;  // of the connections that wait for a request
  Clock::time_point end;
  std::uint64_t offered = 0, unsent = 0, others = 0, broken = 0;
  std::uint64_t open = 0, unanswered = 0;  // requests that wait; those whose connection broke
  unsigned connected = 0;
  bool began = false, ended = false;
  Answers good, refused, late_good, late_refused;  // late: after the timetable's end
  std::string first_other;
};

// Given is one request that the timetable gave to a connection; it is not answered until it says so.
struct Given {
  Load& load;
  bool answered = false;
  ~Given() { --load.open, load.unanswered += !answered; }
};

asio::awaitable<void> exchange(Load& load, Stream& stream, boost::beast::flat_buffer& buffer, bool& keep) {
  const auto begin = Clock::now();
  Given given{load};
  co_await http::async_write(stream, load.request, asio::use_awaitable);
  http::response<http::string_body> response;
  co_await http::async_read(stream, buffer, response, asio::use_awaitable);
  keep = response.keep_alive();
  given.answered = true;
  const auto now = Clock::now();
  const bool late = now > load.end;
  const unsigned status = response.result_int();
  if (status == 200) {
    (late ? load.late_good : load.good).add(now - begin);
  } else if (status == 503 || status == 429) {
    (late ? load.late_refused : load.refused).add(now - begin);
  } else if (load.others++ == 0) {
    load.first_other = std::to_string(status) + " " + response.body().substr(0, 300);
  }
}

// one_connection waits for requests that the timetable gives it, and opens itself again when it breaks.
asio::awaitable<void> one_connection(Load& load) {
  asio::steady_timer wanted(load.io);
  boost::system::error_code ignored;
  for (bool again = false; !load.ended; again = true) {
    if (again) {
      wanted.expires_after(std::chrono::milliseconds(50));
      co_await wanted.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
    }
    try {
      Stream stream(load.io, load.tls);
      co_await stream.next_layer().async_connect(
          {asio::ip::make_address(load.options.host), load.options.port}, asio::use_awaitable);
      stream.next_layer().set_option(asio::ip::tcp::no_delay(true));
      co_await stream.async_handshake(asio::ssl::stream_base::client, asio::use_awaitable);
      ++load.connected;
      boost::beast::flat_buffer buffer;
      for (bool keep = true; keep && !load.ended;) {
        wanted.expires_at(Clock::time_point::max());
        load.idle.push_back(&wanted);
        co_await wanted.async_wait(asio::redirect_error(asio::use_awaitable, ignored));
        co_await exchange(load, stream, buffer, keep);
      }
    } catch (const std::exception& problem) {
      if (load.ended) co_return;
      if (!load.began) continue;  // a handshake that took too long beside thousands of others: once more
      if (load.broken++ == 0 && load.first_other.empty()) load.first_other = problem.what();
    }
  }
}

asio::awaitable<void> timetable(Load& load) {
  asio::steady_timer timer(load.io);
  const auto sleep = [&](Clock::duration time) {
    timer.expires_after(time);
    return timer.async_wait(asio::use_awaitable);
  };
  const auto connecting_until = Clock::now() + std::chrono::seconds(60);
  while (load.connected < load.options.connections && Clock::now() < connecting_until)
    co_await sleep(std::chrono::milliseconds(10));
  load.began = true;
  const auto begin = Clock::now();
  load.end = begin +
             std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(load.options.seconds));
  while (Clock::now() < load.end) {
    co_await sleep(std::chrono::milliseconds(1));
    const double passed = std::chrono::duration<double>(Clock::now() - begin).count();
    while (static_cast<double>(load.offered) < passed * load.options.rate) {
      ++load.offered;
      if (load.idle.empty()) {
        ++load.unsent;
        continue;
      }
      ++load.open;
      load.idle.back()->cancel();
      load.idle.pop_back();
    }
  }
  load.ended = true;
  const auto drained_until = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                                std::chrono::duration<double>(load.options.drain_seconds));
  while (load.open != 0 && Clock::now() < drained_until) co_await sleep(std::chrono::milliseconds(10));
  load.io.stop();
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("HTTPS load at a fixed rate");
  app.add_option("--host", options.host, "IPv4 address");
  app.add_option("--port", options.port)->required();
  app.add_option("--path", options.path);
  app.add_option("--authorization", options.authorization, "value of the Authorization header");
  app.add_option("--body", options.body);
  app.add_option("--connections", options.connections, "size of the pool");
  app.add_option("--rate", options.rate, "requests per second")->check(CLI::PositiveNumber);
  app.add_option("--seconds", options.seconds)->check(CLI::PositiveNumber);
  app.add_option("--drain-seconds", options.drain_seconds, "how long to wait for the last answers")
      ->check(CLI::NonNegativeNumber);
  CLI11_PARSE(app, argc, argv);
  rlimit files{};
  if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
  }

  asio::io_context io(1);
  asio::ssl::context tls(asio::ssl::context::tls_client);
  tls.set_verify_mode(asio::ssl::verify_none);  // a load generator measures; it does not trust
  Load load{.options = options, .io = io, .tls = tls};
  load.request.set(http::field::host, options.host);
  load.request.set(http::field::content_type, "application/json");
  if (!options.authorization.empty()) load.request.set(http::field::authorization, options.authorization);
  load.request.body() = options.body;
  load.request.prepare_payload();
  for (unsigned i = 0; i < options.connections; ++i) asio::co_spawn(io, one_connection(load), asio::detached);
  asio::co_spawn(io, timetable(load), asio::detached);
  io.run();

  const std::uint64_t sent = load.offered - load.unsent;
  boost::json::object out{{"seconds", options.seconds},
                          {"connections", load.connected},
                          {"offered", load.offered},
                          {"unsent", load.unsent},
                          {"sent", sent},
                          {"goodput", static_cast<double>(load.good.took_us.size()) / options.seconds},
                          {"good", load.good.summary()},
                          {"refused", load.refused.summary()},
                          {"late_good", load.late_good.summary()},
                          {"late_refused", load.late_refused.summary()},
                          {"others", load.others},
                          {"unanswered", load.unanswered + load.open},
                          {"broken_connections", load.broken},
                          {"first_other", load.first_other}};
  std::cout << boost::json::serialize(out) << std::endl;
  const std::uint64_t fates = load.good.took_us.size() + load.refused.took_us.size() +
                              load.late_good.took_us.size() + load.late_refused.took_us.size() + load.others +
                              load.unanswered + load.open;
  const bool complete = fates == sent;
  if (!complete) std::cerr << sent << " requests were sent, and " << fates << " have a fate\n";
  std::_Exit(complete ? 0 : 1);  // connections are in the middle of something
}
