// conv/dilated_f32: convolutions whose taps lie so far apart that many of them read nothing but
// padding. Each tap is a product of its own over the outputs that it reaches, straight from the
// input, and is added to what the others have left in the output: nothing is multiplied with zeros.
#pragma once

#include <cstdint>

#include "kernels/conv/conv.h"
#include "kernels/gemm/gather_gemm.h"

namespace kinglet::kernels {

void DilatedRun(const ConvShape& s, GatherGemmFn gemm, const ConvArgs& args, int64_t begin_unit,
                int64_t end_unit, void* scratch) noexcept;

// DilatedRun with the active target's product bound.
ConvRunFn ResolveDilatedConv();

}  // namespace kinglet::kernels
