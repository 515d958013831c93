// next.h: the functions of the C library behind the ones that this library interposes.
#pragma once

namespace clemmys::softsgx {
// next_function is the function of that name which a program would call without this library.
void* next_function(const char* name);
// c_library is the C library's, past a sanitizer's that stands in front of it; null: none.
void* c_library(const char* name);
// past_allocators is the next sanitizer's function of that name behind this library, or else the C
// library's: an allocator's own mmap asks for memory by syscall(2), which comes back here.
void* past_allocators(const char* name);
}  // namespace clemmys::softsgx

#define SOFTSGX_FOUND_ONCE(find, function)                                            \
  __extension__({                                                                     \
    static const auto next_here =                                                     \
        reinterpret_cast<decltype(&::function)>(::clemmys::softsgx::find(#function)); \
    next_here;                                                                        \
  })
// NEXT(function) is the C library's function of that name; MEMORY(function) one about memory.
#define NEXT(function) SOFTSGX_FOUND_ONCE(next_function, function)
#define MEMORY(function) SOFTSGX_FOUND_ONCE(past_allocators, function)

#define SOFTSGX_EXPORT extern "C" __attribute__((visibility("default")))
