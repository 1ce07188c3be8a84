// WebP files, where Kinglet was built with libwebp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kinglet/error.h"
#include "kinglet/image.h"

namespace kinglet::webp_test {
namespace {

using Bytes = std::vector<std::uint8_t>;
using ::testing::HasSubstr;

bool ReadsWebp() { return HasImageExtension("a.webp"); }

// One lossless pixel, half transparent.
const Bytes kLossless = {0x52, 0x49, 0x46, 0x46, 0x1A, 0x00, 0x00, 0x00, 0x57, 0x45, 0x42, 0x50,
                         0x56, 0x50, 0x38, 0x4C, 0x0D, 0x00, 0x00, 0x00, 0x2F, 0x00, 0x00, 0x00,
                         0x10, 0x07, 0x10, 0x11, 0x11, 0x88, 0x88, 0xFE, 0x07, 0x00};
// One lossy pixel.
const Bytes kLossy = {0x52, 0x49, 0x46, 0x46, 0x22, 0x00, 0x00, 0x00, 0x57, 0x45, 0x42,
                      0x50, 0x56, 0x50, 0x38, 0x20, 0x16, 0x00, 0x00, 0x00, 0x30, 0x01,
                      0x00, 0x9D, 0x01, 0x2A, 0x01, 0x00, 0x01, 0x00, 0x0E, 0xC0, 0xFE,
                      0x25, 0xA4, 0x00, 0x03, 0x70, 0x00, 0x00, 0x00, 0x00};

ErrorCode CodeOf(const Bytes& file, const ImageLimits& limits = {}) {
  try {
    DecodeImage(file, "x.webp", limits);
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("x.webp: "));
    return error.code();
  }
  ADD_FAILURE() << "no error";
  return ErrorCode::kIo;
}

TEST(WebpTest, WithoutTheLibraryItSaysSo) {
  if (ReadsWebp()) GTEST_SKIP() << "Kinglet was built with libwebp";
  EXPECT_EQ(CodeOf(kLossless), ErrorCode::kUnsupported);
  EXPECT_EQ(ImageFormats().find("WebP"), std::string::npos);
}

TEST(WebpTest, ReadsBothKinds) {
  if (!ReadsWebp()) GTEST_SKIP() << "Kinglet was built without libwebp";
  EXPECT_THAT(ImageFormats(), HasSubstr("WebP"));
  for (const Bytes& file : {kLossless, kLossy}) {
    const Image image = DecodeImage(file, "x.webp");
    EXPECT_EQ(image.width, 1);
    EXPECT_EQ(image.height, 1);
    EXPECT_EQ(image.pixels.size(), 3u);
  }
}

TEST(WebpTest, CutsAndSizesAreErrors) {
  if (!ReadsWebp()) GTEST_SKIP() << "Kinglet was built without libwebp";
  for (const Bytes& file : {kLossless, kLossy}) {
    for (std::size_t size = 12; size < file.size(); ++size) {
      EXPECT_EQ(CodeOf(Bytes(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size))),
                ErrorCode::kInvalidInput)
          << size;
    }
  }
  Bytes large = kLossless;
  large[21] = large[22] = 0xFF;  // 16384 pixels wide
  EXPECT_EQ(CodeOf(large, {.max_pixels = 1000}), ErrorCode::kResource);
}

TEST(WebpTest, SurvivesDamage) {
  if (!ReadsWebp()) GTEST_SKIP() << "Kinglet was built without libwebp";
  std::uint32_t random = 1;
  const auto next = [&random] { return (random = random * 1664525u + 1013904223u) >> 8; };
  int errors = 0;
  for (int i = 0; i < 500; ++i) {
    Bytes file = i % 2 == 0 ? kLossless : kLossy;
    file[12 + next() % (file.size() - 12)] = static_cast<std::uint8_t>(next());
    try {
      EXPECT_FALSE(DecodeImage(file, "x.webp", {.max_pixels = 1 << 20}).empty());
    } catch (const Error& error) {
      EXPECT_NE(error.code(), ErrorCode::kIo);
      ++errors;
    }
  }
  EXPECT_GT(errors, 0);
}

}  // namespace
}  // namespace kinglet::webp_test
