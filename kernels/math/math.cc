#include "kernels/math/math.h"

#include "kernels/common/cpu_target.h"
#include "kernels/math/tables.h"

namespace kinglet::kernels {

const MathTable& GetMathTable() noexcept {
#if defined(__x86_64__) || defined(_M_X64)
  const std::string_view target = ActiveTarget();
  if (target == "avx512") return *MathTableAvx512();
  if (target == "avx2") return *MathTableAvx2();
  return *MathTableSse2();
#else
  return *MathTableNeon();
#endif
}

}  // namespace kinglet::kernels
