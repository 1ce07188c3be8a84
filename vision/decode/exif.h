// EXIF orientation: finding it, and turning a picture upright.
#pragma once

#include <cstdint>
#include <span>

#include "kinglet/image.h"

namespace kinglet::vision {

// The Orientation tag of a TIFF block (what follows "Exif\0\0" in a JPEG, or a PNG's eXIf chunk):
// 1 to 8. 1 when there is none or the block is malformed: a picture is not worth less for it.
int ExifOrientation(std::span<const std::uint8_t> tiff) noexcept;

// The upright picture from `width` x `height` pixels of `channels` bytes (3 or 4; the fourth is
// dropped). Orientations 5 to 8 swap width and height.
Image Upright(const std::uint8_t* pixels, int width, int height, int channels, int orientation);

}  // namespace kinglet::vision
