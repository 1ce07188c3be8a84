// Decoding against the pictures of the shared test data, and what has to be refused.
#include "kinglet/image.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "kinglet/error.h"
#include "tests/vision/md5.h"
#include "tests/vision/shared_data.h"

namespace kinglet::image_test {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using testing::ReadBytes;
using testing::SharedData;

struct Entry {
  std::string file, format, mode, md5;
  int width, height;
  double mean[3];
};

std::vector<Entry> Manifest() {
  std::ifstream stream(SharedData() / "images" / "MANIFEST.tsv");
  std::string line;
  std::getline(stream, line);
  std::vector<Entry> entries;
  while (std::getline(stream, line)) {
    std::istringstream fields(line);
    Entry e;
    fields >> e.file >> e.width >> e.height >> e.format >> e.mode >> e.md5 >> e.mean[0] >>
        e.mean[1] >> e.mean[2];
    EXPECT_TRUE(fields) << line;
    entries.push_back(e);
  }
  return entries;
}

std::string PathOf(const std::string& file) { return (SharedData() / "images" / file).string(); }

double ChannelMean(const Image& image, std::size_t channel) {
  double sum = 0;
  for (std::size_t i = channel; i < image.pixels.size(); i += 3) sum += image.pixels[i];
  return sum / (static_cast<double>(image.width) * image.height);
}

// The error that reading ends in; fails when it ends in a picture.
Error ErrorOf(const std::string& path, const ImageLimits& limits = {}) {
  try {
    ReadImage(path, limits);
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), Not(HasSubstr("\n")));
    EXPECT_THAT(error.what(), HasSubstr(path));
    return error;
  }
  ADD_FAILURE() << path << " was read";
  return Error(ErrorCode::kIo, "");
}

TEST(ReadImage, AgreesWithTheManifest) {
  KINGLET_NEEDS_SHARED_DATA();
  const std::vector<Entry> entries = Manifest();
  ASSERT_GT(entries.size(), 60u);
  for (const Entry& e : entries) {
    SCOPED_TRACE(e.file);
    const Image image = ReadImage(PathOf(e.file));
    const bool turned = e.file.find("orientation_5") != std::string::npos ||
                        e.file.find("orientation_6") != std::string::npos;
    EXPECT_EQ(image.width, turned ? e.height : e.width);
    EXPECT_EQ(image.height, turned ? e.width : e.height);
    ASSERT_EQ(image.pixels.size(), std::size_t(e.width) * std::size_t(e.height) * 3);
    if (e.md5 != "-") {
      EXPECT_EQ(testing::Md5(image.pixels), e.md5);
    }
    for (std::size_t c = 0; c < 3; ++c) EXPECT_NEAR(ChannelMean(image, c), e.mean[c], 1.0);
  }
}

TEST(ReadImage, TurnsPicturesUpright) {
  KINGLET_NEEDS_SHARED_DATA();
  const Image three = ReadImage(PathOf("odd_exif_orientation_3.jpg"));
  ASSERT_EQ(three.width, 160);
  ASSERT_EQ(three.height, 120);
  const Image plain = ReadImage(PathOf("odd_trailing_bytes.jpg"));
  for (const char* file : {"odd_exif_orientation_5.jpg", "odd_exif_orientation_6.jpg"}) {
    SCOPED_TRACE(file);
    const Image other = ReadImage(PathOf(file));
    ASSERT_EQ(other.width, three.width);
    ASSERT_EQ(other.height, three.height);
    double from_three = 0, from_plain = 0;
    for (std::size_t i = 0; i < other.pixels.size(); ++i) {
      from_three += std::abs(int{other.pixels[i]} - int{three.pixels[i]});
      from_plain += std::abs(int{other.pixels[i]} - int{plain.pixels[i]});
    }
    EXPECT_LT(from_three / static_cast<double>(other.pixels.size()), 3.0);
    EXPECT_LT(from_plain / static_cast<double>(other.pixels.size()), 3.0);
  }
}

TEST(ReadImage, RefusesBrokenFiles) {
  KINGLET_NEEDS_SHARED_DATA();
  // What another decoder accepts may be accepted, provided that it is a picture of that size.
  const std::vector<std::string> may_be_read = {"noise_in_the_middle.jpg", "bad_crc_idat.png",
                                                "zip_bomb_8000x8000.png", "no_palette.png",
                                                "chunk_length.png"};
  int files = 0;
  for (const auto& item : std::filesystem::directory_iterator(PathOf("broken"))) {
    SCOPED_TRACE(item.path().filename().string());
    ++files;
    if (std::count(may_be_read.begin(), may_be_read.end(), item.path().filename())) {
      try {
        const Image image = ReadImage(item.path().string());
        EXPECT_FALSE(image.empty());
      } catch (const Error& error) {
        EXPECT_NE(error.code(), ErrorCode::kIo) << error.what();
      }
    } else {
      EXPECT_NE(ErrorOf(item.path().string()).code(), ErrorCode::kIo);
    }
  }
  EXPECT_GE(files, 24);
}

TEST(ReadImage, SaysWhatIsWrong) {
  KINGLET_NEEDS_SHARED_DATA();
  const std::map<std::string, std::string> reasons = {
      {"truncated.jpg", "without an end marker"},
      {"truncated.png", "beyond the end of the file"},
      {"truncated.bmp", "bytes of pixels"},
      {"soi_eoi.jpg", "without a frame header"},
      {"zero.jpg", "empty"},
      {"text.jpg", "is no picture (JPEG, "},
      {"zero_height.jpg", "of 160x0 pixels"},
      {"bad_crc_ihdr.png", "wrong checksum"},
      {"zero_width.png", "0x"},
      {"too_little_data.png", "too few"},
      {"no_palette.png", "without a palette"},
      {"offset_outside.bmp", "pixels begin at byte"},
      {"min_int_height.bmp", "2147483648"},
      {"huge_2147483647.png", "above the limit"}};
  for (const auto& [file, reason] : reasons) {
    EXPECT_THAT(ErrorOf(PathOf("broken/" + file)).what(), HasSubstr(reason)) << file;
  }
}

TEST(ReadImage, HoldsToThePixelLimit) {
  KINGLET_NEEDS_SHARED_DATA();
  for (const char* file : {"odd_progressive.jpg", "odd_rgb16.png", "odd_topdown_159x119.bmp"}) {
    const Image image = ReadImage(PathOf(file));
    const std::int64_t pixels = std::int64_t{image.width} * image.height;
    EXPECT_FALSE(ReadImage(PathOf(file), {.max_pixels = pixels}).empty());
    EXPECT_EQ(ErrorOf(PathOf(file), {.max_pixels = pixels - 1}).code(), ErrorCode::kResource);
  }
  EXPECT_EQ(ErrorOf(PathOf("broken/zip_bomb_8000x8000.png")).code(), ErrorCode::kResource);
  for (const std::int64_t limit : {std::int64_t{0}, std::int64_t{-1}, kLargestMaxPixels + 1}) {
    EXPECT_THROW(ReadImage(PathOf("rgb6X4.bmp"), {.max_pixels = limit}), Error);
  }
}

TEST(ReadImage, NamesFilesThatCannotBeRead) {
  const std::string folder = ::testing::TempDir();
  EXPECT_EQ(ErrorOf(folder + "/no_such_picture.jpg").code(), ErrorCode::kIo);
  EXPECT_EQ(ErrorOf(folder).code(), ErrorCode::kIo);
}

TEST(DecodeImage, NamesOtherFormats) {
  const std::map<std::string, std::string> files = {
      {std::string("II*\0\0\0\0\0", 8), "TIFF"},
      {std::string("\0\0\0\x1C", 4) + "ftypavif", "AVIF"}};
  for (const auto& [bytes, what] : files) {
    const auto* data = reinterpret_cast<const std::uint8_t*>(bytes.data());
    try {
      DecodeImage({data, bytes.size()}, "x");
      ADD_FAILURE() << what;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
      EXPECT_THAT(error.what(), HasSubstr(what));
    }
  }
}

// Every cut and many changed bytes of small files: an error or a picture, nothing else.
TEST(DecodeImage, SurvivesDamage) {
  KINGLET_NEEDS_SHARED_DATA();
  std::uint32_t random = 1;
  const auto next = [&random] { return (random = random * 1664525u + 1013904223u) >> 8; };
  for (const char* file :
       {"odd_1x1.jpg", "odd_gray.jpg", "odd_cmyk.jpg", "odd_exif_orientation_6.jpg", "odd_1bit.png",
        "odd_interlaced.png", "odd_palette.png", "odd_gray_alpha.png", "odd_palette_61x47.bmp",
        "rgb6X4.bmp"}) {
    SCOPED_TRACE(file);
    const std::vector<std::uint8_t> good = ReadBytes(PathOf(file));
    int refused = 0;
    const auto decode = [&](const std::vector<std::uint8_t>& bytes) {
      try {
        const Image image = DecodeImage(bytes, "damaged", {.max_pixels = 1'000'000});
        EXPECT_EQ(image.pixels.size(), std::size_t(image.width) * std::size_t(image.height) * 3);
      } catch (const Error&) {
        ++refused;
      }
    };
    for (int i = 0; i < 60; ++i) {
      decode({good.begin(), good.begin() + static_cast<std::ptrdiff_t>(next() % good.size())});
    }
    EXPECT_EQ(refused, 60) << "a cut file was read";
    for (int i = 0; i < 120; ++i) {
      std::vector<std::uint8_t> bad = good;
      const std::size_t range = i % 2 == 0 ? std::min<std::size_t>(bad.size(), 200) : bad.size();
      for (unsigned k = 0; k <= next() % 4; ++k) {
        bad[next() % range] = static_cast<std::uint8_t>(next());
      }
      decode(bad);
    }
  }
}

TEST(HasImageExtension, KnowsThemInAnyCase) {
  for (const char* name : {"a.jpg", "a.JPEG", "b/c.Png", "x.bmp", "A.GIF"})
    EXPECT_TRUE(HasImageExtension(name));
  for (const char* name : {"a.tiff", "jpg", ".jpg", "a.jpg.txt", ""}) {
    EXPECT_FALSE(HasImageExtension(name)) << name;
  }
}

Image Pattern(int width, int height) {
  Image image{width, height, {}};
  for (int i = 0; i < width * height * 3; ++i) {
    image.pixels.push_back(static_cast<std::uint8_t>(i * 37 % 251));
  }
  return image;
}

TEST(WriteImage, LosslessFormatsGiveThePictureBack) {
  const Image image = Pattern(13, 7);
  for (const char* name : {"kinglet_w.png", "kinglet_w.BMP"}) {
    const std::string path = ::testing::TempDir() + "/" + name;
    WriteImage(path, image);
    WriteImage(path, image);  // over the first
    const Image back = ReadImage(path);
    EXPECT_EQ(back.width, 13);
    EXPECT_EQ(back.height, 7);
    EXPECT_EQ(back.pixels, image.pixels);
    std::filesystem::remove(path);
  }
}

TEST(WriteImage, JpegComesClose) {
  Image image{32, 24, std::vector<std::uint8_t>(32 * 24 * 3, 90)};
  const std::string path = ::testing::TempDir() + "/kinglet_w.jpeg";
  WriteImage(path, image, {.jpeg_quality = 95});
  const Image back = ReadImage(path);
  std::filesystem::remove(path);
  ASSERT_EQ(back.pixels.size(), image.pixels.size());
  for (const std::uint8_t value : back.pixels) ASSERT_NEAR(value, 90, 2);
}

TEST(WriteImage, RefusesWhatItCannotWrite) {
  const std::string folder = ::testing::TempDir();
  const auto code = [](const std::string& path, const Image& image, int quality = 90) {
    try {
      WriteImage(path, image, {.jpeg_quality = quality});
    } catch (const Error& error) {
      return error.code();
    }
    ADD_FAILURE() << path;
    return ErrorCode::kResource;
  };
  EXPECT_EQ(code(folder + "/x.gif", Pattern(2, 2)), ErrorCode::kInvalidInput);
  EXPECT_EQ(code(folder + "/x.png", Image{}), ErrorCode::kInvalidInput);
  EXPECT_EQ(code(folder + "/x.png", Image{2, 2, {1, 2, 3}}), ErrorCode::kInvalidInput);
  EXPECT_EQ(code(folder + "/x.jpg", Pattern(2, 2), 0), ErrorCode::kInvalidInput);
  EXPECT_EQ(code(folder + "/no_such_folder/x.png", Pattern(2, 2)), ErrorCode::kIo);
}

}  // namespace
}  // namespace kinglet::image_test
