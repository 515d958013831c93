#include "needles.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <stdexcept>

namespace clemmys::testing {
namespace {

constexpr std::size_t kWindow = 24, kWindowsMax = 400, kPrefix = 8;

std::size_t bucket_of(const void* bytes) {
  std::uint64_t value;
  std::memcpy(&value, bytes, kPrefix);
  return static_cast<std::size_t>((value * 0x9e3779b97f4a7c15u) >> 44);
}

// escape writes each byte as `before`, two hexadecimal digits, `after`.
std::string escape(std::string_view bytes, std::string_view before, std::string_view digits) {
  std::string out;
  for (const char byte : bytes) {
    out += before;
    out += digits[static_cast<std::uint8_t>(byte) >> 4];
    out += digits[static_cast<std::uint8_t>(byte) & 15];
  }
  return out;
}

std::string utf16(std::string_view bytes, bool big_endian) {
  std::string out;
  for (const char byte : bytes) out += big_endian ? std::string{'\0', byte} : std::string{byte, '\0'};
  return out;
}

// base64_inside is the base64 text that shows `bytes` wherever they stand at `shift` bytes (0, 1, 2) after a
// multiple of three: without the letters that depend on neighbours.
std::string base64_inside(std::string_view bytes, std::size_t shift, std::string_view last_two) {
  const std::string alphabet =
      "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789" + std::string(last_two);
  std::string out;
  for (std::size_t bit = (6 - shift * 8 % 6) % 6; bit + 6 <= bytes.size() * 8; bit += 6) {
    unsigned letter = 0;
    for (std::size_t i = bit; i < bit + 6; ++i)
      letter = letter << 1 | ((static_cast<std::uint8_t>(bytes[i / 8]) >> (7 - i % 8)) & 1u);
    out += alphabet[letter];
  }
  return out;
}

}  // namespace

void Needles::add(const std::string& name, const std::string& encoding, std::string bytes) {
  if (bytes.size() < kPrefix) throw std::logic_error("a needle that is too short: " + name);
  auto& bucket = buckets_[bucket_of(bytes.data())];
  bucket.push_back(static_cast<std::uint32_t>(needles_.size()));
  needles_.push_back({name + " (" + encoding + ")", std::move(bytes)});
}

void Needles::add_encodings(const std::string& name, std::string_view bytes) {
  add(name, "as it is", std::string(bytes));
  add(name, "hexadecimal", escape(bytes, "", "0123456789abcdef"));
  add(name, "HEXADECIMAL", escape(bytes, "", "0123456789ABCDEF"));
  add(name, "UTF-16LE", utf16(bytes, false));
  add(name, "UTF-16BE", utf16(bytes, true));
  add(name, "percent-escaped", escape(bytes, "%", "0123456789ABCDEF"));
  add(name, "JSON-escaped", escape(bytes, "\\u00", "0123456789abcdef"));
  add(name, "JSON-ESCAPED", escape(bytes, "\\u00", "0123456789ABCDEF"));
  add(name, "C-escaped", escape(bytes, "\\x", "0123456789abcdef"));
  for (std::size_t shift = 0; shift < 3; ++shift) {
    add(name, "base64", base64_inside(bytes, shift, "+/"));
    add(name, "base64url", base64_inside(bytes, shift, "-_"));
  }
}

void Needles::add_text(const std::string& name, std::string_view text) {
  if (text.size() < 12) throw std::logic_error("a marker that is too short: " + name);
  add_encodings(name, text);
}

void Needles::add_data(const std::string& name, ByteView data, std::size_t from) {
  const std::string_view text = as_text(data).substr(from);
  if (text.size() < kWindow) throw std::logic_error("data that is too short: " + name);
  const std::size_t step = std::max<std::size_t>(1, (text.size() - kWindow) / kWindowsMax);
  for (std::size_t at = 0; at + kWindow <= text.size(); at += step) {
    const std::string_view window = text.substr(at, kWindow);
    if (std::set<char>(window.begin(), window.end()).size() < 8) continue;  // runs occur anywhere by chance
    add_encodings(name, window);
  }
}

std::vector<std::string> Needles::search(ByteView haystack) const {
  std::set<std::string> found;
  std::vector<std::string> findings;
  for (std::size_t at = 0; at + kPrefix <= haystack.size(); ++at) {
    for (const std::uint32_t index : buckets_[bucket_of(haystack.data() + at)]) {
      const Needle& needle = needles_[index];
      if (needle.bytes.size() > haystack.size() - at) continue;
      if (std::memcmp(haystack.data() + at, needle.bytes.data(), needle.bytes.size()) != 0) continue;
      if (found.insert(needle.name).second) findings.push_back(needle.name + " at " + std::to_string(at));
    }
  }
  return findings;
}

}  // namespace clemmys::testing
