// Files made here: forms of BMP that the shared pictures lack, and headers that promise more than
// the file holds.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <string>
#include <vector>

#include "kinglet/error.h"
#include "kinglet/image.h"
#include "tests/vision/shared_data.h"

namespace kinglet::structure_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using File = std::vector<std::uint8_t>;

void Put(File& file, std::uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) file.push_back(static_cast<std::uint8_t>(value >> (8 * i)));
}

struct Bmp {
  unsigned header = 40, bits = 24, compression = 0;
  int width = 1, height = 1;
  File masks = {}, palette = {};
  unsigned gap = 0;  // between palette and pixels
  File rows = {};

  File Make() const {
    File f = {'B', 'M'};
    const std::size_t offset =
        14 + header + palette.size() + gap + (header == 40 ? masks.size() : 0);
    Put(f, offset + rows.size(), 4);
    Put(f, 0, 4);
    Put(f, offset, 4);
    Put(f, header, 4);
    const int side = header == 12 ? 2 : 4;
    Put(f, static_cast<std::uint64_t>(width), side);
    Put(f, static_cast<std::uint64_t>(height), side);
    Put(f, 1, 2);
    Put(f, bits, 2);
    if (header > 12) {
      Put(f, compression, 4);
      f.resize(f.size() + 20);
    }
    f.insert(f.end(), masks.begin(), masks.end());
    f.resize(std::max<std::size_t>(f.size(), 14 + header));
    f.insert(f.end(), palette.begin(), palette.end());
    f.resize(f.size() + gap);
    f.insert(f.end(), rows.begin(), rows.end());
    return f;
  }
};

std::vector<std::uint8_t> Pixels(const Bmp& bmp) {
  return DecodeImage(bmp.Make(), "made.bmp").pixels;
}

Error ErrorOf(const File& file, const ImageLimits& limits = {}) {
  try {
    DecodeImage(file, "made", limits);
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "was read";
  return Error(ErrorCode::kIo, "");
}

TEST(Bmp, RowsAreStoredFromTheBottomUnlessTheHeightIsNegative) {
  Bmp bmp{.height = 2, .rows = {1, 2, 3, 0, 4, 5, 6, 0}};
  EXPECT_THAT(Pixels(bmp), ElementsAre(6, 5, 4, 3, 2, 1));
  bmp.height = -2;
  EXPECT_THAT(Pixels(bmp), ElementsAre(3, 2, 1, 6, 5, 4));
}

TEST(Bmp, LastRowMayLackItsPadding) {
  EXPECT_THAT(Pixels({.height = 2, .rows = {1, 2, 3, 0, 4, 5, 6}}), ElementsAre(6, 5, 4, 3, 2, 1));
  EXPECT_THAT(ErrorOf(Bmp{.height = 2, .rows = {1, 2, 3, 0, 4, 5}}.Make()).what(),
              HasSubstr("needs 7 bytes"));
}

TEST(Bmp, PalettesOfEveryHeader) {
  const File four = {10, 20, 30, 0, 40, 50, 60, 0, 70, 80, 90, 0};
  const File three = {10, 20, 30, 40, 50, 60, 70, 80, 90};
  for (const unsigned header : {40u, 52u, 56u, 64u, 108u, 124u}) {
    SCOPED_TRACE(header);
    EXPECT_THAT(Pixels({.header = header,
                        .bits = 4,
                        .width = 3,
                        .palette = four,
                        .gap = 8,
                        .rows = {0x02, 0x10, 0, 0}}),
                ElementsAre(30, 20, 10, 90, 80, 70, 60, 50, 40));
  }
  EXPECT_THAT(Pixels({.header = 12, .bits = 8, .width = 2, .palette = three, .rows = {2, 0, 0, 0}}),
              ElementsAre(90, 80, 70, 30, 20, 10));
  EXPECT_THAT(Pixels({.bits = 1, .width = 2, .palette = four, .rows = {0x40, 0, 0, 0}}),
              ElementsAre(30, 20, 10, 60, 50, 40));
}

TEST(Bmp, AllColoursOfAFullPaletteWithTheOldHeader) {
  File palette;
  for (unsigned i = 0; i < 256; ++i) Put(palette, i * 0x010101u, 3);
  EXPECT_THAT(
      Pixels({.header = 12, .bits = 8, .width = 4, .palette = palette, .rows = {0, 128, 254, 255}}),
      ElementsAre(0, 0, 0, 128, 128, 128, 254, 254, 254, 255, 255, 255));
}

TEST(Bmp, ColoursOutsideThePaletteAreBlack) {
  EXPECT_THAT(Pixels({.bits = 8, .width = 2, .palette = {1, 2, 3, 0}, .rows = {0, 255, 0, 0}}),
              ElementsAre(3, 2, 1, 0, 0, 0));
  EXPECT_THAT(ErrorOf(Bmp{.bits = 8, .rows = {0, 0, 0, 0}}.Make()).what(),
              HasSubstr("without a palette"));
}

TEST(Bmp, SixteenAndThirtyTwoBits) {
  const Bmp five{.bits = 16, .width = 2, .rows = {0x1F, 0x00, 0xE0, 0x03}};
  EXPECT_THAT(Pixels(five), ElementsAre(0, 0, 255, 0, 255, 0));
  File masks;
  for (const unsigned mask : {0xF800u, 0x07E0u, 0x001Fu}) Put(masks, mask, 4);
  for (const unsigned header : {40u, 52u, 56u, 108u, 124u}) {
    SCOPED_TRACE(header);
    EXPECT_THAT(Pixels({.header = header,
                        .bits = 16,
                        .compression = 3,
                        .width = 2,
                        .masks = masks,
                        .rows = {0x00, 0xF8, 0xE0, 0x07}}),
                ElementsAre(255, 0, 0, 0, 255, 0));
  }
  EXPECT_THAT(Pixels({.bits = 32, .rows = {1, 2, 3, 0}}), ElementsAre(3, 2, 1));
  EXPECT_EQ(ErrorOf(Bmp{.bits = 8, .compression = 1, .rows = {0, 0}}.Make()).code(),
            ErrorCode::kUnsupported);
}

// ---- Promises

std::uint32_t Crc(const std::uint8_t* data, std::size_t count) {
  std::uint32_t crc = ~0u;
  for (std::size_t i = 0; i < count; ++i) {
    crc ^= data[i];
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ (crc & 1 ? 0xEDB88320u : 0u);
  }
  return ~crc;
}

void SetU32(File& file, std::size_t pos, std::uint32_t value) {
  for (std::size_t i = 0; i < 4; ++i)
    file[pos + i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
}

// A grey picture's file, as this library writes it.
File Written(const std::string& extension, int width, int height) {
  const std::string path = ::testing::TempDir() + "/kinglet_structure" + extension;
  const auto bytes = static_cast<std::size_t>(width) * static_cast<std::size_t>(height) * 3;
  WriteImage(path, {width, height, File(bytes, 128)});
  File file = testing::ReadBytes(path);
  std::filesystem::remove(path);
  return file;
}

File PngClaiming(File file, std::uint32_t width, std::uint32_t height) {
  SetU32(file, 16, width);
  SetU32(file, 20, height);
  SetU32(file, 29, Crc(file.data() + 12, 17));
  return file;
}

TEST(Png, RefusesMorePixelsThanItsDataCanHold) {
  const File good = Written(".png", 64, 64);
  EXPECT_EQ(DecodeImage(PngClaiming(good, 64, 64), "made").width, 64);
  EXPECT_THAT(ErrorOf(PngClaiming(good, 5000, 6000)).what(), HasSubstr("too few"));
  EXPECT_EQ(ErrorOf(PngClaiming(good, 64, 65)).code(), ErrorCode::kInvalidInput);
}

TEST(Png, StopsInflatingWhatThePixelsDoNotNeed) {
  const File bomb = PngClaiming(Written(".png", 400, 400), 1, 1);
  EXPECT_THAT(ErrorOf(bomb).what(), HasSubstr("outofmem"));
}

// Behind the marker's two bytes and the two of the length.
std::size_t SegmentBody(const File& file, std::uint8_t marker) {
  const std::uint8_t wanted[] = {0xFF, marker};
  const auto at = std::search(file.begin(), file.end(), wanted, wanted + 2);
  EXPECT_NE(at, file.end());
  return static_cast<std::size_t>(at - file.begin()) + 4;
}

TEST(Jpeg, RefusesMorePixelsThanItsDataCanHold) {
  File file = Written(".jpg", 64, 64);
  EXPECT_EQ(DecodeImage(file, "made").width, 64);
  const std::size_t frame = SegmentBody(file, 0xC0);
  file[frame + 1] = file[frame + 3] = 0x15;  // 5440 or so each way
  EXPECT_THAT(ErrorOf(file).what(), HasSubstr("bytes in a scan"));
}

TEST(Jpeg, RefusesTablesThatOverrun) {
  File file = Written(".jpg", 64, 64);
  const std::size_t table = SegmentBody(file, 0xC4);
  File longer = file;
  longer[table + 1] = 3;  // three codes of one bit
  EXPECT_THAT(ErrorOf(longer).what(), HasSubstr("Huffman table"));
  file[table + 16] = 255;  // more symbols than the segment holds
  EXPECT_THAT(ErrorOf(file).what(), HasSubstr("Huffman table"));
}

TEST(Jpeg, RefusesScansWithoutTheirTables) {
  File file = Written(".jpg", 64, 64);
  file[SegmentBody(file, 0xDA) + 2] = 0x33;  // Huffman tables 3 and 3
  EXPECT_THAT(ErrorOf(file).what(), HasSubstr("table that is not in the file"));
}

TEST(Jpeg, RefusesThousandsOfScans) {
  KINGLET_NEEDS_SHARED_DATA();
  const File good = testing::ReadBytes(testing::SharedData() / "images" / "odd_progressive.jpg");
  const std::uint8_t scan_marker[] = {0xFF, 0xDA};
  const auto scan = std::find_end(good.begin(), good.end(), scan_marker, scan_marker + 2);
  File file(good.begin(), scan);
  for (int i = 0; i < 200; ++i) file.insert(file.end(), scan, good.end() - 2);
  file.insert(file.end(), {0xFF, 0xD9});
  const Error error = ErrorOf(file);
  EXPECT_EQ(error.code(), ErrorCode::kResource);
  EXPECT_THAT(error.what(), HasSubstr("scans"));
}

TEST(Jpeg, RefusesCmykOfUnknownMeaning) {
  KINGLET_NEEDS_SHARED_DATA();
  File file = testing::ReadBytes(testing::SharedData() / "images" / "odd_cmyk.jpg");
  const std::string adobe = "Adobe";
  *std::search(file.begin(), file.end(), adobe.begin(), adobe.end()) = 'X';
  EXPECT_EQ(ErrorOf(file).code(), ErrorCode::kUnsupported);
}

}  // namespace
}  // namespace kinglet::structure_test
