// guard.h: the address space around a linear memory, in which nothing is accessible.
//
// Idea: a translated access is at base + a 32-bit address + a 32-bit offset (WebAssembly core specification,
// 4.4.7), at most 8 bytes long. With so much address space behind the base, an access that is not inside the
// memory faults, and no access is checked by code. Inside an enclave it is the EPCM that has no page there,
// whatever the host maps: the fault comes to the shield, and from it, as SIGSEGV, to sandbox.cc. Trust:
// trusted. Threads: one reservation belongs to the thread that made it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace clemmys::wasm {

// kReservedSize: 2^32 - 1 twice, and 8 bytes, in whole pages of WebAssembly.
inline constexpr std::size_t kReservedSize = (std::size_t{8} << 30) + (std::size_t{64} << 10);

// reserve gives kReservedSize bytes of inaccessible address space; nullptr when there is none.
std::uint8_t* reserve();
void give_up(std::uint8_t* base);
// open_range makes [begin, end) of a reservation accessible, close_range inaccessible and empty; multiples of
// 64 KiB. False when there is no memory for it.
bool open_range(std::uint8_t* base, std::size_t begin, std::size_t end);
bool close_range(std::uint8_t* base, std::size_t begin, std::size_t end);
// is_reserved is whether an address belongs to a reservation of this thread. Safe in a signal handler.
bool is_reserved(const void* address);
// clear makes a range read as zeroes without bringing in pages that nobody has touched.
void clear(std::uint8_t* begin, std::size_t size);

}  // namespace clemmys::wasm
