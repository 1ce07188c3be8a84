#include "kernels/eltwise/binary.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/eltwise/binary.cc"
#include "kernels/common/dispatch.h"
#include "kernels/eltwise/array-inl.h"
#include "kernels/eltwise/fmod-inl.h"
#include "kernels/eltwise/pow-inl.h"
#include "kernels/eltwise/unary.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

constexpr size_t kPixel = 16;

struct AddOp {
  static HWY_INLINE ArrayVec Run(ArrayVec a, ArrayVec b) { return hn::Add(a, b); }
};
struct SubOp {
  static HWY_INLINE ArrayVec Run(ArrayVec a, ArrayVec b) { return hn::Sub(a, b); }
};
struct MulOp {
  static HWY_INLINE ArrayVec Run(ArrayVec a, ArrayVec b) { return hn::Mul(a, b); }
};
struct DivOp {
  static HWY_INLINE ArrayVec Run(ArrayVec a, ArrayVec b) { return hn::Div(a, b); }
};
// What instructions and Highway's emulation do with NaN differs; a comparison with NaN is false.
struct MinOp {
  static HWY_INLINE ArrayVec Run(ArrayVec a, ArrayVec b) {
    return hn::IfThenElse(hn::Eq(b, b), hn::IfThenElse(hn::Lt(b, a), b, a), b);
  }
};
struct MaxOp {
  static HWY_INLINE ArrayVec Run(ArrayVec a, ArrayVec b) {
    return hn::IfThenElse(hn::Eq(b, b), hn::IfThenElse(hn::Gt(b, a), b, a), b);
  }
};
struct PReluOp {
  static HWY_INLINE ArrayVec Run(ArrayVec a, ArrayVec b) {
    return hn::IfThenElse(hn::Lt(a, hn::Zero(ArrayTag())), hn::Mul(a, b), a);
  }
};
template <class Op>
void Arrays(const float* a, const float* b, float* y, size_t n) noexcept {
  const ArrayTag d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    hn::StoreU(Op::Run(hn::LoadU(d, a + i), hn::LoadU(d, b + i)), d, y + i);
  }
  if (i < n) StoreTail(Op::Run(LoadTail(a + i, n - i), LoadTail(b + i, n - i)), y + i, n - i);
}

template <class Op>
void ArrayScalar(const float* a, float b, float* y, size_t n) noexcept {
  const ArrayTag d;
  const size_t lanes = hn::Lanes(d);
  const ArrayVec vb = hn::Set(d, b);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(Op::Run(hn::LoadU(d, a + i), vb), d, y + i);
  if (i < n) StoreTail(Op::Run(LoadTail(a + i, n - i), vb), y + i, n - i);
}

template <>
void Arrays<PowOp>(const float* a, const float* b, float* y, size_t n) noexcept {
  PowArrays(a, 1, b, 1, y, n);
}

// Some exponents are cheaper than others.
template <>
void ArrayScalar<PowOp>(const float* a, float b, float* y, size_t n) noexcept {
  GetUnary(UnaryOp::kPow)(a, y, n, b, 0);
}

template <class Op>
void ScalarArray(float a, const float* b, float* y, size_t n) noexcept {
  const ArrayTag d;
  const size_t lanes = hn::Lanes(d);
  const ArrayVec va = hn::Set(d, a);
  size_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(Op::Run(va, hn::LoadU(d, b + i)), d, y + i);
  if (i < n) StoreTail(Op::Run(va, LoadTail(b + i, n - i)), y + i, n - i);
}

template <class Op>
void PixelsChannels(const float* a, const float* b, float* y, size_t pixels) noexcept {
  const ArrayTag d;
  for (size_t l = 0; l < kPixel; l += hn::Lanes(d)) {
    const ArrayVec vb = hn::LoadU(d, b + l);
    for (size_t i = l; i < pixels * kPixel; i += kPixel) {
      hn::StoreU(Op::Run(hn::LoadU(d, a + i), vb), d, y + i);
    }
  }
}

template <class Op>
void ChannelsPixels(const float* a, const float* b, float* y, size_t pixels) noexcept {
  const ArrayTag d;
  for (size_t l = 0; l < kPixel; l += hn::Lanes(d)) {
    const ArrayVec va = hn::LoadU(d, a + l);
    for (size_t i = l; i < pixels * kPixel; i += kPixel) {
      hn::StoreU(Op::Run(va, hn::LoadU(d, b + i)), d, y + i);
    }
  }
}

template <class Op>
void PixelsScalars(const float* a, const float* b, size_t step, float* y, size_t pixels) noexcept {
  for (size_t p = 0; p < pixels; ++p) {
    ArrayScalar<Op>(a + p * kPixel, b[p * step], y + p * kPixel, kPixel);
  }
}

template <class Op>
void ScalarsPixels(const float* a, size_t step, const float* b, float* y, size_t pixels) noexcept {
  for (size_t p = 0; p < pixels; ++p) {
    ScalarArray<Op>(a[p * step], b + p * kPixel, y + p * kPixel, kPixel);
  }
}

template <class Op>
void RowsRow(const float* a, const float* b, float* y, size_t rows, size_t n) noexcept {
  for (size_t r = 0; r < rows; ++r) Arrays<Op>(a + r * n, b, y + r * n, n);
}

template <class Op>
void RowRows(const float* a, const float* b, float* y, size_t rows, size_t n) noexcept {
  for (size_t r = 0; r < rows; ++r) Arrays<Op>(a, b + r * n, y + r * n, n);
}

template <class Op>
constexpr BinaryFns kFns = {Arrays<Op>,         ArrayScalar<Op>,    ScalarArray<Op>,
                            PixelsChannels<Op>, ChannelsPixels<Op>, PixelsScalars<Op>,
                            ScalarsPixels<Op>,  RowsRow<Op>,        RowRows<Op>};

constexpr const BinaryFns* kTables[kBinaryOpCount] = {&kFns<AddOp>, &kFns<SubOp>,   &kFns<MulOp>,
                                                      &kFns<DivOp>, &kFns<MinOp>,   &kFns<MaxOp>,
                                                      &kFns<PowOp>, &kFns<PReluOp>, &kFns<FmodOp>};
}  // namespace

const BinaryFns* BinaryForTarget(BinaryOp op) { return kTables[static_cast<size_t>(op)]; }

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(Binary);
HWY_EXPORT(BinaryForTarget);

const BinaryFns& GetBinary(BinaryOp op) noexcept { return *KINGLET_RESOLVE(BinaryForTarget)(op); }

}  // namespace kinglet::kernels
#endif
