// An echo server for argv[1] connections at once, on four threads: says its port, serves until each has
// closed, says what it did.
#include <boost/asio.hpp>
#include <boost/asio/impl/src.hpp>
#include <cstdio>
#include <thread>

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

std::atomic<long> bytes{0}, open_now{0}, most_at_once{0}, closed{0};
long expected;
asio::io_context loop(4);

asio::awaitable<void> session(tcp::socket socket) {
  const long now = ++open_now;
  for (long most = most_at_once; now > most && !most_at_once.compare_exchange_weak(most, now);) {
  }
  char data[512];
  boost::system::error_code error;
  for (;;) {
    const std::size_t size =
        co_await socket.async_read_some(asio::buffer(data), asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
    co_await asio::async_write(socket, asio::buffer(data, size),
                               asio::redirect_error(asio::use_awaitable, error));
    if (error) break;
    bytes += static_cast<long>(size);
  }
  --open_now;
  if (++closed == expected) loop.stop();
}

asio::awaitable<void> listen(tcp::acceptor& acceptor) {
  for (;;) {
    tcp::socket socket = co_await acceptor.async_accept(asio::use_awaitable);
    asio::co_spawn(loop, session(std::move(socket)), asio::detached);
  }
}

}  // namespace

int main(int, char** argv) {
  expected = std::atol(argv[1]);
  tcp::acceptor acceptor(loop, {asio::ip::address_v4::loopback(), 0});
  acceptor.listen(2048);
  std::printf("%d\n", acceptor.local_endpoint().port());
  std::fflush(stdout);
  asio::co_spawn(loop, listen(acceptor), asio::detached);
  std::vector<std::jthread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back([&] { loop.run(); });
  loop.run();
  threads.clear();
  std::printf("echoed %ld bytes, at once %ld, closed %ld\n", bytes.load(), most_at_once.load(),
              closed.load());
  return 0;
}
