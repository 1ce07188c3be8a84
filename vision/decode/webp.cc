// WebP by libwebp, where Kinglet was built with it.
#include "vision/decode/fail.h"
#include "vision/decode/formats.h"
#ifdef KINGLET_WEBP
#include <webp/decode.h>

#include "vision/decode/bytes.h"
#include "vision/decode/exif.h"
#endif

namespace kinglet::vision {

#ifdef KINGLET_WEBP

namespace {

constexpr std::size_t kRiffHeader = 12, kChunkHeader = 8;

// Of the EXIF chunk, where there is one.
int OrientationOf(const Bytes& file) {
  for (std::size_t pos = kRiffHeader; file.Has(pos, kChunkHeader);) {
    const std::size_t bytes = file.U32Le(pos + 4);
    if (file.StartsWith(pos, "EXIF")) {
      constexpr std::string_view kPrefix = {"Exif\0\0", 6};  // that some programs write
      const bool prefix = file.StartsWith(pos + kChunkHeader, kPrefix);
      const std::size_t skipped = prefix ? kPrefix.size() : 0;
      if (bytes < skipped) return 1;
      return ExifOrientation(file.Part(pos + kChunkHeader + skipped, bytes - skipped));
    }
    pos += kChunkHeader + bytes + bytes % 2;
  }
  return 1;
}

}  // namespace

bool ReadsWebp() { return true; }

Image DecodeWebp(std::span<const std::uint8_t> file, const std::string& name,
                 const ImageLimits& limits) {
  const Bytes bytes(file);
  const std::size_t whole = std::size_t{bytes.U32Le(4)} + 8;
  if (!bytes.Has(0, kRiffHeader) || file.size() < whole) {
    FailDamaged(name, "a WebP of ", whole, " bytes, of which the file has ", file.size());
  }
  WebPBitstreamFeatures features;
  if (WebPGetFeatures(file.data(), file.size(), &features) != VP8_STATUS_OK) {
    FailDamaged(name, "the WebP has no sound header");
  }
  CheckSize(features.width, features.height, name, limits);
  if (features.has_animation != 0) {
    Fail(ErrorCode::kUnsupported, name, "an animated WebP; convert one of its pictures first");
  }
  const auto width = static_cast<std::size_t>(features.width);
  std::vector<std::uint8_t> pixels(width * static_cast<std::size_t>(features.height) * 3);
  if (WebPDecodeRGBInto(file.data(), file.size(), pixels.data(), pixels.size(),
                        features.width * 3) == nullptr) {
    FailDamaged(name, "the WebP cannot be decoded");
  }
  return Upright(pixels.data(), features.width, features.height, 3, OrientationOf(bytes));
}

#else

bool ReadsWebp() { return false; }

Image DecodeWebp(std::span<const std::uint8_t>, const std::string& name, const ImageLimits&) {
  Fail(ErrorCode::kUnsupported, name,
       "a WebP file, and Kinglet was built without libwebp (KINGLET_WEBP); convert it first");
}

#endif

}  // namespace kinglet::vision
