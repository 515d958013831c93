// Everything at once on six threads: mappings that must come back zeroed, allocation, socket pairs, epoll
// data, short-lived threads, futures. Each check that fails counts.
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <future>
#include <random>
#include <string>
#include <thread>
#include <vector>

namespace {

bool mapping(std::mt19937& random) {
  constexpr std::size_t kPage = 4096;
  const std::size_t size = (random() % 300 + 2) * kPage, half = size / 2 / kPage * kPage;
  auto* map =
      static_cast<char*>(mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (map == MAP_FAILED) return false;
  bool zero = true;
  for (std::size_t i = 0; i < size; i += kPage) zero = zero && map[i] == 0, map[i] = 1;
  if (random() % 2 == 0) return zero && munmap(map, size) == 0;
  return zero && munmap(map + half, size - half) == 0 && munmap(map, half) == 0;
}

bool strings(std::mt19937& random) {
  std::vector<std::string> texts;
  for (int i = 0; i < 200; ++i) texts.emplace_back(random() % 5000, 'x');
  return std::ranges::all_of(texts, [](const std::string& text) {
    return std::ranges::count(text, 'x') == static_cast<long>(text.size());
  });
}

bool sockets(std::mt19937& random) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return false;
  std::string text(3000, static_cast<char>(random())), back(text.size(), ' ');
  const bool equal = write(ends[0], text.data(), text.size()) == 3000 &&
                     read(ends[1], back.data(), back.size()) == 3000 && text == back;
  close(ends[0]);
  const bool ended = read(ends[1], back.data(), 1) == 0;
  close(ends[1]);
  return equal && ended;
}

bool events(std::mt19937& random) {
  const int epoll = epoll_create1(EPOLL_CLOEXEC), counter = eventfd(0, EFD_CLOEXEC);
  const std::uint64_t data = std::uint64_t{random()} << 32 | random();
  epoll_event event{.events = EPOLLIN, .data = {.u64 = data}}, out[4];
  epoll_ctl(epoll, EPOLL_CTL_ADD, counter, &event);
  eventfd_write(counter, 1);
  const bool came = epoll_wait(epoll, out, 4, -1) == 1 && out[0].data.u64 == data;
  close(counter);
  const bool gone = epoll_wait(epoll, out, 4, 0) == 0;
  close(epoll);
  return came && gone;
}

bool threads() {
  std::promise<int> promise;
  auto future = promise.get_future();
  std::thread thread([&] { promise.set_value(5); });
  const bool got = future.get() == 5;
  thread.join();
  return got;
}

bool reallocation(std::mt19937& random) {
  const std::size_t size = random() % 400000 + 1;
  auto* block = static_cast<unsigned char*>(std::malloc(size));
  std::memset(block, 7, size);
  block = static_cast<unsigned char*>(std::realloc(block, size * 10));
  const bool kept = block[0] == 7 && block[size - 1] == 7;
  std::free(block);
  return kept;
}

}  // namespace

int main() {
  std::atomic<int> failed{0};
  std::vector<std::thread> workers;
  for (unsigned seed = 1; seed <= 6; ++seed) {
    workers.emplace_back([&, seed] {
      std::mt19937 random(seed);
      for (int i = 0; i < 400; ++i) {
        switch (random() % 6) {
          case 0:
            failed += !mapping(random);
            break;
          case 1:
            failed += !strings(random);
            break;
          case 2:
            failed += !sockets(random);
            break;
          case 3:
            failed += !events(random);
            break;
          case 4:
            failed += !threads();
            break;
          default:
            failed += !reallocation(random);
        }
      }
    });
  }
  for (auto& worker : workers) worker.join();
  std::printf("failed %d\n", failed.load());
  return 0;
}
