// module_memory.h: a module's memory as a host function reads and writes it: every address is the module's
// word, every access is checked, every value is copied before it is looked at.
#pragma once

#include <concepts>
#include <cstring>
#include <optional>

#include "runtime/wasm/sandbox.h"

namespace clemmys::runtime::wasi {

class ModuleMemory {
 public:
  explicit ModuleMemory(const wasm_rt_memory_t& memory) : memory_(memory) {}

  std::optional<std::span<std::uint8_t>> slice(std::uint64_t address, std::uint64_t size) const {
    return wasm::slice(memory_, address, size);
  }
  template <std::unsigned_integral T>
  std::optional<T> read(std::uint64_t address) const {
    const auto place = slice(address, sizeof(T));
    if (!place) return std::nullopt;
    T value;
    std::memcpy(&value, place->data(), sizeof value);
    return value;
  }
  template <std::unsigned_integral T>
  [[nodiscard]] bool write(std::uint64_t address, T value) const {
    const auto place = slice(address, sizeof(T));
    if (place) std::memcpy(place->data(), &value, sizeof value);
    return place.has_value();
  }

 private:
  const wasm_rt_memory_t& memory_;
};

}  // namespace clemmys::runtime::wasi
