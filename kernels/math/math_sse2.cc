#if defined(__x86_64__) || defined(_M_X64)
#include "kernels/math/functions-inl.h"
#include "kernels/math/tables.h"

namespace kinglet::kernels {

const MathTable* MathTableSse2() noexcept { return &Functions<xsimd::sse2>::kTable; }

}  // namespace kinglet::kernels
#endif
