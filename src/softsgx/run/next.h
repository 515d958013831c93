// next.h: the functions of the C library behind the ones that this library interposes.
#pragma once

namespace clemmys::softsgx {
// next_function is the function of that name which a program would call without this library.
void* next_function(const char* name);
// c_library is the C library's, past a sanitizer's that stands in front of it; null: none.
void* c_library(const char* name);
}  // namespace clemmys::softsgx

// NEXT(function) is the C library's function of that name.
#define NEXT(function)                                                                         \
  __extension__({                                                                              \
    static const auto next_here =                                                              \
        reinterpret_cast<decltype(&::function)>(::clemmys::softsgx::next_function(#function)); \
    next_here;                                                                                 \
  })

#define SOFTSGX_EXPORT extern "C" __attribute__((visibility("default")))
