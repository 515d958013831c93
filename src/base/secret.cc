#include "base/secret.h"

#include <cstring>

namespace clemmys {

void wipe(void* data, std::size_t size) {
  if (size == 0) return;  // an empty buffer may be null
  explicit_bzero(data, size);
}

bool equal_constant_time(ByteView left, ByteView right) {
  if (left.size() != right.size()) return false;
  volatile std::uint8_t difference = 0;
  for (std::size_t i = 0; i < left.size(); ++i)
    difference = difference | static_cast<std::uint8_t>(left[i] ^ right[i]);
  return difference == 0;
}

}  // namespace clemmys
