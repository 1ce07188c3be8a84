// The functions that variants.inc names: each variant defines its own.
#pragma once

#include "kernels/gemm/gemm.h"

namespace kinglet::kernels {

#define KINGLET_GEMM_VARIANT(function) GemmVariant function();
#include "kernels/gemm/variants.inc"
#undef KINGLET_GEMM_VARIANT

}  // namespace kinglet::kernels
