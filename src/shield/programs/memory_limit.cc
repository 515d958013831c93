// A program that meets its limit (RLIMIT_DATA): allocation fails, nothing faults, and freed memory counts no
// more.
#include <sys/mman.h>
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

namespace {

constexpr std::size_t kMib = 1u << 20;

void set_limit(rlim_t mib) {
  rlimit limit{};
  getrlimit(RLIMIT_DATA, &limit);
  limit.rlim_cur = mib == 0 ? limit.rlim_max : mib * kMib;
  if (setrlimit(RLIMIT_DATA, &limit) != 0) std::perror("setrlimit");
}

// fill allocates and touches blocks until there is no more, at most 160 MiB.
std::size_t fill(std::vector<void*>& blocks, std::size_t size) {
  while (blocks.size() * size < 160 * kMib) {
    void* block = std::malloc(size);
    if (block == nullptr) break;
    std::memset(block, 1, size);
    blocks.push_back(block);
  }
  return blocks.size() * size / kMib;
}

void free_all(std::vector<void*>& blocks) {
  for (void* block : blocks) std::free(block);
  blocks.clear();
}

const char* between(std::size_t mib, std::size_t least, std::size_t most) {
  return least <= mib && mib <= most ? "as limited" : "not as limited";
}

}  // namespace

int main() {
  std::vector<void*> blocks;
  blocks.reserve(4'000);
  set_limit(64);
  std::printf("large blocks: %s\n", between(fill(blocks, kMib), 48, 64));
  free_all(blocks);
  std::printf("small blocks: %s\n", between(fill(blocks, kMib / 16), 48, 64));
  free_all(blocks);
  std::printf("again: %s\n", between(fill(blocks, kMib), 40, 64));
  free_all(blocks);
  void* reserved = mmap(nullptr, 4'096 * kMib, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  std::printf("reserved: %d, made writable: %d\n", reserved != MAP_FAILED,
              mprotect(reserved, 100 * kMib, PROT_READ | PROT_WRITE) == 0);
  set_limit(0);
  std::printf("without a limit: %d\n", fill(blocks, 4 * kMib) >= 128 ? 1 : 0);
}
