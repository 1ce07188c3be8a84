// An affine function for each channel, followed by an activation: batch normalisation that could
// not be folded into a convolution (Ioffe and Szegedy 2015, arXiv:1502.03167), and Mul and Add by
// {C,1,1}. And the clearing of pad lanes.
//
// Blocked: y[p][l] = f(x[p][l] * scale[l] + shift[l]), p < pixels, l < 16, for one channel block.
// Plain:   y[i] = f(x[i] * scale + shift), i < n, for one channel.
// Pad lanes stay zero when scale and shift are zero there and f(0) == 0 (KeepsZero of
// kernels/common/epilogue.h); otherwise clear them.
// Alignment: any. Over-read, over-write: none. Aliasing: y may be x; otherwise no overlap.
// Bounds: 2u * (|x * scale| + |shift|) with u = 2^-24 before f, then as
// kernels/common/epilogue-inl.h.
#pragma once

#include <cstddef>

#include "kernels/common/epilogue.h"

namespace kinglet::kernels {

struct ChannelTable {
  void (*affine_blocked)(const float* x, const float* scale, const float* shift, float* y,
                         size_t pixels, const Epilogue& epilogue) noexcept;
  void (*affine_plain)(const float* x, float scale, float shift, float* y, size_t n,
                       const Epilogue& epilogue) noexcept;
  // Lanes [channels, 16) of `pixels` consecutive pixels of a block become zero.
  void (*zero_pad_lanes)(float* y, size_t pixels, size_t channels) noexcept;
};

// Functions for the active target. Fetch them at plan time.
const ChannelTable& GetChannelTable() noexcept;

}  // namespace kinglet::kernels
