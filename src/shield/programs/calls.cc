// Many short calls on two threads, of the kind that a host's worker may serve while the thread stays inside:
// each answer must be that of its own call, and no buffer another thread's. Descriptors that block are read,
// too: one thread waits for a word of the other in `read`.
#include <fcntl.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <string>
#include <thread>

namespace {

constexpr int kRounds = 10'000, kTurns = 200;

// wrong_answers of one thread's file, event counter and a descriptor that nobody has.
int wrong_answers(const std::string& path, std::uint64_t seed) {
  const int file = open(path.c_str(), O_CREAT | O_RDWR | O_TRUNC | O_CLOEXEC, 0600);
  const int event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
  int wrong = file < 0 || event < 0;
  for (std::uint64_t round = 1; round <= kRounds; ++round) {
    const std::uint64_t written = seed * kRounds + round;
    std::uint64_t read_back = 0, counted = 0;
    const auto place = static_cast<off_t>(8 * (round % 512));
    wrong += pwrite(file, &written, sizeof written, place) != sizeof written;
    wrong += pread(file, &read_back, sizeof read_back, place) != sizeof read_back || read_back != written;
    wrong += write(event, &written, sizeof written) != sizeof written;
    wrong += read(event, &counted, sizeof counted) != sizeof counted || counted != written;
    wrong += read(event, &counted, sizeof counted) != -1 || errno != EAGAIN;
  }
  close(file);
  close(event);
  return wrong;
}

// wrong_turns of two threads that wait for each other in calls that block.
int wrong_turns() {
  const int there = eventfd(0, EFD_CLOEXEC), back = eventfd(0, EFD_CLOEXEC);
  std::thread other([&] {
    for (std::uint64_t value = 0, turn = 0; turn < kTurns; ++turn) {
      if (read(there, &value, sizeof value) == sizeof value) ++value;
      if (write(back, &value, sizeof value) != sizeof value) return;
    }
  });
  int wrong = 0;
  for (std::uint64_t turn = 1; turn <= kTurns; ++turn) {
    std::uint64_t value = turn;
    wrong += write(there, &value, sizeof value) != sizeof value;
    wrong += read(back, &value, sizeof value) != sizeof value || value != turn + 1;
  }
  other.join();
  close(there);
  close(back);
  return wrong;
}

}  // namespace

int main(int, char** argv) {
  const std::string root = argv[1];
  int wrong[2] = {-1, -1};
  std::thread other([&] { wrong[1] = wrong_answers(root + "/other", 2); });
  wrong[0] = wrong_answers(root + "/one", 1);
  other.join();
  std::printf("wrong %d %d, turns %d\n", wrong[0], wrong[1], wrong_turns());
  return 0;
}
