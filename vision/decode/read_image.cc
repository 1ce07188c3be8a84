#include <algorithm>
#include <array>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <new>
#include <system_error>

#include "kinglet/image.h"
#include "vision/decode/bytes.h"
#include "vision/decode/fail.h"
#include "vision/decode/formats.h"
#include "vision/decode/stb.h"

namespace kinglet {

namespace vision {

void CheckSize(std::int64_t width, std::int64_t height, const std::string& name,
               const ImageLimits& limits) {
  if (width <= 0 || height <= 0) FailDamaged(name, "a picture of ", width, "x", height, " pixels");
  if (width > kLargestMaxPixels || height > kLargestMaxPixels ||
      width * height > limits.max_pixels) {
    Fail(ErrorCode::kResource, name, "a picture of ", width, "x", height,
         " pixels, above the limit of ", limits.max_pixels,
         " pixels; raise the limit if the file is trusted");
  }
}

namespace {

constexpr std::size_t kSignatureBytes = 16;

enum class Format { kJpeg, kPng, kBmp, kGif, kWebp };

// Throws for whatever is none of them.
Format Recognise(const Bytes& head, const std::string& name) {
  if (head.size() == 0) Fail(ErrorCode::kInvalidInput, name, "the file is empty");
  if (head.StartsWith(0, "\xFF\xD8")) return Format::kJpeg;
  if (head.StartsWith(0, {"\x89PNG\r\n\x1A\n", 8})) return Format::kPng;
  if (head.StartsWith(0, "BM")) return Format::kBmp;
  if (head.StartsWith(0, "GIF87a") || head.StartsWith(0, "GIF89a")) return Format::kGif;
  if (head.StartsWith(0, "RIFF") && head.StartsWith(8, "WEBP")) return Format::kWebp;
  struct Other {
    std::size_t pos;
    std::string_view signature;
    const char* what;
  };
  constexpr Other kOthers[] = {{0, {"II*\0", 4}, "TIFF"}, {0, {"MM\0*", 4}, "TIFF"},
                               {4, "ftypavif", "AVIF"},   {4, "ftyphei", "HEIF"},
                               {4, "ftypmif1", "HEIF"},   {0, "%PDF", "PDF"}};
  for (const Other& other : kOthers) {
    if (head.StartsWith(other.pos, other.signature)) {
      Fail(ErrorCode::kUnsupported, name, "a ", other.what,
           " file; read are " + ImageFormats() + ": convert it first");
    }
  }
  Fail(ErrorCode::kInvalidInput, name, "the file is no picture (", ImageFormats(), ")");
}

ImageLimits CheckedLimits(const ImageLimits& limits) {
  if (limits.max_pixels < 1 || limits.max_pixels > kLargestMaxPixels) {
    throw Error(ErrorCode::kInvalidInput, "the limit on a picture's pixels has to be 1 to " +
                                              std::to_string(kLargestMaxPixels) + ", not " +
                                              std::to_string(limits.max_pixels));
  }
  return limits;
}

// Eight bytes for each pixel is what uncompressed 16-bit RGBA takes; the rest is for metadata.
std::uint64_t LargestFile(const ImageLimits& limits) {
  constexpr std::uint64_t kMetadata = std::uint64_t{1} << 24;
  return static_cast<std::uint64_t>(limits.max_pixels) * 8 + kMetadata;
}

void CheckFileSize(std::uint64_t bytes, const std::string& name, const ImageLimits& limits) {
  if (bytes > LargestFile(limits)) {
    Fail(ErrorCode::kResource, name, "a file of ", bytes, " bytes; a picture of up to ",
         limits.max_pixels, " pixels has at most ", LargestFile(limits));
  }
}

Image Decode(std::span<const std::uint8_t> bytes, Format format, const std::string& name,
             const ImageLimits& limits) try {
  switch (format) {
    case Format::kJpeg:
      return DecodeWithStb(CheckJpeg(bytes, name, limits), name);
    case Format::kPng:
      return DecodeWithStb(CheckPng(bytes, name, limits), name);
    case Format::kGif:
      return DecodeGif(bytes, name, limits);
    case Format::kWebp:
      return DecodeWebp(bytes, name, limits);
    case Format::kBmp:
      break;
  }
  return DecodeWithStb(CheckBmp(bytes, name, limits), name);
} catch (const std::bad_alloc&) {
  Fail(ErrorCode::kResource, name, "no memory to decode the picture");
}

[[noreturn]] void FailToRead(const std::string& path, const std::string& why) {
  Fail(ErrorCode::kIo, path, "cannot be read: ", why);
}

// The whole file, once its first bytes look like a picture.
std::vector<std::uint8_t> ReadFile(const std::string& path, const ImageLimits& limits,
                                   Format& format) try {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (error) FailToRead(path, error.message());
  if (!std::filesystem::exists(status)) FailToRead(path, "no such file");
  if (std::filesystem::is_directory(status)) FailToRead(path, "it is a folder");
  if (!std::filesystem::is_regular_file(status)) FailToRead(path, "it is no regular file");
  errno = 0;
  std::ifstream stream(path, std::ios::binary | std::ios::ate);
  if (!stream) FailToRead(path, std::strerror(errno));
  const std::streamoff size = stream.tellg();
  if (size < 0 || !stream.seekg(0)) FailToRead(path, "its size is not known");
  const auto bytes = static_cast<std::size_t>(size);

  std::array<std::uint8_t, kSignatureBytes> head;
  const std::size_t head_bytes = std::min(bytes, head.size());
  const auto read = [&](std::uint8_t* to, std::size_t count) {
    if (!stream.read(reinterpret_cast<char*>(to), static_cast<std::streamsize>(count))) {
      FailToRead(path, "it ends before its " + std::to_string(bytes) + " bytes");
    }
  };
  read(head.data(), head_bytes);
  format = Recognise(Bytes({head.data(), head_bytes}), path);
  CheckFileSize(bytes, path, limits);
  std::vector<std::uint8_t> file(bytes);
  std::copy_n(head.data(), head_bytes, file.data());
  read(file.data() + head_bytes, bytes - head_bytes);
  return file;
} catch (const std::bad_alloc&) {
  Fail(ErrorCode::kResource, path, "no memory to read the file");
}

}  // namespace
}  // namespace vision

Image DecodeImage(std::span<const std::uint8_t> bytes, const std::string& name,
                  const ImageLimits& limits) {
  vision::CheckedLimits(limits);
  const vision::Format format = vision::Recognise(
      vision::Bytes(bytes.first(std::min(bytes.size(), vision::kSignatureBytes))), name);
  vision::CheckFileSize(bytes.size(), name, limits);
  return vision::Decode(bytes, format, name, limits);
}

Image ReadImage(const std::string& path, const ImageLimits& limits) {
  vision::CheckedLimits(limits);
  vision::Format format{};
  const std::vector<std::uint8_t> file = vision::ReadFile(path, limits, format);
  return vision::Decode(file, format, path, limits);
}

namespace {

constexpr std::string_view kExtensions[] = {".jpg", ".jpeg", ".png", ".bmp", ".gif", ".webp"};

std::span<const std::string_view> Extensions() {
  const std::span<const std::string_view> all(kExtensions);
  return vision::ReadsWebp() ? all : all.first(all.size() - 1);
}

}  // namespace

std::string ImageFormats() {
  return std::string("JPEG, PNG, BMP, GIF") + (vision::ReadsWebp() ? ", WebP" : "");
}

std::string ImageExtensions() {
  std::string text;
  for (const std::string_view extension : Extensions()) {
    if (!text.empty()) text += ", ";
    text += extension;
  }
  return text;
}

bool HasImageExtension(std::string_view path) noexcept {
  const std::span<const std::string_view> extensions = Extensions();
  return std::any_of(extensions.begin(), extensions.end(), [&](std::string_view ext) {
    return path.size() > ext.size() &&
           std::equal(ext.begin(), ext.end(), path.end() - static_cast<std::ptrdiff_t>(ext.size()),
                      [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b + 32 : b); });
  });
}

}  // namespace kinglet
