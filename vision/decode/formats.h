// What each format's structure check finds out before the decoder sees the file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kinglet/image.h"

namespace kinglet::vision {

// A picture whose structure is sound: what the decoder may be given, and how much it may take.
struct CheckedPicture {
  int width = 0;                          // as stored
  int height = 0;                         // as stored
  int orientation = 1;                    // EXIF, 1 to 8
  std::size_t memory_budget = 0;          // bytes that the decoder may hold at once
  std::span<const std::uint8_t> encoded;  // what to decode: a part of the file, or `rewritten`
  std::vector<std::uint8_t> rewritten;
};

// Each throws Error as DecodeImage does. `file` must start with the format's signature, and must
// outlive the result.
//
// JPEG: markers walked up to the end of the image; sizes, tables and scans consistent; enough
// entropy-coded data for the size that the header claims.
CheckedPicture CheckJpeg(std::span<const std::uint8_t> file, const std::string& name,
                         const ImageLimits& limits);
// PNG: chunks walked up to IEND, checksums of the critical ones, enough compressed data for the
// size. Rewritten with the chunks that the decoder needs and no others.
CheckedPicture CheckPng(std::span<const std::uint8_t> file, const std::string& name,
                        const ImageLimits& limits);
// BMP: pixel rows inside the file. Rewritten with the one header form that the decoder reads
// without surprises and a full palette.
CheckedPicture CheckBmp(std::span<const std::uint8_t> file, const std::string& name,
                        const ImageLimits& limits);

// The first picture of a GIF file, decoded.
Image DecodeGif(std::span<const std::uint8_t> file, const std::string& name,
                const ImageLimits& limits);
// A WebP file, decoded, where ReadsWebp() says that Kinglet was built with libwebp.
Image DecodeWebp(std::span<const std::uint8_t> file, const std::string& name,
                 const ImageLimits& limits);
bool ReadsWebp();

// Throws Error(kInvalidInput) for a size of zero and Error(kResource) for one above the limit.
void CheckSize(std::int64_t width, std::int64_t height, const std::string& name,
               const ImageLimits& limits);

}  // namespace kinglet::vision
