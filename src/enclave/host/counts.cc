#include "enclave/host/counts.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <new>

#include "shield/call_names.h"
#include "shield/forwarded.h"

namespace clemmys::enclave {

Result<Counts*> map_counts(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
  if (file < 0) return Error{ErrorCode::kNotFound, "host.counts", "cannot write " + path};
  void* memory = MAP_FAILED;
  if (::ftruncate(file, sizeof(Counts)) == 0)
    memory = ::mmap(nullptr, sizeof(Counts), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ::close(file);
  if (memory == MAP_FAILED) return Error{ErrorCode::kExhausted, "host.counts.map", "cannot map " + path};
  return new (memory) Counts{};
}

void print_counts(const Counts& counts, std::FILE* file) {
  const auto value = [](const Counts::Count& count) { return static_cast<unsigned long long>(count.load()); };
  std::fprintf(file, "EENTER %llu  ERESUME %llu  EEXIT %llu  AEX %llu  augmented pages %llu in %llu calls\n",
               value(counts.eenters), value(counts.eresumes), value(counts.exits), value(counts.aexs),
               value(counts.augmented_pages), value(counts.augment_calls));
  std::fprintf(file, "  exitless calls %llu, posted and then left %llu\n", value(counts.exitless),
               value(counts.withdrawn));
  std::fprintf(file, "  pages written out %llu, brought back %llu\n", value(counts.written_out),
               value(counts.brought_back));
  std::fprintf(file, "  modelled: leaving %llu times costs %.1f to %.1f million cycles on SGX hardware\n",
               value(counts.exits), static_cast<double>(value(counts.exits) * kExitCyclesMin) / 1e6,
               static_cast<double>(value(counts.exits) * kExitCyclesMax) / 1e6);
  for (std::size_t i = 0; i < counts.calls.size(); ++i) {
    if (counts.calls[i] != 0)
      std::fprintf(file, "  %s: %llu\n", shield::call_name(i), value(counts.calls[i]));
  }
  for (const shield::NamedOwnCall& own : shield::kOwnCalls) {
    const auto index =
        static_cast<std::size_t>(own.call) - static_cast<std::size_t>(shield::OwnCall::kAugment);
    if (counts.own_calls[index] != 0)
      std::fprintf(file, "  own call %s: %llu\n", own.name, value(counts.own_calls[index]));
  }
}

}  // namespace clemmys::enclave
