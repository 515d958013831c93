#include "runtime/wasi/process.h"

#include <algorithm>
#include <utility>

#include "crypto/crypto.h"

namespace clemmys::runtime::wasi {
namespace {

constexpr std::uint32_t kInput = 0, kOutput = 1, kErrors = 2;
constexpr std::uint32_t kRealtime = 0, kMonotonic = 1;  // clockid
constexpr std::uint64_t kNsPerMs = 1'000'000;

// put_strings writes each string with its zero to `text` and its address to `pointers`.
Errno put_strings(ModuleMemory memory, const std::vector<std::string>& strings, std::uint32_t pointers,
                  std::uint32_t text) {
  std::uint64_t pointer = pointers, address = text;
  for (const std::string& each : strings) {
    const auto place = memory.slice(address, each.size() + 1);
    if (!place || !memory.write(pointer, static_cast<std::uint32_t>(address))) return Errno::kFault;
    std::memcpy(place->data(), each.c_str(), each.size() + 1);
    pointer += sizeof(std::uint32_t);
    address += each.size() + 1;
  }
  return Errno::kSuccess;
}

Errno put_sizes(ModuleMemory memory, const std::vector<std::string>& strings, std::uint32_t count,
                std::uint32_t size) {
  std::size_t sum = 0;
  for (const std::string& each : strings) sum += each.size() + 1;
  return memory.write(count, static_cast<std::uint32_t>(strings.size())) &&
                 memory.write(size, static_cast<std::uint32_t>(sum))
             ? Errno::kSuccess
             : Errno::kFault;
}

// Vectors are copied and checked as a whole before any byte moves. They may overlap.
struct Vectors {
  Errno problem = Errno::kSuccess;
  std::vector<std::span<std::uint8_t>>
      places;  // kTransferSizeMax bytes together at most; the rest is left out
};

Vectors vectors_at(ModuleMemory memory, std::uint32_t address, std::uint32_t count) {
  constexpr std::uint64_t kVectorSize = 8;
  Vectors vectors;
  if (count > kVectorsMax) return {Errno::kInvalid, {}};
  std::size_t room = kTransferSizeMax;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto start = memory.read<std::uint32_t>(address + i * kVectorSize);
    const auto size = memory.read<std::uint32_t>(address + i * kVectorSize + 4);
    if (!start || !size) return {Errno::kFault, {}};
    const auto place = memory.slice(*start, *size);
    if (!place) return {Errno::kFault, {}};
    vectors.places.push_back(place->first(std::min(room, place->size())));
    room -= vectors.places.back().size();
  }
  return vectors;
}

}  // namespace

Process::Process(Start start, const Clock& clock, const wasm::Deadline& deadline, Output output,
                 ErrorStream errors)
    : start_(std::move(start)),
      clock_(clock),
      deadline_(deadline),
      output_(std::move(output)),
      errors_(std::move(errors)) {}

Errno Process::args_get(ModuleMemory memory, std::uint32_t pointers, std::uint32_t text) const {
  return put_strings(memory, start_.arguments, pointers, text);
}
Errno Process::args_sizes_get(ModuleMemory memory, std::uint32_t count, std::uint32_t size) const {
  return put_sizes(memory, start_.arguments, count, size);
}
Errno Process::environ_get(ModuleMemory memory, std::uint32_t pointers, std::uint32_t text) const {
  return put_strings(memory, start_.environment, pointers, text);
}
Errno Process::environ_sizes_get(ModuleMemory memory, std::uint32_t count, std::uint32_t size) const {
  return put_sizes(memory, start_.environment, count, size);
}

std::optional<std::uint64_t> Process::now_ns(std::uint32_t clock) const {
  if (clock == kRealtime) return clock_.unix_ms() * kNsPerMs;
  if (clock == kMonotonic) return clock_.monotonic_ns();
  return std::nullopt;
}

Errno Process::clock_res_get(ModuleMemory memory, std::uint32_t clock, std::uint32_t out) const {
  if (!now_ns(clock)) return Errno::kInvalid;
  return memory.write(out, clock == kRealtime ? kNsPerMs : std::uint64_t{1}) ? Errno::kSuccess
                                                                             : Errno::kFault;
}

Errno Process::clock_time_get(ModuleMemory memory, std::uint32_t clock, std::uint64_t,
                              std::uint32_t out) const {
  const auto now = now_ns(clock);
  if (!now) return Errno::kInvalid;
  return memory.write(out, *now) ? Errno::kSuccess : Errno::kFault;
}

Errno Process::random_get(ModuleMemory memory, std::uint32_t out, std::uint32_t size) {
  const auto place = memory.slice(out, size);
  if (!place) return Errno::kFault;
  for (std::size_t done = 0; done < place->size() && !must_end();) {
    const auto piece = place->subspan(done, std::min<std::size_t>(kTransferSizeMax, place->size() - done));
    crypto::random_bytes(piece);
    done += piece.size();
    out_of_time_ = deadline_.passed();
  }
  return Errno::kSuccess;
}

Errno Process::fd_close(ModuleMemory, std::uint32_t descriptor) {
  if (!is_open(descriptor)) return Errno::kBadDescriptor;
  open_[descriptor] = false;
  return Errno::kSuccess;
}

// fdstat: u8 filetype, u16 flags at 2, u64 rights at 8, u64 inheriting rights at 16. A stream has no file
// type (0, unknown), and the rights to read or write and to be polled.
Errno Process::fd_fdstat_get(ModuleMemory memory, std::uint32_t descriptor, std::uint32_t out) const {
  constexpr std::uint64_t kRead = 1u << 1, kWrite = 1u << 6, kPoll = 1u << 27;
  if (!is_open(descriptor)) return Errno::kBadDescriptor;
  const std::uint64_t rights = (descriptor == kInput ? kRead : kWrite) | kPoll;
  const auto place = memory.slice(out, 24);
  if (!place) return Errno::kFault;
  std::ranges::fill(*place, std::uint8_t{0});
  std::memcpy(place->data() + 8, &rights, sizeof rights);
  return Errno::kSuccess;
}

// There are no preopened folders: wasi-libc asks from descriptor 3 on until it hears so.
Errno Process::fd_prestat_get(ModuleMemory, std::uint32_t, std::uint32_t) const {
  return Errno::kBadDescriptor;
}
Errno Process::fd_prestat_dir_name(ModuleMemory, std::uint32_t, std::uint32_t, std::uint32_t) const {
  return Errno::kBadDescriptor;
}

Errno Process::fd_read(ModuleMemory memory, std::uint32_t descriptor, std::uint32_t vectors,
                       std::uint32_t count, std::uint32_t size_out) {
  if (!is_open(descriptor) || descriptor != kInput) return Errno::kBadDescriptor;
  const Vectors to = vectors_at(memory, vectors, count);
  if (to.problem != Errno::kSuccess) return to.problem;
  if (!memory.slice(size_out, sizeof(std::uint32_t))) return Errno::kFault;
  std::uint32_t sum = 0;
  for (const auto place : to.places) {
    const ByteView piece = start_.input.subspan(read_, std::min(place.size(), start_.input.size() - read_));
    if (!piece.empty()) std::memcpy(place.data(), piece.data(), piece.size());
    read_ += piece.size();
    sum += static_cast<std::uint32_t>(piece.size());
  }
  return memory.write(size_out, sum) ? Errno::kSuccess : Errno::kFault;
}

Errno Process::fd_write(ModuleMemory memory, std::uint32_t descriptor, std::uint32_t vectors,
                        std::uint32_t count, std::uint32_t size_out) {
  if (!is_open(descriptor) || descriptor == kInput) return Errno::kBadDescriptor;
  const Vectors from = vectors_at(memory, vectors, count);
  if (from.problem != Errno::kSuccess) return from.problem;
  if (!memory.slice(size_out, sizeof(std::uint32_t))) return Errno::kFault;
  std::uint32_t sum = 0;
  for (const auto place : from.places) {
    if (descriptor == kOutput) output_.append(as_text(place));
    if (descriptor == kErrors) errors_(as_text(place));
    sum += static_cast<std::uint32_t>(place.size());
  }
  return memory.write(size_out, sum) ? Errno::kSuccess : Errno::kFault;
}

Errno Process::fd_seek(ModuleMemory, std::uint32_t descriptor, std::uint64_t, std::uint32_t,
                       std::uint32_t) const {
  return is_open(descriptor) ? Errno::kNoSeek : Errno::kBadDescriptor;
}

Errno Process::sched_yield(ModuleMemory) const { return Errno::kSuccess; }

}  // namespace clemmys::runtime::wasi
