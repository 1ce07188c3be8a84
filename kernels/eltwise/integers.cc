#include "kernels/eltwise/integers.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/eltwise/integers.cc"
#include "kernels/common/dispatch.h"
#include "kernels/common/independent.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

template <typename T>
struct Mul {
  using Result = T;
  static HWY_INLINE T Of(T a, T b) { return a * b; }
};

template <typename T>
struct Equal {
  using Result = uint8_t;
  static HWY_INLINE uint8_t Of(T a, T b) { return a == b ? 1 : 0; }
};

// By way of float64, whose quotient of numbers of 32 bits is never rounded up to the next integer.
struct SignedDiv {
  using Result = int32_t;
  static HWY_INLINE int32_t Of(int32_t a, int32_t b) {
    const int32_t divisor = b == 0 || b == -1 ? 1 : b;
    const auto quotient = static_cast<int32_t>(static_cast<double>(a) / divisor);
    const auto negated = static_cast<int32_t>(0U - static_cast<uint32_t>(a));
    return b == 0 ? 0 : b == -1 ? negated : quotient;
  }
};

struct UnsignedDiv {
  using Result = uint32_t;
  static HWY_INLINE uint32_t Of(uint32_t a, uint32_t b) {
    const uint32_t divisor = b == 0 ? 1 : b;
    const auto quotient = static_cast<uint32_t>(static_cast<double>(a) / divisor);
    return b == 0 ? 0 : quotient;
  }
};

template <typename Op, typename T>
void Run(const void* a_data, int64_t a_stride, const void* b_data, int64_t b_stride, void* y_data,
         int64_t n) noexcept {
  if (n == 0) return;
  const T* a = static_cast<const T*>(a_data);
  const T* b = static_cast<const T*>(b_data);
  auto* y = static_cast<typename Op::Result*>(y_data);
  const T first = *a, second = *b;
  if (a_stride != 0 && b_stride != 0) {
    KINGLET_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) y[i] = Op::Of(a[i], b[i]);
  } else if (a_stride != 0) {
    KINGLET_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) y[i] = Op::Of(a[i], second);
  } else if (b_stride != 0) {
    KINGLET_INDEPENDENT
    for (int64_t i = 0; i < n; ++i) y[i] = Op::Of(first, b[i]);
  } else {
    for (int64_t i = 0; i < n; ++i) y[i] = Op::Of(first, second);
  }
}

}  // namespace

IntegerFn IntegersForTarget(IntegerOp op, bool is_signed, int64_t bytes) {
  if (bytes != 4 && bytes != 8) return nullptr;
  const bool wide = bytes == 8;
  switch (op) {
    case IntegerOp::kMul:
      return wide ? &Run<Mul<uint64_t>, uint64_t> : &Run<Mul<uint32_t>, uint32_t>;
    case IntegerOp::kEqual:
      return wide ? &Run<Equal<uint64_t>, uint64_t> : &Run<Equal<uint32_t>, uint32_t>;
    case IntegerOp::kDiv:
      if (wide) return nullptr;
      return is_signed ? &Run<SignedDiv, int32_t> : &Run<UnsignedDiv, uint32_t>;
  }
  return nullptr;
}

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(Integers);
HWY_EXPORT(IntegersForTarget);

IntegerFn FindIntegers(IntegerOp op, bool is_signed, int64_t bytes) noexcept {
  return KINGLET_RESOLVE(IntegersForTarget)(op, is_signed, bytes);
}

}  // namespace kinglet::kernels
#endif
