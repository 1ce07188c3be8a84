// Convolutions of bfloat16 by sums of products of pairs, for CPUs that have an instruction for
// those: kernels/gemm/gather_pairs.h through kernels/conv/gather_conv.h. A dense layer of a batch,
// maps of one pixel, is one product.
#pragma once

#include "kernels/conv/conv.h"

namespace kinglet::kernels {

// The variants by multiply-adds of float32, for tests where no CPU has the instruction: the form of
// the weights and all around the product are those of the variants.
ConvVariant WidenedPairsConvBf16();
ConvVariant WidenedPairsConvBf16F32();

}  // namespace kinglet::kernels
