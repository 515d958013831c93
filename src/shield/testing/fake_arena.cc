// The shield's tables, from the C library: for tests without pages.cc.
#include <array>
#include <cstdlib>
#include <utility>

#include "shield/pages.h"
#include "shield/testing/fake_host.h"

namespace clemmys::shield {
namespace {

// Tables of descriptors_start come back zeroed for each FakeHost; what is taken later lives on, as the static
// state that points to it does.
constexpr std::size_t kTables = 3;
std::array<void*, kTables> tables{};
std::size_t next = kTables;

}  // namespace

void fake_arena_start() { next = 0; }

void* arena_take(std::uint64_t size) {
  void* memory = std::calloc(1, size);
  if (next < kTables) std::free(std::exchange(tables[next++], memory));
  return memory;
}

std::uint64_t committed_pages() { return 1; }

}  // namespace clemmys::shield
