// The functions that variants.inc names: each variant defines its own.
#pragma once

#include "kernels/conv/conv.h"

namespace kinglet::kernels {

#define KINGLET_CONV_VARIANT(function) ConvVariant function();
#include "kernels/conv/variants.inc"
#undef KINGLET_CONV_VARIANT

}  // namespace kinglet::kernels
