#include "kernels/softmax/softmax.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/softmax/softmax.cc"
#include "kernels/common/dispatch.h"
#include "kernels/eltwise/array-inl.h"
#include "kernels/eltwise/binary.h"
#include "kernels/math/math.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

constexpr int64_t kTile = 64;  // neighbours of the inner dimension that go together

// The largest value; any NaN may be lost, the exponentials find it again.
float MaxOf(const float* x, size_t n) {
  const ArrayTag d;
  const size_t lanes = hn::Lanes(d);
  float best = -std::numeric_limits<float>::infinity();
  size_t i = 0;
  if (n >= lanes) {
    ArrayVec m = hn::LoadU(d, x);
    for (i = lanes; i + lanes <= n; i += lanes) m = hn::Max(hn::LoadU(d, x + i), m);
    HWY_ALIGN float values[hn::MaxLanes(d)];
    hn::Store(m, d, values);
    for (size_t l = 0; l < lanes; ++l) best = values[l] > best ? values[l] : best;
  }
  for (; i < n; ++i) best = x[i] > best ? x[i] : best;
  return best;
}

void AddScalar(const float* x, float value, float* y, size_t n) {
  const ArrayTag d;
  const ArrayVec v = hn::Set(d, value);
  size_t i = 0;
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    hn::StoreU(hn::Add(hn::LoadU(d, x + i), v), d, y + i);
  }
  for (; i < n; ++i) y[i] = x[i] + value;
}

void MulScalar(float factor, float* y, size_t n) {
  const ArrayTag d;
  const ArrayVec v = hn::Set(d, factor);
  size_t i = 0;
  for (; i + hn::Lanes(d) <= n; i += hn::Lanes(d)) {
    hn::StoreU(hn::Mul(hn::LoadU(d, y + i), v), d, y + i);
  }
  for (; i < n; ++i) y[i] *= factor;
}

void Row(const MathTable& math, bool log, const float* x, float* y, size_t n) {
  const float max = MaxOf(x, n);
  if (log) {
    const float sum = math.exp_sum(x, max, nullptr, n);
    AddScalar(x, -max, y, n);
    AddScalar(y, -std::log(sum), y, n);
    return;
  }
  const float sum = math.exp_sum(x, max, y, n);
  MulScalar(1.0f / sum, y, n);
}

// `count` <= kTile neighbours, whose lines go down the axis with stride `inner`.
struct Tile {
  const float* x;
  float* y;
  int64_t axis, inner, count;
};

template <class F>
void ForEachPoint(const Tile& t, F f) {
  for (int64_t k = 0; k < t.axis; ++k) f(t.x + k * t.inner, t.y + k * t.inner);
}

struct Functions {
  const MathTable& math = GetMathTable();
  const BinaryFns& add = GetBinary(BinaryOp::kAdd);
  const BinaryFns& sub = GetBinary(BinaryOp::kSub);
  const BinaryFns& mul = GetBinary(BinaryOp::kMul);
  const BinaryFns& max = GetBinary(BinaryOp::kMax);
};

void TileLines(const Functions& f, bool log, const Tile& t) {
  const size_t count = static_cast<size_t>(t.count);
  float max[kTile], sum[kTile] = {}, e[kTile];
  std::copy_n(t.x, count, max);
  ForEachPoint(t, [&](const float* x, float*) { f.max.arrays(max, x, max, count); });
  ForEachPoint(t, [&](const float* x, float* y) {
    f.sub.arrays(x, max, log ? e : y, count);
    f.math.exp(log ? e : y, log ? e : y, count, 0, 0);
    f.add.arrays(sum, log ? e : y, sum, count);
  });
  if (!log) {
    for (size_t i = 0; i < count; ++i) sum[i] = 1.0f / sum[i];
    ForEachPoint(t, [&](const float*, float* y) { f.mul.arrays(y, sum, y, count); });
    return;
  }
  f.math.log(sum, sum, count, 0, 0);
  ForEachPoint(t, [&](const float* x, float* y) {
    f.sub.arrays(x, max, y, count);
    f.sub.arrays(y, sum, y, count);
  });
}

void Run(const Softmax& s, const float* x, float* y, int64_t begin, int64_t end) noexcept {
  const Functions functions;
  if (s.inner == 1) {
    for (int64_t r = begin; r < end; ++r) {
      Row(functions.math, s.log, x + r * s.axis, y + r * s.axis, static_cast<size_t>(s.axis));
    }
    return;
  }
  const int64_t tiles = (s.inner + kTile - 1) / kTile;
  for (int64_t unit = begin; unit < end; ++unit) {
    const int64_t first = unit % tiles * kTile;
    const int64_t at = unit / tiles * s.axis * s.inner + first;
    TileLines(functions, s.log,
              {x + at, y + at, s.axis, s.inner, std::min(kTile, s.inner - first)});
  }
}

}  // namespace

SoftmaxFn SoftmaxForTarget() { return Run; }

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(Softmax);
HWY_EXPORT(SoftmaxForTarget);

SoftmaxFn GetSoftmax() noexcept { return KINGLET_RESOLVE(SoftmaxForTarget)(); }

int64_t UnitCount(const Softmax& s) noexcept {
  if (s.axis == 0 || s.inner == 0) return 0;
  return s.inner == 1 ? s.outer : s.outer * ((s.inner + 63) / 64);
}

}  // namespace kinglet::kernels
#endif
