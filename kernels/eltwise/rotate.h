// Pairs of float32 turned by angles (RotaryEmbedding: Su et al. 2021, arXiv:2104.09864):
//
//   y[a] = cosines[i] * x[a] - sines[i] * x[b],  y[b] = sines[i] * x[a] + cosines[i] * x[b]
//
// of pair i < pairs, where a = i and b = i + pairs, or interleaved, a = 2 i and b = 2 i + 1.
// Alignment: that of the element. Over-read, over-write: none. Aliasing: y may be x.
// Bound: 2 * 2^-24 * (|x[a]| + |x[b]|) where no sine or cosine exceeds 1.
#pragma once

#include <cstdint>

namespace kinglet::kernels {

using RotateFn = void (*)(const float* x, const float* cosines, const float* sines, int64_t pairs,
                          float* y) noexcept;

// For the active target. Fetch it at plan time.
RotateFn GetRotate(bool interleaved) noexcept;

}  // namespace kinglet::kernels
