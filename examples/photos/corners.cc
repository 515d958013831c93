// Corners by Harris's measure (Harris and Stephens, 1988): det(M) − trace(M)² / 16 of the structure tensor M
// of Sobel gradients over a 5 × 5 window, in 64-bit integers.
#include <algorithm>
#include <cstdlib>

#include "photos.h"

namespace photos {

namespace {

// Plane is one value per pixel.
template <typename T>
struct Plane {
  int width, height;
  std::vector<T> values;
  Plane(int w, int h)
      : width(w), height(h), values(static_cast<std::size_t>(w) * static_cast<std::size_t>(h)) {}
  T& at(int x, int y) {
    return values[static_cast<std::size_t>(y) * static_cast<std::size_t>(width) +
                  static_cast<std::size_t>(x)];
  }
};

Plane<int> grey(const Picture& picture) {
  Plane<int> plane(picture.width, picture.height);
  for (std::size_t i = 0; i < plane.values.size(); ++i) {
    const std::uint8_t* pixel = &picture.rgb[3 * i];
    plane.values[i] = (77 * pixel[0] + 150 * pixel[1] + 29 * pixel[2]) >> 8;  // BT.601 weights
  }
  return plane;
}

struct Tensor {
  std::int64_t xx = 0, xy = 0, yy = 0;
};

Plane<Tensor> gradients(Plane<int>& light) {
  Plane<Tensor> products(light.width, light.height);
  for (int y = 1; y + 1 < light.height; ++y) {
    for (int x = 1; x + 1 < light.width; ++x) {
      auto v = [&](int dx, int dy) { return std::int64_t{light.at(x + dx, y + dy)}; };
      const std::int64_t gx = v(1, -1) + 2 * v(1, 0) + v(1, 1) - v(-1, -1) - 2 * v(-1, 0) - v(-1, 1);
      const std::int64_t gy = v(-1, 1) + 2 * v(0, 1) + v(1, 1) - v(-1, -1) - 2 * v(0, -1) - v(1, -1);
      products.at(x, y) = {gx * gx, gx * gy, gy * gy};
    }
  }
  return products;
}

Plane<std::int64_t> harris(Plane<Tensor>& products) {
  Plane<std::int64_t> measure(products.width, products.height);
  for (int y = 3; y + 3 < products.height; ++y) {
    for (int x = 3; x + 3 < products.width; ++x) {
      Tensor sum;
      for (int dy = -2; dy <= 2; ++dy) {
        for (int dx = -2; dx <= 2; ++dx) {
          const Tensor& one = products.at(x + dx, y + dy);
          sum.xx += one.xx;
          sum.xy += one.xy;
          sum.yy += one.yy;
        }
      }
      const std::int64_t trace = sum.xx + sum.yy;
      measure.at(x, y) = sum.xx * sum.yy - sum.xy * sum.xy - trace * trace / 16;
    }
  }
  return measure;
}

bool is_peak(Plane<std::int64_t>& measure, int x, int y) {
  for (int dy = -1; dy <= 1; ++dy) {
    for (int dx = -1; dx <= 1; ++dx) {
      if ((dx != 0 || dy != 0) && measure.at(x + dx, y + dy) >= measure.at(x, y)) return false;
    }
  }
  return true;
}

}  // namespace

std::vector<Corner> detect_corners(const Picture& picture, std::size_t count_max, int distance) {
  Plane<int> light = grey(picture);
  Plane<Tensor> products = gradients(light);
  Plane<std::int64_t> measure = harris(products);
  struct Candidate {
    std::int64_t strength;
    Corner corner;
  };
  std::vector<Candidate> candidates;
  for (int y = 3; y + 3 < picture.height; ++y) {
    for (int x = 3; x + 3 < picture.width; ++x) {
      if (measure.at(x, y) > 0 && is_peak(measure, x, y)) candidates.push_back({measure.at(x, y), {x, y}});
    }
  }
  std::sort(candidates.begin(), candidates.end(), [](const Candidate& a, const Candidate& b) {
    if (a.strength != b.strength) return a.strength > b.strength;
    return a.corner.y != b.corner.y ? a.corner.y < b.corner.y : a.corner.x < b.corner.x;
  });
  std::vector<Corner> corners;
  for (const Candidate& candidate : candidates) {
    if (corners.size() == count_max) break;
    const bool apart = std::none_of(corners.begin(), corners.end(), [&](const Corner& other) {
      return std::abs(other.x - candidate.corner.x) < distance &&
             std::abs(other.y - candidate.corner.y) < distance;
    });
    if (apart) corners.push_back(candidate.corner);
  }
  return corners;
}

void annotate(Picture& picture, const std::vector<Corner>& corners, int arm) {
  auto dot = [&](int x, int y) {
    if (x < 0 || y < 0 || x >= picture.width || y >= picture.height) return;
    std::uint8_t* pixel =
        &picture.rgb[3 * (static_cast<std::size_t>(y) * static_cast<std::size_t>(picture.width) +
                          static_cast<std::size_t>(x))];
    pixel[0] = 255;
    pixel[1] = 32;
    pixel[2] = 32;
  };
  for (const Corner& corner : corners) {
    for (int i = -arm; i <= arm; ++i) {
      dot(corner.x + i, corner.y);
      dot(corner.x, corner.y + i);
    }
  }
}

}  // namespace photos
