// Memory: allocation from 1 byte to 64 MiB, growth by mremap, zero pages after reuse, deep stacks;
// libsodium's randomness.
#include <sodium.h>
#include <sys/mman.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <thread>
#include <vector>

namespace {

unsigned long stress(unsigned seed) {
  std::vector<std::vector<unsigned char>> blocks(200);
  unsigned long sum = 0;
  for (int round = 0; round < 4000; ++round) {
    seed = seed * 1664525 + 1013904223;
    auto& block = blocks[seed % blocks.size()];
    for (unsigned char byte : block) sum += byte;
    block.assign(seed >> 8 & (round % 50 == 0 ? 0x3ffff : 0xfff), static_cast<unsigned char>(seed));
  }
  return sum;
}

int depth(int left) {
  volatile char frame[4096];
  frame[left % 4096] = static_cast<char>(left);
  return left == 0 ? 0 : depth(left - 1) + (frame[left % 4096] == static_cast<char>(left));
}

}  // namespace

int main() {
  std::vector<unsigned char> big(64 << 20, 1);
  unsigned long sum = 0;
  for (std::size_t i = 0; i < big.size(); i += 4096) sum += big[i];
  std::printf("64 MiB: %lu\n", sum);
  auto* grown = static_cast<unsigned char*>(std::malloc(1 << 20));
  std::memset(grown, 5, 1 << 20);
  grown = static_cast<unsigned char*>(std::realloc(grown, 9 << 20));
  for (int i = 0; i < 1 << 20; i += 4096) sum += grown[i];
  std::printf("grown: %lu\n", sum);
  std::free(grown);
  for (int round = 0; round < 3; ++round) {
    auto* map = static_cast<unsigned char*>(
        mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    unsigned long dirt = 0;
    for (int i = 0; i < 1 << 20; i += 512) dirt += map[i];
    std::memset(map, 0xff, 1 << 20);
    munmap(map, 1 << 20);
    std::printf("dirt %lu\n", dirt);
  }
  std::vector<std::thread> threads;
  unsigned long sums[4];
  for (unsigned i = 0; i < 4; ++i) threads.emplace_back([&, i] { sums[i] = stress(i); });
  for (auto& thread : threads) thread.join();
  std::printf("stress %lu %lu %lu %lu\n", sums[0], sums[1], sums[2], sums[3]);
  std::printf("depth %d\n", depth(1000));
  unsigned char one[32], two[32];
  std::printf("sodium %d\n", sodium_init());
  randombytes_buf(one, 32);
  randombytes_buf(two, 32);
  std::printf("random differs %d\n", std::memcmp(one, two, 32) != 0);
  return 0;
}
