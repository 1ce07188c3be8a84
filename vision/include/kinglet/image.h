// Pictures: reading JPEG, PNG, BMP, GIF and WebP files into 8-bit RGB, and writing them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace kinglet {

// A picture as height x width x 3 bytes: rows from the top, no padding, red first.
struct Image {
  int width = 0;   // pixels
  int height = 0;  // pixels
  std::vector<std::uint8_t> pixels;

  bool empty() const noexcept { return pixels.empty(); }
  const std::uint8_t* row(int y) const noexcept {
    return pixels.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(width) * 3;
  }
  std::uint8_t* row(int y) noexcept {
    return pixels.data() + static_cast<std::size_t>(y) * static_cast<std::size_t>(width) * 3;
  }
};

// A place in a picture in pixels, continuous: pixel i covers i to i + 1.
struct PicturePoint {
  float x = 0, y = 0;
};

// The most that a caller may ask for as ImageLimits::max_pixels.
inline constexpr std::int64_t kLargestMaxPixels = std::int64_t{1} << 28;

// What a picture may take. It is checked against the sizes in the file's header before memory for
// the pixels is taken; the memory that decoding may use is in proportion to it.
struct ImageLimits {
  std::int64_t max_pixels = 50'000'000;  // width x height; 1 to kLargestMaxPixels
};

// Reads a picture file. The format (baseline or progressive JPEG, PNG, BMP, GIF, and WebP where the
// library was built with libwebp) is recognised by content, not by name. Of several pictures in a
// GIF it is the first; of a WebP with several none. Gray and palette pictures are expanded, 16-bit
// samples keep their high byte, alpha is dropped and not blended, CMYK (JPEG with an Adobe marker)
// is converted without a colour profile, and an EXIF orientation is applied: width and height are
// those of the upright picture.
//
// Throws Error: kIo when the file cannot be read, kInvalidInput when it is no picture or a damaged
// one (cut files are refused, never filled up), kUnsupported for a valid picture of a kind that
// cannot be decoded, kResource when a limit is exceeded. Safe to call from many threads.
Image ReadImage(const std::string& path, const ImageLimits& limits = {});

// The same for a file in memory. `name` stands for the file in messages.
Image DecodeImage(std::span<const std::uint8_t> bytes, const std::string& name,
                  const ImageLimits& limits = {});

// What ReadImage reads in this build: "JPEG, PNG, BMP, GIF, WebP".
std::string ImageFormats();

// How the names of such files end: ".jpg, .jpeg, .png, .bmp, .gif, .webp".
std::string ImageExtensions();

// True when the name ends so, in upper or lower case.
bool HasImageExtension(std::string_view path) noexcept;

struct ImageWriteOptions {
  int jpeg_quality = 92;  // 1 to 100
};

// The bytes of the file that WriteImage would write.
std::vector<std::uint8_t> EncodeImage(const std::string& path, const Image& image,
                                      const ImageWriteOptions& options = {});

// Writes the picture in the format that the extension of `path` names (.jpg, .jpeg, .png, .bmp),
// under a temporary name first: at no time is there half a file at `path`. Throws
// Error(kInvalidInput) for another extension or an inconsistent picture, Error(kIo) when the file
// cannot be written.
void WriteImage(const std::string& path, const Image& image, const ImageWriteOptions& options = {});

}  // namespace kinglet
