// Convolutions of codes on every target and every variant, against sums in int64: bit for bit.
// Those on matrix tiles by their emulation, and by the hardware where it is there.
#pragma once

#include <cstdint>
#include <set>
#include <string_view>
#include <vector>

#include "kernels/common/blocked.h"
#include "kernels/conv/conv.h"

namespace kinglet::kernels::integer_conv_check {

inline constexpr int64_t kCodes = PixelBlock(ElementType::kUInt8);
inline constexpr OperandTypes kTypes = {ElementType::kUInt8, ElementType::kInt16,
                                        ElementType::kUInt8};

struct Case {
  ConvShape shape = {};
  int32_t input_zero_point = 0;
  Requantisation requantisation = {.scale = 0.01f, .zero_point = 7};
  bool per_channel = true;
  bool bias = true;
  int16_t low = -255, high = 255;  // weights
  int64_t units_per_call = 0;      // 0: all in one call
  int64_t gap = 0;                 // bytes between the images of the output
};

inline ConvShape Square(int64_t ic, int64_t size, int64_t oc, int kernel, int stride, int pad,
                        int64_t groups = 1, int64_t n = 1) {
  ConvShape s;
  s.n = n;
  s.ic = ic;
  s.ih = s.iw = size;
  s.oc = oc;
  s.kh = s.kw = kernel;
  s.sh = s.sw = stride;
  s.pad_top = s.pad_left = pad;
  s.oh = s.ow = (size + 2 * pad - kernel) / stride + 1;
  s.groups = groups;
  return s;
}
bool IsOnTiles(const ConvVariant& variant);

using Ids = std::set<std::string_view>;

// Every variant must have met a case that it supports, but those of `absent`.
void CheckAll(const std::vector<Case>& cases, const std::vector<Ids>& absent);

inline const Ids kFirst = {"conv/first_u8", "conv/first_quads_u8", "conv/first_narrow_quads_u8",
                           "conv/plain_first_quads_u8", "conv/tiles_first_u8"};
inline const Ids kDepthwise = {"conv/depthwise_u8"};
inline const Ids kDepthwiseQuads = {"conv/depthwise_quads_u8", "conv/plain_depthwise_quads_u8"};
inline const Ids kWinograd = {"conv/winograd2_u8"};

}  // namespace kinglet::kernels::integer_conv_check
