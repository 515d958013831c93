// next.h: the functions of the C library behind the ones that this library interposes.
#pragma once

#include <dlfcn.h>

// NEXT(function) is the C library's function of that name.
#define NEXT(function)                                                          \
  __extension__({                                                               \
    static const auto next_function =                                           \
        reinterpret_cast<decltype(&::function)>(::dlsym(RTLD_NEXT, #function)); \
    next_function;                                                              \
  })

#define SOFTSGX_EXPORT extern "C" __attribute__((visibility("default")))
