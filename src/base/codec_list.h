// codec_list.h: lists of elements in codec.h's encoding.
#pragma once

#include <vector>

#include "base/codec.h"

namespace clemmys {

// write_list writes a u32 count and each element with `write`.
template <typename T, typename Write>
void write_list(Writer& writer, const std::vector<T>& list, Write write) {
  writer.u32(static_cast<std::uint32_t>(list.size()));
  for (const T& element : list) write(writer, element);
}
// read_list stops at the first element that fails, and refuses a count that the rest cannot hold at
// `element_size_min` bytes each. Nothing is reserved: elements may be larger here than on the wire.
template <typename T>
std::vector<T> read_list(Reader& reader, std::size_t element_size_min, T (*read)(Reader&)) {
  std::vector<T> list;
  const std::uint32_t count = reader.count(element_size_min);
  for (std::uint32_t i = 0; i < count && reader.ok(); ++i) list.push_back(read(reader));
  return list;
}

}  // namespace clemmys
