// photos.h: the three computations of the photos example, as plain functions: scale → detect → report.
// Integer arithmetic only, so that the result is the same byte for byte wherever they run.
#pragma once

#include <cstdint>
#include <expected>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace photos {

struct Picture {
  int width = 0, height = 0;
  std::vector<std::uint8_t> rgb;  // 3 bytes a pixel, rows from top to bottom
};

struct Corner {
  int x = 0, y = 0;
  bool operator==(const Corner&) const = default;
};

// A step's answer is JSON text, its error a sentence for the user.
using Text = std::expected<std::string, std::string>;

struct Size {
  int width = 0, height = 0;
};
// jpeg_size reads the header only.
std::expected<Size, std::string> jpeg_size(std::span<const std::uint8_t> jpeg);
// decode_jpeg scales while it decodes, to at most `side_max` pixels on the longer side.
std::expected<Picture, std::string> decode_jpeg(std::span<const std::uint8_t> jpeg, int side_max);
std::expected<std::vector<std::uint8_t>, std::string> encode_jpeg(const Picture& picture, int quality);
std::expected<std::vector<std::uint8_t>, std::string> encode_png(const Picture& picture);

// detect_corners finds at most `count_max` corners by Harris's measure, strongest first, no two within
// `distance` pixels.
std::vector<Corner> detect_corners(const Picture& picture, std::size_t count_max, int distance);
// annotate draws a cross of the given arm length over each corner.
void annotate(Picture& picture, const std::vector<Corner>& corners, int arm);

// The steps. scale: JPEG bytes → {original, width, height, picture_jpeg_base64}. detect: adds corners.
// report: {original, width, height, count, corners, picture_png_base64}.
Text scale(std::span<const std::uint8_t> jpeg);
Text detect(std::string_view json);
Text report(std::string_view json);

}  // namespace photos
