#include "vision/decode/exif.h"

#include <algorithm>

#include "vision/decode/bytes.h"

namespace kinglet::vision {

int ExifOrientation(std::span<const std::uint8_t> tiff) noexcept {
  constexpr unsigned kOrientation = 0x0112, kShort = 3, kLong = 4;
  const Bytes bytes(tiff);
  const bool big = bytes.StartsWith(0, {"MM\0*", 4});
  if (!big && !bytes.StartsWith(0, {"II*\0", 4})) return 1;
  const auto u16 = [&](std::size_t pos) { return big ? bytes.U16Be(pos) : bytes.U16Le(pos); };
  const auto u32 = [&](std::size_t pos) { return big ? bytes.U32Be(pos) : bytes.U32Le(pos); };

  const std::size_t directory = u32(4);
  if (!bytes.Has(directory, 2)) return 1;
  const std::size_t entries = u16(directory);
  for (std::size_t i = 0; i < entries; ++i) {
    const std::size_t entry = directory + 2 + 12 * i;
    if (!bytes.Has(entry, 12)) return 1;
    if (u16(entry) != kOrientation) continue;
    const unsigned type = u16(entry + 2);
    if (u32(entry + 4) != 1 || (type != kShort && type != kLong)) return 1;
    const std::uint32_t value = type == kShort ? u16(entry + 8) : u32(entry + 8);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : 1;
  }
  return 1;
}

namespace {

// Where the upright picture's first pixel is, and the steps to its right and lower neighbours.
struct Walk {
  std::ptrdiff_t start, right, down;
};

Walk WalkOf(std::ptrdiff_t w, std::ptrdiff_t h, std::ptrdiff_t pixel, int orientation) {
  const std::ptrdiff_t row = w * pixel, last_x = (w - 1) * pixel, last_y = (h - 1) * row;
  switch (orientation) {
    case 2:  // mirrored
      return {last_x, -pixel, row};
    case 3:  // half a turn
      return {last_x + last_y, -pixel, -row};
    case 4:  // upside down, mirrored
      return {last_y, pixel, -row};
    case 5:  // transposed
      return {0, row, pixel};
    case 6:  // to be turned clockwise
      return {last_y, -row, pixel};
    case 7:  // transposed along the other diagonal
      return {last_x + last_y, -row, -pixel};
    case 8:  // to be turned counter-clockwise
      return {last_x, row, -pixel};
    default:
      return {0, pixel, row};
  }
}

}  // namespace

Image Upright(const std::uint8_t* pixels, int width, int height, int channels, int orientation) {
  constexpr int kBlock = 64;  // columns at a time, so that a transposed walk stays in the cache
  const Walk walk = WalkOf(width, height, channels, orientation);
  Image image;
  image.width = orientation >= 5 ? height : width;
  image.height = orientation >= 5 ? width : height;
  const std::size_t bytes =
      static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * std::size_t{3};
  if (walk.right == 3 && walk.down == std::ptrdiff_t{3} * width) {
    image.pixels.assign(pixels, pixels + bytes);
    return image;
  }
  image.pixels.resize(bytes);
  for (int x0 = 0; x0 < image.width; x0 += kBlock) {
    const int x1 = std::min(x0 + kBlock, image.width);
    for (int y = 0; y < image.height; ++y) {
      const std::uint8_t* from = pixels + walk.start + walk.down * y + walk.right * x0;
      std::uint8_t* to = image.row(y) + 3 * x0;
      for (int x = x0; x < x1; ++x, from += walk.right, to += 3) {
        to[0] = from[0];
        to[1] = from[1];
        to[2] = from[2];
      }
    }
  }
  return image;
}

}  // namespace kinglet::vision
