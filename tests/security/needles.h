// needles.h: looks for secrets in what somebody else has, in the forms in which programs tend to pass data
// on: as it is, hexadecimal, base64 and base64url at any alignment, UTF-16, percent- and JSON-escaped. Large
// secrets are looked for by many short windows, so that a part that slipped out is found, too.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace clemmys::testing {

class Needles {
 public:
  // add_text takes a marker of at least 12 bytes that occurs nowhere else by chance.
  void add_text(const std::string& name, std::string_view text);
  // add_data takes windows of `data` from `from` on. Leave out what is not secret, such as a file format's
  // standard tables.
  void add_data(const std::string& name, ByteView data, std::size_t from = 0);

  // search gives each name and encoding that occurs in the haystack, "name (encoding) at offset", once.
  std::vector<std::string> search(ByteView haystack) const;
  std::size_t size() const { return needles_.size(); }

 private:
  struct Needle {
    std::string name, bytes;
  };
  void add(const std::string& name, const std::string& encoding, std::string bytes);
  void add_encodings(const std::string& name, std::string_view bytes);

  std::vector<Needle> needles_;
  std::vector<std::vector<std::uint32_t>> buckets_ =
      std::vector<std::vector<std::uint32_t>>(1u << 20);  // by hash of the first 8 bytes
};

}  // namespace clemmys::testing
