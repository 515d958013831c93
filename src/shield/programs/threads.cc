// Threads under contention: mutex, condition variable with and without time limits, join, thread-local
// destructors, slots used again, vector registers that survive calls.
#include <pthread.h>
#include <sys/prctl.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <mutex>
#include <queue>
#include <shared_mutex>
#include <thread>
#include <vector>

namespace {

std::atomic<int> destroyed{0};
struct Local {
  int value = 1;
  ~Local() { ++destroyed; }
};
thread_local Local local;

void counter() {
  std::mutex mutex;
  long count = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 7; ++i) {
    threads.emplace_back([&] {
      for (int k = 0; k < 20000; ++k) {
        std::lock_guard lock(mutex);
        count += local.value;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  std::printf("counted %ld, %d locals destroyed\n", count, destroyed.load());
}

void queue() {
  std::mutex mutex;
  std::condition_variable changed;
  std::queue<int> items;
  long sum = 0;
  std::vector<std::thread> consumers;
  for (int i = 0; i < 4; ++i) {
    consumers.emplace_back([&] {
      for (;;) {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return !items.empty(); });
        const int item = items.front();
        items.pop();
        if (item < 0) return;
        sum += item;
      }
    });
  }
  for (int i = 1; i <= 5000; ++i) {
    std::lock_guard lock(mutex);
    items.push(i);
    changed.notify_one();
  }
  {
    std::lock_guard lock(mutex);
    for (int i = 0; i < 4; ++i) items.push(-1);
  }
  changed.notify_all();
  for (auto& consumer : consumers) consumer.join();
  std::printf("queue sum %ld\n", sum);
}

void time_limit() {
  std::mutex mutex;
  std::condition_variable never;
  std::unique_lock lock(mutex);
  const auto begin = std::chrono::steady_clock::now();
  const bool timed_out = never.wait_for(lock, std::chrono::milliseconds(30)) == std::cv_status::timeout;
  const auto took = std::chrono::steady_clock::now() - begin;
  std::printf("timed out %d, after at least 30 ms %d\n", timed_out, took >= std::chrono::milliseconds(30));
  std::this_thread::sleep_for(std::chrono::milliseconds(5));
}

void reuse() {
  int ran = 0;
  for (int i = 0; i < 200; ++i) {
    std::thread thread([&] { ++ran; });
    thread.join();
  }
  std::printf("ran %d threads one after another\n", ran);
}

void vectors() {
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      double state[8];
      for (int i = 0; i < 8; ++i) state[i] = t + i * 0.5;
      for (int k = 0; k < 2000; ++k) {
        for (double& value : state) value = value * 1.0000001 + 0.25;
        if (k % 100 == 0) std::this_thread::yield();
      }
      double expected[8];
      for (int i = 0; i < 8; ++i) expected[i] = t + i * 0.5;
      for (int k = 0; k < 2000; ++k) {
        for (double& value : expected) value = value * 1.0000001 + 0.25;
      }
      for (int i = 0; i < 8; ++i) wrong += state[i] != expected[i];
    });
  }
  for (auto& thread : threads) thread.join();
  std::printf("vector registers wrong: %d\n", wrong.load());
}

}  // namespace

void names() {
  char name[16] = "";
  prctl(PR_SET_NAME, "first of them all");
  std::thread([&] {
    pthread_getname_np(pthread_self(), name, sizeof name);
    std::printf("inherits \"%s\"\n", name);
    pthread_setname_np(pthread_self(), "second");
    prctl(PR_GET_NAME, name);
    std::printf("is called \"%s\"\n", name);
  }).join();
  prctl(PR_GET_NAME, name);
  errno = 0;
  std::printf("still \"%s\", unknown option %d %d\n", name, prctl(987654321), errno == EINVAL);
}

int main() {
  counter();
  queue();
  time_limit();
  reuse();
  vectors();
  names();
  return 0;
}
