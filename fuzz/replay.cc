// replay.cc: a fuzz target as an ordinary test. usage: TARGET SECONDS CORPUS [SEED] runs the corpus, the
// built-in seeds, then seeded mutations of both, and keeps an input that crashes; TARGET --write-seeds CORPUS
// writes the built-in seeds.
#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "fuzz.h"

namespace clemmys::fuzz {
namespace {

namespace fs = std::filesystem;

std::vector<Bytes> read_corpus(const fs::path& folder) {
  std::vector<Bytes> inputs;
  if (!fs::is_directory(folder)) return inputs;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder)) {
    std::ifstream file(entry.path(), std::ios::binary);
    inputs.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
  }
  return inputs;
}

int write_seeds(const fs::path& folder) {
  fs::create_directories(folder);
  int number = 0;
  for (const Bytes& seed : seeds()) {
    std::ofstream file(folder / ("seed-" + std::to_string(number++)), std::ios::binary);
    file.write(reinterpret_cast<const char*>(seed.data()), static_cast<std::streamsize>(seed.size()));
  }
  return 0;
}

// mutate changes a few places: bits, bytes, lengths-like extremes, cuts and repetitions.
void mutate(Bytes& input, std::mt19937_64& random) {
  static constexpr std::uint8_t kExtremes[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
  for (std::uint64_t changes = 1 + random() % 4; changes > 0; --changes) {
    const std::size_t at = input.empty() ? 0 : random() % input.size();
    switch (random() % 6) {
      case 0:
        if (!input.empty()) input[at] ^= static_cast<std::uint8_t>(1 << (random() % 8));
        break;
      case 1:
        if (!input.empty()) input[at] = static_cast<std::uint8_t>(random());
        break;
      case 2:
        if (!input.empty()) input[at] = kExtremes[random() % std::size(kExtremes)];
        break;
      case 3:
        input.resize(at);
        break;
      case 4:
        input.insert(input.begin() + static_cast<std::ptrdiff_t>(at), static_cast<std::uint8_t>(random()));
        break;
      default:
        if (input.size() < 4096)
          input.insert(input.end(), input.begin() + static_cast<std::ptrdiff_t>(at / 2),
                       input.begin() + static_cast<std::ptrdiff_t>(at));
        break;
    }
  }
}

// current is the input that runs now. Threads: the one that runs it, and the handler on the same thread.
ByteView current;

// keep_current writes the input of a crash to `crash-PID` in the working folder, and lets the signal end us.
void keep_current(int signal) {
  char name[32];
  std::snprintf(name, sizeof name, "crash-%d", static_cast<int>(getpid()));
  const int file = ::open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file >= 0 && ::write(file, current.data(), current.size()) == static_cast<ssize_t>(current.size()))
    ::dprintf(STDERR_FILENO, "the input is in %s\n", name);
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

void run_one(ByteView input) {
  current = input;
  LLVMFuzzerTestOneInput(input.data(), input.size());
}

int run(double seconds, const fs::path& corpus, std::uint64_t seed) {
  std::printf("seed %llu\n", static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP}) ::signal(signal, keep_current);
  std::vector<Bytes> inputs = read_corpus(corpus);
  for (Bytes& input : seeds()) inputs.push_back(std::move(input));
  for (const Bytes& input : inputs) run_one(input);
  std::mt19937_64 random(seed);
  const auto end = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  std::uint64_t runs = inputs.size();
  for (; std::chrono::steady_clock::now() < end; ++runs) {
    Bytes input = inputs[random() % inputs.size()];
    mutate(input, random);
    run_one(input);
  }
  std::printf("%llu inputs\n", static_cast<unsigned long long>(runs));
  return 0;
}

}  // namespace
}  // namespace clemmys::fuzz

int main(int argc, char** argv) {
  const std::vector<std::string> arguments(argv + 1, argv + argc);
  if (arguments.size() == 2 && arguments[0] == "--write-seeds")
    return clemmys::fuzz::write_seeds(arguments[1]);
  if (arguments.size() < 2) {
    std::fprintf(stderr, "usage: %s SECONDS CORPUS [SEED]\n", argv[0]);
    return 2;
  }
  const std::uint64_t seed =
      arguments.size() > 2 ? std::strtoull(arguments[2].c_str(), nullptr, 10) : std::random_device()();
  return clemmys::fuzz::run(std::strtod(arguments[0].c_str(), nullptr), arguments[1], seed);
}
