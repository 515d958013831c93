// Pixels in and out: JPEG by libjpeg-turbo, PNG by libpng's simplified interface; both report errors as
// values.
#include <png.h>
#include <turbojpeg.h>

#include <memory>

#include "photos.h"

namespace photos {

namespace {

struct Closer {
  void operator()(void* handle) const { tjDestroy(handle); }
};
using Handle = std::unique_ptr<void, Closer>;

constexpr int kSideMax = 20'000;

std::unexpected<std::string> jpeg_error(void* handle) {
  return std::unexpected(std::string("not a usable JPEG: ") + tjGetErrorStr2(handle));
}

}  // namespace

std::expected<Size, std::string> jpeg_size(std::span<const std::uint8_t> jpeg) {
  Handle handle(tjInitDecompress());
  if (!handle) return std::unexpected("no memory for a JPEG decoder");
  Size size;
  int subsampling = 0, colours = 0;
  if (tjDecompressHeader3(handle.get(), jpeg.data(), jpeg.size(), &size.width, &size.height, &subsampling,
                          &colours) != 0)
    return jpeg_error(handle.get());
  if (size.width <= 0 || size.height <= 0 || size.width > kSideMax || size.height > kSideMax) {
    return std::unexpected("the picture's sides must be 1 to 20000 pixels");
  }
  return size;
}

std::expected<Picture, std::string> decode_jpeg(std::span<const std::uint8_t> jpeg, int side_max) {
  auto size = jpeg_size(jpeg);
  if (!size) return std::unexpected(size.error());
  Handle handle(tjInitDecompress());
  if (!handle) return std::unexpected("no memory for a JPEG decoder");

  Picture picture{size->width, size->height, {}};
  int count = 0;
  const tjscalingfactor* factors = tjGetScalingFactors(&count);
  for (int i = 0; i < count; ++i) {  // from the largest to the smallest
    if (factors[i].num > factors[i].denom) continue;
    picture.width = TJSCALED(size->width, factors[i]);
    picture.height = TJSCALED(size->height, factors[i]);
    if (picture.width <= side_max && picture.height <= side_max) break;
  }
  picture.rgb.resize(static_cast<std::size_t>(picture.width) * static_cast<std::size_t>(picture.height) * 3);
  if (tjDecompress2(handle.get(), jpeg.data(), jpeg.size(), picture.rgb.data(), picture.width, 0,
                    picture.height, TJPF_RGB, TJFLAG_ACCURATEDCT) != 0 &&
      tjGetErrorCode(handle.get()) == TJERR_FATAL) {
    return jpeg_error(handle.get());
  }
  return picture;
}

std::expected<std::vector<std::uint8_t>, std::string> encode_jpeg(const Picture& picture, int quality) {
  Handle handle(tjInitCompress());
  if (!handle) return std::unexpected("no memory for a JPEG encoder");
  unsigned char* buffer = nullptr;
  unsigned long size = 0;
  const int failed = tjCompress2(handle.get(), picture.rgb.data(), picture.width, 0, picture.height, TJPF_RGB,
                                 &buffer, &size, TJSAMP_420, quality, TJFLAG_ACCURATEDCT);
  std::unique_ptr<unsigned char, void (*)(unsigned char*)> owner(buffer, tjFree);
  if (failed != 0) return jpeg_error(handle.get());
  return std::vector<std::uint8_t>(buffer, buffer + size);
}

std::expected<std::vector<std::uint8_t>, std::string> encode_png(const Picture& picture) {
  png_image image{};
  image.version = PNG_IMAGE_VERSION;
  image.width = static_cast<png_uint_32>(picture.width);
  image.height = static_cast<png_uint_32>(picture.height);
  image.format = PNG_FORMAT_RGB;
  png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
  std::vector<std::uint8_t> png(size);
  if (png_image_write_to_memory(&image, png.data(), &size, 0, picture.rgb.data(), 0, nullptr) == 0) {
    return std::unexpected(std::string("cannot encode the PNG: ") + image.message);
  }
  png.resize(size);
  return png;
}

}  // namespace photos
