// The steps' JSON. Every step checks what it is given and answers a sentence that its user can act on.
#include <sodium.h>

#include <boost/json.hpp>

#include "photos.h"

namespace photos {

namespace json = boost::json;

namespace {

constexpr int kSideMax = 800, kQuality = 90, kDistance = 8, kArm = 4;
constexpr std::size_t kCornersMax = 200;

std::string encode(std::span<const std::uint8_t> bytes) {
  std::string text(sodium_base64_ENCODED_LEN(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(text.data(), text.size(), bytes.data(), bytes.size(), sodium_base64_VARIANT_ORIGINAL);
  text.pop_back();  // its NUL
  return text;
}

struct Input {
  json::object fields;
  Picture picture;
};

// read takes a step's JSON and decodes the picture in it.
std::expected<Input, std::string> read(std::string_view text) {
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  if (error || !value.is_object()) return std::unexpected("expected a JSON object from the step before");
  const json::value* picture = value.as_object().if_contains("picture_jpeg_base64");
  if (picture == nullptr || !picture->is_string())
    return std::unexpected(
        "the field picture_jpeg_base64 is missing: is the sequence scale, detect, report?");
  const json::string& encoded = picture->as_string();
  std::vector<std::uint8_t> jpeg(encoded.size() / 4 * 3 + 3);
  std::size_t size = 0;
  if (sodium_base642bin(jpeg.data(), jpeg.size(), encoded.data(), encoded.size(), nullptr, &size, nullptr,
                        sodium_base64_VARIANT_ORIGINAL) != 0)
    return std::unexpected("the field picture_jpeg_base64 is not base64");
  jpeg.resize(size);
  auto decoded = decode_jpeg(jpeg, kSideMax);
  if (!decoded) return std::unexpected(decoded.error());
  return Input{std::move(value.as_object()), std::move(*decoded)};
}

}  // namespace

Text scale(std::span<const std::uint8_t> jpeg) {
  auto original = jpeg_size(jpeg);
  if (!original) return std::unexpected(original.error());
  auto picture = decode_jpeg(jpeg, kSideMax);
  if (!picture) return std::unexpected(picture.error());
  auto smaller = encode_jpeg(*picture, kQuality);
  if (!smaller) return std::unexpected(smaller.error());
  return json::serialize(json::object{
      {"original",
       json::object{{"width", original->width}, {"height", original->height}, {"bytes", jpeg.size()}}},
      {"width", picture->width},
      {"height", picture->height},
      {"picture_jpeg_base64", encode(*smaller)}});
}

Text detect(std::string_view text) {
  auto input = read(text);
  if (!input) return std::unexpected(input.error());
  json::array corners;
  for (const Corner& corner : detect_corners(input->picture, kCornersMax, kDistance))
    corners.push_back(json::array{corner.x, corner.y});
  input->fields["corners"] = std::move(corners);
  return json::serialize(input->fields);
}

Text report(std::string_view text) {
  auto input = read(text);
  if (!input) return std::unexpected(input.error());
  const json::value* listed = input->fields.if_contains("corners");
  if (listed == nullptr || !listed->is_array())
    return std::unexpected("the field corners is missing: is the sequence scale, detect, report?");
  std::vector<Corner> corners;
  for (const json::value& item : listed->as_array()) {
    if (!item.is_array() || item.as_array().size() != 2 || !item.at(0).is_int64() || !item.at(1).is_int64())
      return std::unexpected("a corner must be [x, y]");
    const std::int64_t x = item.at(0).as_int64(), y = item.at(1).as_int64();
    if (x < 0 || y < 0 || x >= input->picture.width || y >= input->picture.height)
      return std::unexpected("a corner lies outside the picture");
    corners.push_back({static_cast<int>(x), static_cast<int>(y)});
  }
  annotate(input->picture, corners, kArm);
  auto png = encode_png(input->picture);
  if (!png) return std::unexpected(png.error());
  json::object out;
  if (const json::value* original = input->fields.if_contains("original")) out["original"] = *original;
  out["width"] = input->picture.width;
  out["height"] = input->picture.height;
  out["count"] = corners.size();
  out["corners"] = *listed;
  out["picture_png_base64"] = encode(*png);
  return json::serialize(out);
}

}  // namespace photos
