#if defined(__aarch64__) || defined(_M_ARM64)
#include "kernels/math/functions-inl.h"
#include "kernels/math/tables.h"

namespace kinglet::kernels {

const MathTable* MathTableNeon() noexcept { return &Functions<xsimd::neon64>::kTable; }

}  // namespace kinglet::kernels
#endif
