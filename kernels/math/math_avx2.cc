#if defined(__x86_64__) || defined(_M_X64)
#include "kernels/math/functions-inl.h"
#include "kernels/math/tables.h"

namespace kinglet::kernels {

const MathTable* MathTableAvx2() noexcept { return &Functions<xsimd::fma3<xsimd::avx2>>::kTable; }

}  // namespace kinglet::kernels
#endif
