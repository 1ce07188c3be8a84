// The sliding window of convolutions and pools: kernel_shape, strides, dilations, pads, auto_pad,
// ceil_mode, output_padding and output_shape, read and checked once for n spatial dimensions.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "engine/op/op.h"

namespace kinglet {

// All vectors have one entry for each spatial dimension. Every entry fits 31 bits, kernel, strides,
// dilations and output are positive, pads are not negative.
struct Window {
  std::vector<std::int64_t> kernel;
  std::vector<std::int64_t> strides;
  std::vector<std::int64_t> dilations;
  std::vector<std::int64_t> pads_begin;
  std::vector<std::int64_t> pads_end;
  std::vector<std::int64_t> output;  // sizes

  std::size_t rank() const { return kernel.size(); }
  // Input elements that the dilated kernel spans.
  std::int64_t Extent(std::size_t i) const { return (kernel[i] - 1) * dilations[i] + 1; }
};

// The sizes behind N and C of input 0. Throws Error(kInvalidModel) for a rank below 3.
std::vector<std::int64_t> SpatialSizes(const NodeContext& context);

// Conv on `input` sizes: the kernel is that of the weights, and kernel_shape, where present, says
// the same. All three throw Error(kInvalidModel) where an attribute is wrong or an output size is
// not positive.
Window ConvWindow(const NodeContext& context, std::span<const std::int64_t> input,
                  std::span<const std::int64_t> kernel);

// Pools: kernel_shape is required, pads are smaller than the kernel, ceil_mode is obeyed (a last
// window that would begin in the padding behind the input is dropped).
Window PoolWindow(const NodeContext& context, std::span<const std::int64_t> input);

// ConvTranspose: tap k of input i adds to output i * stride + k * dilation - pads_begin, where that
// exists. pads are as for the convolution that this one inverts.
Window ConvTransposeWindow(const NodeContext& context, std::span<const std::int64_t> input,
                           std::span<const std::int64_t> kernel);

}  // namespace kinglet
