// Asio as the gateway uses it: coroutines on several threads, TCP, timers.
#include <boost/asio.hpp>
#include <boost/asio/impl/src.hpp>
#include <cstdio>
#include <thread>

namespace asio = boost::asio;
using asio::ip::tcp;

namespace {

asio::awaitable<void> session(tcp::socket socket) {
  char data[1024];
  boost::system::error_code error;
  for (;;) {
    const std::size_t size =
        co_await socket.async_read_some(asio::buffer(data), asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    co_await asio::async_write(socket, asio::buffer(data, size), asio::use_awaitable);
  }
}

asio::awaitable<void> listener(tcp::acceptor& acceptor) {
  boost::system::error_code error;
  for (;;) {
    tcp::socket socket = co_await acceptor.async_accept(asio::redirect_error(asio::use_awaitable, error));
    if (error) co_return;
    asio::co_spawn(socket.get_executor(), session(std::move(socket)), asio::detached);
  }
}

asio::awaitable<void> client(tcp::endpoint endpoint, std::atomic<int>& echoed) {
  tcp::socket socket(co_await asio::this_coro::executor);
  co_await socket.async_connect(endpoint, asio::use_awaitable);
  for (int i = 0; i < 50; ++i) {
    const std::string text = "message " + std::to_string(i);
    co_await asio::async_write(socket, asio::buffer(text), asio::use_awaitable);
    std::string back(text.size(), ' ');
    co_await asio::async_read(socket, asio::buffer(back), asio::use_awaitable);
    echoed += text == back;
  }
}

}  // namespace

int main() {
  asio::io_context context(4);
  tcp::acceptor acceptor(context, {asio::ip::address_v4::loopback(), 0});
  asio::co_spawn(context, listener(acceptor), asio::detached);
  std::atomic<int> echoed{0}, clients{8};
  for (int i = 0; i < 8; ++i) {
    asio::co_spawn(context, client(acceptor.local_endpoint(), echoed), [&](std::exception_ptr) {
      if (--clients == 0) acceptor.close();
    });
  }
  asio::steady_timer timer(context, std::chrono::milliseconds(20));
  bool fired = false;
  timer.async_wait([&](boost::system::error_code) { fired = true; });
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) threads.emplace_back([&] { context.run(); });
  context.run();
  for (auto& thread : threads) thread.join();
  std::printf("echoed %d, timer %d\n", echoed.load(), fired);
  return 0;
}
