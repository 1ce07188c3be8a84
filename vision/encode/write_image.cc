#include <climits>
#include <filesystem>

#include "kinglet/file.h"
#include "kinglet/image.h"
#include "vision/decode/fail.h"
#include "vision/decode/stb.h"

namespace kinglet {

namespace vision {
namespace {

EncodedFormat FormatOf(const std::string& path) {
  std::string extension = std::filesystem::path(path).extension().string();
  for (char& c : extension) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + 32);
  }
  if (extension == ".png") return EncodedFormat::kPng;
  if (extension == ".jpg" || extension == ".jpeg") return EncodedFormat::kJpeg;
  if (extension == ".bmp") return EncodedFormat::kBmp;
  Fail(ErrorCode::kInvalidInput, path, "the extension \"", extension,
       "\" names no picture format; use .png, .jpg, .jpeg or .bmp");
}

void CheckImage(const Image& image, EncodedFormat format, const std::string& path) {
  const auto bytes = std::int64_t{image.width} * image.height;
  if (image.width <= 0 || image.height <= 0 || bytes > kLargestMaxPixels ||
      image.pixels.size() != static_cast<std::size_t>(bytes) * 3) {
    Fail(ErrorCode::kInvalidInput, path, "a picture of ", image.width, "x", image.height,
         " pixels with ", image.pixels.size(), " bytes cannot be written");
  }
  constexpr int kJpegSide = 65535;
  if (format == EncodedFormat::kJpeg && (image.width > kJpegSide || image.height > kJpegSide)) {
    Fail(ErrorCode::kInvalidInput, path, "a picture of ", image.width, "x", image.height,
         " pixels is too large for JPEG; write it as .png");
  }
}

}  // namespace
}  // namespace vision

std::vector<std::uint8_t> EncodeImage(const std::string& path, const Image& image,
                                      const ImageWriteOptions& options) {
  const vision::EncodedFormat format = vision::FormatOf(path);
  vision::CheckImage(image, format, path);
  if (options.jpeg_quality < 1 || options.jpeg_quality > 100) {
    vision::Fail(ErrorCode::kInvalidInput, path, "a JPEG quality of ", options.jpeg_quality,
                 "; 1 to 100 are possible");
  }
  std::vector<std::uint8_t> file = vision::EncodeWithStb(image, format, options.jpeg_quality);
  if (file.empty()) vision::Fail(ErrorCode::kResource, path, "no memory to encode the picture");
  return file;
}

void WriteImage(const std::string& path, const Image& image, const ImageWriteOptions& options) {
  const std::vector<std::uint8_t> file = EncodeImage(path, image, options);
  WriteFile(path, {reinterpret_cast<const char*>(file.data()), file.size()});
}

}  // namespace kinglet
