// allocate.cc: softsgx's own objects lie in the C library's heap, whatever malloc the program has: the
// functions that softsgx stands in front of are those by which an allocator gets its memory, and the caller
// may be one that holds its lock.
#include <cstdlib>
#include <new>

#include "softsgx/run/next.h"

using clemmys::softsgx::c_library;

void* operator new(std::size_t size) {
  static const auto allocate = reinterpret_cast<decltype(&std::malloc)>(c_library("malloc"));
  if (void* memory = allocate(size != 0 ? size : 1)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  static const auto release = reinterpret_cast<decltype(&std::free)>(c_library("free"));
  release(memory);
}
void operator delete(void* memory, std::size_t) noexcept { operator delete(memory); }
