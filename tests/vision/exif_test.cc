#include "vision/decode/exif.h"

#include <gtest/gtest.h>

#include <string>

namespace kinglet::vision::exif_test {
namespace {

std::span<const std::uint8_t> Of(const std::string& text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

// A TIFF block with one entry before the orientation.
std::string Tiff(bool big, int value, int type = 3) {
  const auto u16 = [big](int v) {
    std::string s{static_cast<char>(v >> 8), static_cast<char>(v)};
    if (!big) std::swap(s[0], s[1]);
    return s;
  };
  const auto u32 = [&](int v) { return big ? u16(0) + u16(v) : u16(v) + u16(0); };
  const std::string other = u16(0x010F) + u16(2) + u32(4) + "abc" + '\0';
  const std::string orientation =
      u16(0x0112) + u16(type) + u32(1) + (type == 3 ? u16(value) + u16(0) : u32(value));
  return std::string(big ? "MM" : "II") + u16(42) + u32(8) + u16(2) + other + orientation + u32(0);
}

TEST(ExifOrientation, ReadsBothByteOrders) {
  for (int value = 1; value <= 8; ++value) {
    EXPECT_EQ(ExifOrientation(Of(Tiff(true, value))), value);
    EXPECT_EQ(ExifOrientation(Of(Tiff(false, value))), value);
    EXPECT_EQ(ExifOrientation(Of(Tiff(false, value, 4))), value);
  }
}

TEST(ExifOrientation, IsUprightForWhateverIsMalformed) {
  EXPECT_EQ(ExifOrientation(Of(Tiff(true, 0))), 1);
  EXPECT_EQ(ExifOrientation(Of(Tiff(true, 9))), 1);
  EXPECT_EQ(ExifOrientation(Of(Tiff(true, 6, 2))), 1);
  const std::string good = Tiff(false, 6);
  for (std::size_t length = 0; length < good.size(); ++length) {
    const int orientation = ExifOrientation(Of(good.substr(0, length)));
    EXPECT_EQ(orientation, length < 34 ? 1 : 6) << length;
  }
  std::string far = good;
  far[4] = far[5] = far[6] = far[7] = '\xFF';
  EXPECT_EQ(ExifOrientation(Of(far)), 1);
}

// Each orientation says where the picture's first row and first column are seen; numbers are the
// red values of a picture three wide and two high.
TEST(Upright, TurnsAllEightOrientations) {
  const std::vector<std::vector<int>> expected = {
      {0, 1, 2, 3, 4, 5}, {2, 1, 0, 5, 4, 3}, {5, 4, 3, 2, 1, 0}, {3, 4, 5, 0, 1, 2},
      {0, 3, 1, 4, 2, 5}, {3, 0, 4, 1, 5, 2}, {5, 2, 4, 1, 3, 0}, {2, 5, 1, 4, 0, 3}};
  for (const int channels : {3, 4}) {
    std::vector<std::uint8_t> stored;
    for (int i = 0; i < 6; ++i) {
      for (int c = 0; c < channels; ++c) stored.push_back(static_cast<std::uint8_t>(i + 10 * c));
    }
    for (int orientation = 1; orientation <= 8; ++orientation) {
      SCOPED_TRACE(orientation);
      const Image image = Upright(stored.data(), 3, 2, channels, orientation);
      EXPECT_EQ(image.width, orientation >= 5 ? 2 : 3);
      EXPECT_EQ(image.height, orientation >= 5 ? 3 : 2);
      ASSERT_EQ(image.pixels.size(), 18u);
      for (std::size_t i = 0; i < 6; ++i) {
        const int value = expected[static_cast<std::size_t>(orientation - 1)][i];
        EXPECT_EQ(image.pixels[3 * i], value);
        EXPECT_EQ(image.pixels[3 * i + 1], value + 10);
        EXPECT_EQ(image.pixels[3 * i + 2], value + 20);
      }
    }
  }
}

}  // namespace
}  // namespace kinglet::vision::exif_test
