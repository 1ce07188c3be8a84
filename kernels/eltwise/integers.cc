#include "kernels/eltwise/integers.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/eltwise/integers.cc"
#include "kernels/common/dispatch.h"
#include "kernels/common/independent.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

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
using DoubleTag = hn::CappedTag<double, 8>;
using IntTag = hn::Rebind<int32_t, DoubleTag>;
using IntVec = hn::Vec<IntTag>;

HWY_INLINE IntVec Quotient(IntVec a, IntVec b) {
  const IntTag d;
  const DoubleTag dd;
  const auto zero = hn::Eq(b, hn::Zero(d));
  const auto minus_one = hn::Eq(b, hn::Set(d, -1));
  const hn::RebindToUnsigned<IntTag> du;  // the least integer has no negative
  const IntVec negated = hn::BitCast(d, hn::Sub(hn::Zero(du), hn::BitCast(du, a)));
  const IntVec divisor = hn::IfThenElse(hn::Or(zero, minus_one), hn::Set(d, 1), b);
  const IntVec whole = hn::DemoteTo(d, hn::Div(hn::PromoteTo(dd, a), hn::PromoteTo(dd, divisor)));
  return hn::IfThenZeroElse(zero, hn::IfThenElse(minus_one, negated, whole));
}

int32_t QuotientOf(int32_t a, int32_t b) {
  if (b == 0) return 0;
  if (b == -1) return static_cast<int32_t>(0U - static_cast<uint32_t>(a));
  return a / b;
}

void Divide(const void* a_data, int64_t a_stride, const void* b_data, int64_t b_stride,
            void* y_data, int64_t n) noexcept {
  const IntTag d;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto* a = static_cast<const int32_t*>(a_data);
  const auto* b = static_cast<const int32_t*>(b_data);
  auto* y = static_cast<int32_t*>(y_data);
  if (n == 0) return;
  const int32_t first_a = *a, first_b = *b;
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const IntVec x = a_stride == 0 ? hn::Set(d, first_a) : hn::LoadU(d, a + i);
    const IntVec z = b_stride == 0 ? hn::Set(d, first_b) : hn::LoadU(d, b + i);
    hn::StoreU(Quotient(x, z), d, y + i);
  }
  for (; i < n; ++i) {
    y[i] = QuotientOf(a_stride == 0 ? first_a : a[i], b_stride == 0 ? first_b : b[i]);
  }
}

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
      return is_signed && !wide ? &Divide : nullptr;
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
