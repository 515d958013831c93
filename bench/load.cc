// load.cc: a closed-loop load generator over TLS 1.3 with keep-alive: each connection sends the next request
// when the answer to the last one is complete. wrk gives rates; this gives latencies, which wrk 4.1 gets
// wrong. One thread. Prints one JSON object: requests, errors, seconds, rate, p50_us, p90_us, p99_us, max_us.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/impl/src.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
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
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using Clock = std::chrono::steady_clock;
using Stream = asio::ssl::stream<asio::ip::tcp::socket>;

struct Options {
  std::string host = "127.0.0.1", path = "/", authorization, body = "{\"name\":\"World\"}", body_file,
              content_type = "application/json";
  std::string expect;
  unsigned short port = 0;
  unsigned connections = 1;
  double seconds = 10, warmup_seconds = 2, rate = 0;
  std::uint64_t requests = 0;
};

struct Tally {
  std::vector<std::uint32_t> latencies_us;
  std::uint64_t errors = 0;
  std::string first_error;
  Clock::time_point measure_from, stop_at;
  std::uint64_t started = 0;
};

void note_error(Tally& tally, std::string text) {
  if (tally.errors++ == 0) tally.first_error = std::move(text);
}

// one_connection repeats the request until the time is over; a broken connection is an error and is opened
// again.
asio::awaitable<void> one_connection(const Options& options, asio::ssl::context& tls, Tally& tally,
                                     unsigned index) {
  auto executor = co_await asio::this_coro::executor;
  const asio::ip::tcp::endpoint endpoint(asio::ip::make_address(options.host), options.port);
  http::request<http::string_body> request(http::verb::post, options.path, 11);
  request.set(http::field::host, options.host);
  request.set(http::field::content_type, options.content_type);
  if (!options.authorization.empty()) request.set(http::field::authorization, options.authorization);
  request.body() = options.body;
  request.prepare_payload();
  // With a fixed rate each connection keeps its own timetable, so that a slow answer delays only itself.
  const auto interval = options.rate > 0 ? std::chrono::duration<double>(options.connections / options.rate)
                                         : std::chrono::duration<double>(0);
  auto next =
      Clock::now() + std::chrono::duration_cast<Clock::duration>(interval * index / options.connections);
  asio::steady_timer timer(executor);
  auto more = [&] {
    return Clock::now() < tally.stop_at && (options.requests == 0 || tally.started < options.requests);
  };
  while (more()) {
    bool broken = false;
    try {
      Stream stream(executor, tls);
      co_await stream.next_layer().async_connect(endpoint, asio::use_awaitable);
      stream.next_layer().set_option(asio::ip::tcp::no_delay(true));
      co_await stream.async_handshake(asio::ssl::stream_base::client, asio::use_awaitable);
      boost::beast::flat_buffer buffer;
      while (more()) {
        if (options.rate > 0) {
          timer.expires_at(next);
          co_await timer.async_wait(asio::use_awaitable);
          next += std::chrono::duration_cast<Clock::duration>(interval);
        }
        ++tally.started;
        const auto begin = Clock::now();
        co_await http::async_write(stream, request, asio::use_awaitable);
        http::response_parser<http::string_body> parser;
        parser.body_limit(256u << 20);
        co_await http::async_read(stream, buffer, parser, asio::use_awaitable);
        const auto end = Clock::now();
        const auto& response = parser.get();
        if (response.result_int() != 200) {
          note_error(tally, "status " + std::to_string(response.result_int()) + ": " +
                                response.body().substr(0, 300));
        } else if (!options.expect.empty() && response.body() != options.expect) {
          note_error(tally, "wrong answer: " + response.body().substr(0, 300));
        } else if (end >= tally.measure_from) {
          tally.latencies_us.push_back(static_cast<std::uint32_t>(
              std::chrono::duration_cast<std::chrono::microseconds>(end - begin).count()));
        }
        if (!response.keep_alive()) break;
      }
    } catch (const std::exception& problem) {
      note_error(tally, problem.what());
      broken = true;
    }
    if (broken) {
      timer.expires_after(std::chrono::milliseconds(50));
      co_await timer.async_wait(asio::use_awaitable);
    }
  }
}

std::uint32_t percentile(const std::vector<std::uint32_t>& sorted, double share) {
  if (sorted.empty()) return 0;
  return sorted[std::min(sorted.size() - 1,
                         static_cast<std::size_t>(share * static_cast<double>(sorted.size())))];
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Closed-loop HTTPS load generator");
  app.add_option("--host", options.host, "IPv4 address");
  app.add_option("--port", options.port)->required();
  app.add_option("--path", options.path);
  app.add_option("--authorization", options.authorization, "value of the Authorization header");
  app.add_option("--body", options.body);
  app.add_option("--body-file", options.body_file);
  app.add_option("--content-type", options.content_type);
  app.add_option("--connections", options.connections);
  app.add_option("--seconds", options.seconds);
  app.add_option("--warmup-seconds", options.warmup_seconds);
  app.add_option("--requests", options.requests, "stop after this many (0: only by time)");
  app.add_option("--rate", options.rate, "requests per second in all; 0: as fast as answers come");
  app.add_option("--expect", options.expect, "the exact answer; any other one is an error");
  CLI11_PARSE(app, argc, argv);
  if (!options.body_file.empty()) {
    std::ifstream file(options.body_file, std::ios::binary);
    if (!file) {
      std::cerr << "cannot read " << options.body_file << "\n";
      return 2;
    }
    options.body.assign(std::istreambuf_iterator<char>(file), {});
  }

  asio::io_context io(1);
  asio::ssl::context tls(asio::ssl::context::tls_client);
  tls.set_verify_mode(asio::ssl::verify_none);  // a load generator measures; it does not trust
  Tally tally;
  tally.measure_from = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                          std::chrono::duration<double>(options.warmup_seconds));
  tally.stop_at = tally.measure_from +
                  std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(options.seconds));
  for (unsigned i = 0; i < options.connections; ++i) {
    asio::co_spawn(io, one_connection(options, tls, tally, i), asio::detached);
  }
  io.run();
  const double seconds = std::chrono::duration<double>(Clock::now() - tally.measure_from).count();
  auto& latencies = tally.latencies_us;
  std::sort(latencies.begin(), latencies.end());
  boost::json::object out{{"requests", latencies.size()},
                          {"errors", tally.errors},
                          {"seconds", seconds},
                          {"rate", static_cast<double>(latencies.size()) / seconds},
                          {"p50_us", percentile(latencies, 0.50)},
                          {"p90_us", percentile(latencies, 0.90)},
                          {"p99_us", percentile(latencies, 0.99)},
                          {"max_us", latencies.empty() ? 0u : latencies.back()}};
  if (tally.errors > 0) out["first_error"] = tally.first_error;
  std::cout << boost::json::serialize(out) << "\n";
  return tally.errors == 0 ? 0 : 1;
}
