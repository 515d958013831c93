// startup TOUCH_MIB THREADS [twice | again]: a program that says when it runs, takes memory, starts threads.
// twice: it gives the memory back and takes it again. again: so, and before each step it tells the host where
// its memory lies, and afterwards whether that was changed. Every new page must read as zero. The same output
// whatever brings the memory.
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#include <atomic>
#include <cstdio>
#include <string_view>
#include <thread>
#include <vector>

namespace {

double now_ms() {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);
  return static_cast<double>(time.tv_sec) * 1e3 + static_cast<double>(time.tv_nsec) * 1e-6;
}

// touch writes one word of every page, in order, and returns how many were not zero before.
unsigned long touch(volatile unsigned long* memory, std::size_t size) {
  unsigned long dirty = 0;
  for (std::size_t at = 0; at < size; at += 4096) {
    dirty += memory[at / sizeof(unsigned long)] != 0;
    memory[at / sizeof(unsigned long)] = at + 1;
  }
  return dirty;
}

volatile unsigned long* take(std::size_t size) {
  void* memory = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    std::printf("no memory\n");
    std::exit(3);
  }
  return static_cast<volatile unsigned long*>(memory);
}

// changed counts the pages that are not as touch left them, and writes to each.
unsigned long changed(volatile unsigned long* memory, std::size_t size) {
  unsigned long count = 0;
  for (std::size_t at = 0; at < size; at += 4096) {
    count += memory[at / sizeof(unsigned long)] != at + 1;
    memory[at / sizeof(unsigned long)] = at;
  }
  return count;
}

void tell(const char* what, const volatile void* memory) {
  std::printf("%s at %p\n", what, const_cast<const void*>(memory));
  std::fflush(stdout);
}

void give_back(volatile unsigned long* memory, std::size_t size) {
  munmap(const_cast<unsigned long*>(memory), size);
}

}  // namespace

int main(int argc, char** argv) {
  std::printf("started\n");
  std::fflush(stdout);
  if (argc < 3) return 2;
  const std::size_t size = strtoul(argv[1], nullptr, 10) << 20;
  const std::string_view mode = argc > 3 ? argv[3] : "";
  double begin = now_ms();
  if (size > 0) {
    volatile unsigned long* memory = take(size);
    std::printf("pages that were not zero: %lu\n", touch(memory, size));
    if (mode == "again") {
      tell("touched", memory);
      std::printf("pages that changed: %lu\n", changed(memory, size));
    }
    if (!mode.empty()) give_back(memory, size);
    if (mode == "again") tell("freed", memory);
    const std::size_t more = mode == "again" ? 2 * size : size;  // kept pages, and as many new ones
    if (!mode.empty())
      std::printf("pages that were not zero the second time: %lu\n", touch(take(more), more));
  }
  std::fprintf(stderr, "touched in %.3f ms\n", now_ms() - begin);
  begin = now_ms();
  std::atomic<int> ran{0};
  std::vector<std::thread> threads;
  const int count = atoi(argv[2]) - 1;
  for (int i = 0; i < count; ++i) {
    threads.emplace_back([&] {
      ++ran;
      while (ran < count) std::this_thread::yield();  // all at once
    });
  }
  for (auto& thread : threads) thread.join();
  std::fprintf(stderr, "threads in %.3f ms\n", now_ms() - begin);
  std::printf("threads that ran at once: %d\n", ran.load() + 1);
}
