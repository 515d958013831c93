#include "runtime/wasm/guard.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <cstring>

#include "base/check.h"

namespace clemmys::wasm {
namespace {

constexpr std::size_t kReservationsMax = 8;  // of one thread, at one time
constexpr std::size_t kSystemPageSize = 4096;
thread_local std::array<std::uint8_t*, kReservationsMax> t_reservations{};

}  // namespace

std::uint8_t* reserve() {
  const auto place = std::ranges::find(t_reservations, nullptr);
  CHECK(place != t_reservations.end());
  void* const base =
      mmap(nullptr, kReservedSize, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (base == MAP_FAILED) return nullptr;
  return *place = static_cast<std::uint8_t*>(base);
}

void give_up(std::uint8_t* base) {
  const auto place = std::ranges::find(t_reservations, base);
  CHECK(base != nullptr && place != t_reservations.end());
  *place = nullptr;
  CHECK(munmap(base, kReservedSize) == 0);
}

bool open_range(std::uint8_t* base, std::size_t begin, std::size_t end) {
  CHECK(begin <= end && end <= kReservedSize);
  return begin == end || mprotect(base + begin, end - begin, PROT_READ | PROT_WRITE) == 0;
}

bool close_range(std::uint8_t* base, std::size_t begin, std::size_t end) {
  CHECK(begin <= end && end <= kReservedSize);
  if (begin == end) return true;
  clear(base + begin, end - begin);
  return mprotect(base + begin, end - begin, PROT_NONE) == 0;
}

bool is_reserved(const void* address) {
  const auto at = reinterpret_cast<std::uintptr_t>(address);
  return std::ranges::any_of(t_reservations, [at](const std::uint8_t* base) {
    return base != nullptr && at - reinterpret_cast<std::uintptr_t>(base) < kReservedSize;
  });
}

void clear(std::uint8_t* begin, std::size_t size) {
  const auto address = reinterpret_cast<std::uintptr_t>(begin);
  const std::size_t head = std::min(size, (kSystemPageSize - address % kSystemPageSize) % kSystemPageSize);
  const std::size_t pages = (size - head) / kSystemPageSize * kSystemPageSize;
  std::memset(begin, 0, head);
  if (pages > 0 && madvise(begin + head, pages, MADV_DONTNEED) != 0) std::memset(begin + head, 0, pages);
  std::memset(begin + head + pages, 0, size - head - pages);
}

}  // namespace clemmys::wasm
