#include "shield/paths.h"

#include "shield/memory.h"

namespace clemmys::shield {

bool has_parent_component(const char* path) {
  for (const char* at = path; *at != 0;) {
    while (*at == '/') ++at;
    const char* begin = at;
    while (*at != 0 && *at != '/') ++at;
    if (at - begin == 2 && begin[0] == '.' && begin[1] == '.') return true;
  }
  return false;
}

bool path_allowed(const char* path, const char* list, uint64_t list_size) {
  if (path[0] != '/' || has_parent_component(path)) return false;
  const uint64_t path_size = strlen(path);
  for (uint64_t at = 0; at < list_size;) {
    const char* prefix = list + at;
    uint64_t size = strlen(prefix);
    at += size + 1;
    while (size > 0 && prefix[size - 1] == '/')
      --size;  // "/" becomes "", which every absolute path continues
    if (size == 0 && prefix[0] != '/') continue;
    if (path_size < size || memcmp(path, prefix, size) != 0) continue;
    if (path[size] == 0 || path[size] == '/') return true;
  }
  return false;
}

}  // namespace clemmys::shield
