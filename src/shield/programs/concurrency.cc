// Threads: eight of them over every primitive of C++20 and C11, with contention; what each counts must come
// out exactly.
#include <threads.h>

#include <atomic>
#include <barrier>
#include <condition_variable>
#include <cstdio>
#include <future>
#include <latch>
#include <mutex>
#include <queue>
#include <semaphore>
#include <shared_mutex>
#include <stop_token>
#include <thread>
#include <vector>

namespace {

constexpr int kThreads = 8, kRounds = 20000;
std::atomic<int> ended_threads{0};

struct CountsItsEnd {
  int value = 0;
  ~CountsItsEnd() { ended_threads += value > 0; }
};
thread_local CountsItsEnd at_end;

template <typename Body>
void on_eight_threads(Body body) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < kThreads - 1; ++i) threads.emplace_back([&body, i] { body(i); });
  body(kThreads - 1);
}

long contended() {
  std::mutex mutex;
  std::shared_mutex shared;
  std::counting_semaphore<3> slots(3);
  std::atomic<long> counter{0};
  long guarded = 0, both = 0;
  on_eight_threads([&](int index) {
    at_end.value = index + 1;
    for (int i = 0; i < kRounds; ++i) {
      ++counter;
      const std::lock_guard lock(mutex);
      ++guarded;
      if (i % 64 == 0) {
        slots.acquire();
        const std::unique_lock writer(shared);
        ++both;
        slots.release();
      } else if (i % 8 == 0) {
        const std::shared_lock reader(shared);
        if (both < 0) counter = -1;
      }
    }
  });
  return counter + guarded + both;
}

long phases() {
  std::atomic<int> arrivals{0};
  std::vector<int> seen;
  std::barrier barrier(kThreads, [&]() noexcept { seen.push_back(arrivals); });
  std::latch ready(kThreads);
  on_eight_threads([&](int) {
    ready.arrive_and_wait();
    for (int i = 0; i < 50; ++i) {
      ++arrivals;
      barrier.arrive_and_wait();
    }
  });
  long sum = 0;
  for (const int value : seen) sum += value;
  return sum;
}

long producer_consumer() {
  std::mutex mutex;
  std::condition_variable not_empty, not_full;
  std::queue<int> queue;
  long sum = 0;
  std::vector<std::jthread> consumers;
  for (int i = 0; i < 3; ++i) {
    consumers.emplace_back([&] {
      for (;;) {
        std::unique_lock lock(mutex);
        not_empty.wait(lock, [&] { return !queue.empty(); });
        const int value = queue.front();
        queue.pop();
        if (value < 0) return;
        sum += value;
        not_full.notify_one();
      }
    });
  }
  for (int i = 0; i < 5000; ++i) {
    std::unique_lock lock(mutex);
    not_full.wait(lock, [&] { return queue.size() < 8; });
    queue.push(i);
    not_empty.notify_one();
  }
  for (int i = 0; i < 3; ++i) {
    const std::lock_guard lock(mutex);
    queue.push(-1);
    not_empty.notify_all();
  }
  consumers.clear();
  return sum;
}

int ping_pong() {
  std::atomic<int> ball{0};
  std::jthread other([&] {
    for (int i = 0; i < 500; ++i) {
      ball.wait(0);
      ball = 0;
      ball.notify_one();
    }
  });
  for (int i = 0; i < 500; ++i) {
    ball = 1;
    ball.notify_one();
    ball.wait(1);
  }
  return ball;
}

int c_threads() {
  mtx_t mutex;
  mtx_init(&mutex, mtx_plain);
  static int counter;
  static mtx_t* shared = &mutex;
  counter = 0;
  thrd_t threads[4];
  for (auto& thread : threads) {
    thrd_create(
        &thread,
        [](void*) {
          for (int i = 0; i < 1000; ++i) mtx_lock(shared), ++counter, mtx_unlock(shared);
          return 5;
        },
        nullptr);
  }
  int results = 0;
  for (auto& thread : threads) {
    int result = 0;
    thrd_join(thread, &result);
    results += result;
  }
  mtx_destroy(&mutex);
  return counter + results;
}

}  // namespace

int main() {
  std::printf("contended %ld\n", contended());
  std::printf("phases %ld\n", phases());
  std::printf("queue %ld\n", producer_consumer());
  std::printf("ball %d\n", ping_pong());
  std::printf("c11 %d\n", c_threads());
  auto first = std::async(std::launch::async, [] { return 40; });
  std::promise<int> promise;
  std::thread([&promise] { promise.set_value_at_thread_exit(2); }).join();
  std::printf("async %d\n", first.get() + promise.get_future().get());
  std::stop_source source;
  std::jthread stopped([](std::stop_token token) {
    std::mutex mutex;
    std::unique_lock lock(mutex);
    std::condition_variable_any().wait(lock, token, [] { return false; });
  });
  stopped.request_stop();
  stopped.join();
  std::timed_mutex timed;
  timed.lock();
  bool got = true;
  std::thread([&] { got = timed.try_lock_for(std::chrono::milliseconds(5)); }).join();
  std::once_flag once;
  int calls = 0;
  on_eight_threads([&](int) { std::call_once(once, [&] { ++calls; }); });
  std::printf("timed %d, once %d, ended %d\n", got, calls, ended_threads.load());
  for (int i = 0; i < 300; ++i) std::jthread([] { at_end.value = 1; });  // slots are used again
  std::printf("ended %d\n", ended_threads.load());
  return 0;
}
