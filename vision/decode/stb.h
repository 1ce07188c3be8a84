// The decoder and the encoders behind Kinglet's pictures: stb_image and stb_image_write.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kinglet/image.h"
#include "vision/decode/formats.h"

namespace kinglet::vision {

// Decodes `picture.encoded` and turns it upright. The decoder gets memory up to
// `picture.memory_budget` and no more. Throws Error(kInvalidInput) when it refuses the data.
Image DecodeWithStb(const CheckedPicture& picture, const std::string& name);

enum class EncodedFormat { kPng, kJpeg, kBmp };

// The file's bytes; empty when the encoder failed for want of memory.
std::vector<std::uint8_t> EncodeWithStb(const Image& image, EncodedFormat format, int jpeg_quality);

}  // namespace kinglet::vision
