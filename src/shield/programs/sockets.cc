// An epoll server with Unix and TCP clients, eventfd, timerfd, pipe, poll, message calls.
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>
#include <thread>

namespace {

void exchange(int client) {
  std::string text(200000, 'a');
  for (std::size_t i = 0; i < text.size(); ++i) text[i] = static_cast<char>('a' + i % 26);
  std::thread writer([&] {
    for (std::size_t done = 0; done < text.size();) {
      const ssize_t step = send(client, text.data() + done, text.size() - done, 0);
      if (step <= 0) return;
      done += static_cast<std::size_t>(step);
    }
  });
  std::string back(text.size(), ' ');
  for (std::size_t done = 0; done < back.size();) {
    iovec parts[2] = {{back.data() + done, 1}, {back.data() + done + 1, back.size() - done - 1}};
    const ssize_t step = readv(client, parts, 2);
    if (step <= 0) break;
    done += static_cast<std::size_t>(step);
  }
  writer.join();
  std::printf("echo equal %d\n", text == back);
  shutdown(client, SHUT_WR);
  close(client);
}

void serve(int unix_listener, int tcp_listener, int stop) {
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  for (int descriptor : {unix_listener, tcp_listener, stop}) {
    epoll_event event{.events = EPOLLIN,
                      .data = {.u64 = 0xabcd000000000000u | static_cast<unsigned>(descriptor)}};
    epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
  }
  for (;;) {
    epoll_event events[16];
    const int count = epoll_wait(epoll, events, 16, -1);
    for (int i = 0; i < count; ++i) {
      const int descriptor = static_cast<int>(events[i].data.u64 & 0xffffffff);
      if (events[i].data.u64 >> 48 != 0xabcd) std::printf("wrong user data\n");
      if (descriptor == stop) return (void)close(epoll);
      if (descriptor == unix_listener || descriptor == tcp_listener) {
        const int accepted = accept4(descriptor, nullptr, nullptr, SOCK_CLOEXEC);
        epoll_event event{.events = EPOLLIN,
                          .data = {.u64 = 0xabcd000000000000u | static_cast<unsigned>(accepted)}};
        epoll_ctl(epoll, EPOLL_CTL_ADD, accepted, &event);
        continue;
      }
      char buffer[16384];
      const ssize_t got = recv(descriptor, buffer, sizeof buffer, 0);
      if (got <= 0) {
        close(descriptor);
        continue;
      }
      for (ssize_t done = 0; done < got;)
        done += write(descriptor, buffer + done, static_cast<std::size_t>(got - done));
    }
  }
}

void timers() {
  const int timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  const itimerspec when{{0, 0}, {0, 5'000'000}};
  timerfd_settime(timer, 0, &when, nullptr);
  pollfd entry{timer, POLLIN, 0};
  std::printf("timer ready %d", poll(&entry, 1, 2000));
  unsigned long expirations = 0;
  std::printf(", read %zd, fired %lu\n", read(timer, &expirations, 8), expirations);
  int ends[2];
  std::printf("pipe %d", pipe2(ends, O_CLOEXEC));
  std::printf(", write %zd", write(ends[1], "ab", 2));
  char two[2];
  std::printf(", read %zd %.2s\n", read(ends[0], two, 2), two);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc > 1) {  // a socket at a path
    const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0),
              client = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un named{};
    named.sun_family = AF_UNIX;
    std::snprintf(named.sun_path, sizeof named.sun_path, "%s", argv[1]);
    std::printf("named bind %d", bind(listener, reinterpret_cast<sockaddr*>(&named), sizeof named));
    std::printf(", listen %d", listen(listener, 1));
    std::printf(", connect %d\n", connect(client, reinterpret_cast<sockaddr*>(&named), sizeof named));
    close(client);
    close(listener);
  }
  const int unix_listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un unix_address{};
  unix_address.sun_family = AF_UNIX;  // autobind: an abstract name of the kernel's choice
  bind(unix_listener, reinterpret_cast<sockaddr*>(&unix_address), sizeof(sa_family_t));
  listen(unix_listener, 8);
  const int tcp_listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int one = 1;
  setsockopt(tcp_listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  std::printf("bind %d\n", bind(tcp_listener, reinterpret_cast<sockaddr*>(&address), sizeof address));
  listen(tcp_listener, 8);
  socklen_t size = sizeof address;
  getsockname(tcp_listener, reinterpret_cast<sockaddr*>(&address), &size);
  std::printf("family %d, size %u\n", address.sin_family, size);
  const int stop = eventfd(0, EFD_CLOEXEC);
  std::thread server(serve, unix_listener, tcp_listener, stop);

  const int tcp = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::printf("connect %d\n", connect(tcp, reinterpret_cast<sockaddr*>(&address), sizeof address));
  setsockopt(tcp, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  int value = 0;
  size = sizeof value;
  getsockopt(tcp, IPPROTO_TCP, TCP_NODELAY, &value, &size);
  std::printf("nodelay %d\n", value != 0);
  exchange(tcp);
  size = sizeof unix_address;
  getsockname(unix_listener, reinterpret_cast<sockaddr*>(&unix_address), &size);
  const int local = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::printf("connect %d\n", connect(local, reinterpret_cast<sockaddr*>(&unix_address), size));
  exchange(local);
  eventfd_write(stop, 1);
  server.join();
  timers();
  return 0;
}
