// GIF files, written here by an encoder of the test's own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "kinglet/error.h"
#include "kinglet/image.h"

namespace kinglet::gif_test {
namespace {

using Bytes = std::vector<std::uint8_t>;
using ::testing::HasSubstr;

// Writes codes of a growing number of bits.
class BitWriter {
 public:
  void Put(unsigned code, int bits) {
    pending_ |= std::uint64_t{code} << count_;
    for (count_ += bits; count_ >= 8; count_ -= 8, pending_ >>= 8) {
      bytes_.push_back(static_cast<std::uint8_t>(pending_));
    }
  }
  Bytes Take() {
    if (count_ > 0) bytes_.push_back(static_cast<std::uint8_t>(pending_));
    return std::move(bytes_);
  }

 private:
  Bytes bytes_;
  std::uint64_t pending_ = 0;
  int count_ = 0;
};

Bytes Lzw(const Bytes& indices, int bits) {
  const unsigned clear = 1u << bits;
  std::map<std::string, unsigned> codes;
  unsigned next = 0;
  int width = 0;
  BitWriter writer;
  const auto reset = [&] {
    codes.clear();
    for (unsigned i = 0; i < clear; ++i) codes[std::string(1, static_cast<char>(i))] = i;
    next = clear + 2;
    width = bits + 1;
  };
  reset();
  writer.Put(clear, width);
  std::string text;
  for (const std::uint8_t index : indices) {
    const std::string longer = text + static_cast<char>(index);
    if (codes.contains(longer)) {
      text = longer;
      continue;
    }
    writer.Put(codes.at(text), width);
    if (next == 4096) {
      writer.Put(clear, width);
      reset();
    } else {
      codes[longer] = next++;
      if (next > 1u << width && width < 12) ++width;
    }
    text = std::string(1, static_cast<char>(index));
  }
  writer.Put(codes.at(text), width);
  // The decoder has one more string by then.
  if (next == 1u << width && width < 12) ++width;
  writer.Put(clear + 1, width);
  return writer.Take();
}

struct Gif {
  int width = 8, height = 6;  // of the whole
  int left = 0, top = 0;      // of the picture
  int frame_width = 8, frame_height = 6;
  int bits = 2;        // of an index; 1 << bits colours
  bool local = false;  // the table of colours is the picture's own
  bool interlaced = false;
  Bytes indices;  // rows in the order in which they are stored
};

void PutU16(Bytes& file, int value) {
  file.push_back(static_cast<std::uint8_t>(value & 255));
  file.push_back(static_cast<std::uint8_t>(value >> 8));
}

// The colour of an index: no two are alike.
std::uint8_t Sample(unsigned index, int c) {
  return static_cast<std::uint8_t>(index * 7 + static_cast<unsigned>(c) * 50 + 1);
}

void PutTable(Bytes& file, int bits) {
  for (unsigned i = 0; i < 1u << bits; ++i) {
    for (int c = 0; c < 3; ++c) file.push_back(Sample(i, c));
  }
}

Bytes Write(const Gif& gif) {
  Bytes file = {'G', 'I', 'F', '8', '9', 'a'};
  PutU16(file, gif.width);
  PutU16(file, gif.height);
  const auto table = static_cast<std::uint8_t>(0x80 | (gif.bits - 1));
  file.insert(file.end(), {gif.local ? std::uint8_t{0} : table, 1, 0});
  if (!gif.local) PutTable(file, gif.bits);
  file.insert(file.end(), {0x21, 0xFE, 3, 'h', 'i', '!', 0});  // a comment
  file.push_back(0x2C);
  for (const int value : {gif.left, gif.top, gif.frame_width, gif.frame_height}) {
    PutU16(file, value);
  }
  file.push_back(static_cast<std::uint8_t>((gif.local ? table : 0) | (gif.interlaced ? 0x40 : 0)));
  if (gif.local) PutTable(file, gif.bits);
  const int bits = std::max(gif.bits, 2);
  file.push_back(static_cast<std::uint8_t>(bits));
  const Bytes data = Lzw(gif.indices, bits);
  for (std::size_t i = 0; i < data.size(); i += 255) {
    const std::size_t count = std::min<std::size_t>(255, data.size() - i);
    file.push_back(static_cast<std::uint8_t>(count));
    const auto from = data.begin() + static_cast<std::ptrdiff_t>(i);
    file.insert(file.end(), from, from + static_cast<std::ptrdiff_t>(count));
  }
  file.insert(file.end(), {0, 0x3B});
  return file;
}

Bytes RandomIndices(int count, int bits, std::uint32_t seed, unsigned run) {
  Bytes indices;
  std::uint32_t random = seed;
  while (indices.size() < static_cast<std::size_t>(count)) {
    random = random * 1664525u + 1013904223u;
    const auto index = static_cast<std::uint8_t>((random >> 20) & ((1u << bits) - 1));
    indices.insert(indices.end(), 1 + (random >> 8) % run, index);
  }
  indices.resize(static_cast<std::size_t>(count));
  return indices;
}

ErrorCode CodeOf(const Bytes& file, const ImageLimits& limits = {}) {
  try {
    DecodeImage(file, "x.gif", limits);
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("x.gif: "));
    return error.code();
  }
  ADD_FAILURE() << "no error";
  return ErrorCode::kIo;
}

TEST(GifTest, IndicesBecomeColours) {
  // Long runs make long strings, noise fills the table of codes.
  for (const int bits : {1, 2, 4, 8}) {
    for (const unsigned run : {1u, 3u, 60u}) {
      Gif gif;
      gif.width = gif.frame_width = 133;
      gif.height = gif.frame_height = 91;
      gif.bits = bits;
      gif.local = run == 3;
      gif.indices = RandomIndices(133 * 91, bits, 5, run);
      const Image image = DecodeImage(Write(gif), "x.gif");
      ASSERT_EQ(image.width, 133);
      ASSERT_EQ(image.height, 91);
      for (std::size_t i = 0; i < gif.indices.size(); ++i) {
        for (int c = 0; c < 3; ++c) {
          ASSERT_EQ(image.pixels[3 * i + static_cast<std::size_t>(c)], Sample(gif.indices[i], c))
              << "bits " << bits << ", run " << run << ", pixel " << i;
        }
      }
    }
  }
}

TEST(GifTest, InterlacedRowsComeInFourPasses) {
  Gif gif;
  gif.height = gif.frame_height = 11;
  gif.bits = 4;
  gif.interlaced = true;
  const std::vector<int> rows = {0, 8, 4, 2, 6, 10, 1, 3, 5, 7, 9};
  for (const int y : rows) gif.indices.insert(gif.indices.end(), 8, static_cast<std::uint8_t>(y));
  const Image image = DecodeImage(Write(gif), "x.gif");
  for (int y = 0; y < 11; ++y) EXPECT_EQ(image.row(y)[0], Sample(static_cast<unsigned>(y), 0));
}

TEST(GifTest, APictureMayCoverAPart) {
  Gif gif;
  gif.left = 2;
  gif.top = 1;
  gif.frame_width = 3;
  gif.frame_height = 2;
  gif.indices = Bytes(6, 3);
  const Image image = DecodeImage(Write(gif), "x.gif");
  ASSERT_EQ(image.width, 8);
  for (int y = 0; y < 6; ++y) {
    for (int x = 0; x < 8; ++x) {
      const bool inside = x >= 2 && x < 5 && y >= 1 && y < 3;
      EXPECT_EQ(image.row(y)[3 * x], Sample(inside ? 3 : 1, 0)) << x << ", " << y;
    }
  }
  gif.left = 7;  // beyond the right
  EXPECT_EQ(DecodeImage(Write(gif), "x.gif").row(1)[3 * 7], Sample(3, 0));
}

TEST(GifTest, TheFirstOfSeveralPicturesCounts) {
  Gif gif;
  gif.indices = Bytes(48, 2);
  Bytes file = Write(gif);
  gif.indices = Bytes(48, 1);
  const Bytes second = Write(gif);
  file.pop_back();
  file.insert(file.end(), second.begin() + 13 + 12, second.end());
  EXPECT_EQ(DecodeImage(file, "x.gif").row(0)[0], Sample(2, 0));
}

TEST(GifTest, EveryCutIsAnError) {
  Gif gif;
  gif.indices = RandomIndices(48, 2, 9, 2);
  const Bytes file = Write(gif);
  for (std::size_t size = 6; size < file.size(); ++size) {
    EXPECT_EQ(CodeOf(Bytes(file.begin(), file.begin() + static_cast<std::ptrdiff_t>(size))),
              ErrorCode::kInvalidInput)
        << size;
  }
  gif.indices.resize(47);
  EXPECT_EQ(CodeOf(Write(gif)), ErrorCode::kInvalidInput);
}

TEST(GifTest, LimitsAndTablesAreChecked) {
  Gif gif;
  gif.indices = Bytes(48, 1);
  EXPECT_EQ(CodeOf(Write(gif), {.max_pixels = 47}), ErrorCode::kResource);
  EXPECT_FALSE(DecodeImage(Write(gif), "x.gif", {.max_pixels = 48}).empty());
  gif.frame_height = 65535;
  EXPECT_EQ(CodeOf(Write(gif), {.max_pixels = 1000}), ErrorCode::kResource);
  gif.frame_height = 0;
  EXPECT_EQ(CodeOf(Write(gif)), ErrorCode::kInvalidInput);
  Bytes none = {'G', 'I', 'F', '8', '7', 'a', 1, 0, 1, 0, 0,    0, 0, 0x2C, 0,
                0,   0,   0,   1,   0,   1,   0, 0, 2, 2, 0x44, 1, 0, 0x3B};
  EXPECT_EQ(CodeOf(none), ErrorCode::kUnsupported);  // without colours
}

// Many changed bytes: an error or a picture, nothing else.
TEST(GifTest, SurvivesDamage) {
  Gif gif;
  gif.bits = 4;
  gif.width = gif.frame_width = 40;
  gif.height = gif.frame_height = 30;
  gif.indices = RandomIndices(1200, 4, 3, 4);
  const Bytes good = Write(gif);
  std::uint32_t random = 1;
  const auto next = [&random] { return (random = random * 1664525u + 1013904223u) >> 8; };
  int pictures = 0;
  for (int i = 0; i < 4000; ++i) {
    Bytes file = good;
    for (unsigned k = 0; k < 1 + next() % 4; ++k) {
      file[6 + next() % (file.size() - 6)] = static_cast<std::uint8_t>(next());
    }
    try {
      const Image image = DecodeImage(file, "x.gif", {.max_pixels = 1 << 20});
      EXPECT_EQ(image.pixels.size(),
                3u * static_cast<unsigned>(image.width) * static_cast<unsigned>(image.height));
      ++pictures;
    } catch (const Error& error) {
      EXPECT_NE(error.code(), ErrorCode::kIo);
    }
  }
  EXPECT_GT(pictures, 100);
}

}  // namespace
}  // namespace kinglet::gif_test
