// GatherGemm of bfloat16 (kernels/gemm/gather_gemm.h): where that has a float of `in` and of
// `weights` there is a pair of neighbouring inputs here, and a sum grows by both products at once.
// Offsets, steps and channels count pairs. `out` and `residual` are of epilogue.type: float32, or
// bfloat16 in pixels of 32 outputs, of which every second block of 16 begins in the middle;
// `out_pixel_stride` and `out_block_stride` are in elements, the latter from one pixel block to the
// next. Neither halves nor outputs whose pad lanes are not stored.
//
// Sums are of float32. Where the product is that of the hardware (VDPBF16PS) each step rounds to
// nearest even, the odd product before the even one, and denormals count as zero.
// Source: Intel Architecture Instruction Set Extensions Programming Reference, chapter 2.
#pragma once

#include <bit>
#include <cstdint>

#include "kernels/common/half.h"
#include "kernels/gemm/gather_gemm.h"

namespace kinglet::kernels {

// Two bfloat16 as a product takes them, in the bits of a float.
inline float PairOf(BFloat16 even, BFloat16 odd) {
  return std::bit_cast<float>(even.bits | static_cast<uint32_t>(odd.bits) << 16);
}

enum class GatherProduct : uint8_t {
  kPairs,         // needs a CPU with avx512_bf16
  kWidenedPairs,  // the same by multiply-adds of float32, for tests: on every CPU
  kFloats,        // of floats, as GatherGemm has them
};

// For the active target.
GatherGemmFn ResolveGatherProduct(GatherProduct product);

}  // namespace kinglet::kernels
