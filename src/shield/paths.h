// paths.h: which host paths the program may name: the measured allow-list. Contents stay untrusted either
// way; the list keeps a program from obeying files that nobody meant it to see (/etc/…).
#pragma once

#include <stdint.h>

namespace clemmys::shield {

inline constexpr uint64_t kPathSizeMax = 4096;

// path_allowed: `path` is absolute, has no ".." component, and lies at or below a prefix of the list
// (`list_size` bytes of NUL-terminated prefixes). The prefix "/" allows every absolute path.
bool path_allowed(const char* path, const char* list, uint64_t list_size);
// has_parent_component is whether any component is "..".
bool has_parent_component(const char* path);

}  // namespace clemmys::shield
