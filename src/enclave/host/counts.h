// counts.h: what a host process counts while its enclave runs. Plain 64-bit words, so that they can lie in a
// file that others look at (`clemmys-host --counts`, `clemmys enclave stats`). Counts, never data.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "base/result.h"

namespace clemmys::enclave {

struct Counts {
  static constexpr std::size_t kNumbersMax = 512, kOwnMax = 16;
  using Count = std::atomic<std::uint64_t>;
  Count eenters{0}, eresumes{0}, exits{0}, aexs{0}, augmented_pages{0}, augment_calls{0};
  Count exitless{0};                       // calls that a worker served while the thread stayed inside
  Count withdrawn{0};                      // calls that were posted, and then left all the same
  Count written_out{0}, brought_back{0};   // pages, by EWB and ELDU; software SGX with a limit only
  std::array<Count, kNumbersMax> calls{};  // Linux calls by number
  std::array<Count, kOwnMax> own_calls{};  // OwnCall by number - 0x10000
};
static_assert(sizeof(Counts) == (10 + Counts::kNumbersMax + Counts::kOwnMax) * sizeof(std::uint64_t));

// Modelled cost of leaving and coming back, in cycles: what was measured on SGX hardware for SDK calls, 8,200
// (warm) to 17,000 (cold) (HotCalls, ISCA 2017). Never added to measured time.
inline constexpr std::uint64_t kExitCyclesMin = 8'200, kExitCyclesMax = 17'000;

// map_counts makes (or empties) `path` and keeps the counts of this process in it, for as long as it runs.
Result<Counts*> map_counts(const std::string& path);

// print_counts writes a readable table to `file`.
void print_counts(const Counts& counts, std::FILE* file);

}  // namespace clemmys::enclave
