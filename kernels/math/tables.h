// One table for each instruction set; each is compiled with flags of its own and must be touched
// only where kernels/common/cpu_target.h says that the instructions exist.
#pragma once

#include "kernels/math/math.h"

namespace kinglet::kernels {

const MathTable* MathTableSse2() noexcept;
const MathTable* MathTableAvx2() noexcept;
const MathTable* MathTableAvx512() noexcept;
const MathTable* MathTableNeon() noexcept;

}  // namespace kinglet::kernels
