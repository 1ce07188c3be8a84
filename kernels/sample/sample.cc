#include "kernels/sample/sample.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/sample/sample.cc"
#include "kernels/common/dispatch.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

constexpr int64_t kAtOnce = kSamplesAtOnce;
constexpr int64_t kMostAxisTaps = 4;

// The ends between which coordinates are reflected.
template <typename T>
struct Ends {
  T low, high;
};

template <typename T>
Ends<T> EndsOf(int64_t size, bool align_corners) {
  const T last = static_cast<T>(size - 1);
  return align_corners ? Ends<T>{0, last} : Ends<T>{T{-0.5}, last + T{0.5}};
}

// Folded back between the ends as often as it takes; what lies between them stays.
template <class D, class V = hn::Vec<D>>
V Reflect(D d, V x, const Ends<hn::TFromD<D>>& ends) {
  using T = hn::TFromD<D>;
  const V low = hn::Set(d, ends.low), high = hn::Set(d, ends.high);
  const V range = hn::Sub(high, low);
  const auto below = hn::Lt(x, low);
  const auto outside = hn::Or(below, hn::Gt(x, high));
  const V beyond = hn::IfThenElse(below, hn::Sub(low, x), hn::Sub(x, high));
  const V folds = hn::Floor(hn::Div(beyond, range));
  const V rest = hn::Sub(beyond, hn::Mul(folds, range));
  const V halves = hn::Mul(folds, hn::Set(d, T{0.5}));
  const auto even = hn::Eq(halves, hn::Floor(halves));
  const V from_low = hn::Add(low, rest), from_high = hn::Sub(high, rest);
  const V inside = hn::IfThenElse(below, hn::IfThenElse(even, from_low, from_high),
                                  hn::IfThenElse(even, from_high, from_low));
  return hn::IfThenElse(outside, inside, x);
}

template <class D, class V = hn::Vec<D>>
V MoveInside(D d, V x, const SampleMap& map, int64_t size, const Ends<hn::TFromD<D>>& ends) {
  using T = hn::TFromD<D>;
  if (map.outside == SampleOutside::kBorder && map.mode != SampleMode::kCubic) {
    x = hn::Max(hn::Min(x, hn::Set(d, static_cast<T>(size - 1))), hn::Zero(d));
  } else if (map.outside == SampleOutside::kReflect) {
    x = Reflect(d, x, ends);
  }
  const auto usable = hn::Lt(hn::Abs(x), hn::Set(d, T{1 << 30}));  // no NaN
  return hn::IfThenElse(usable, x, hn::Set(d, T{-100}));
}

// Keys' weights of the elements at distances 1 + t, t, 1 - t and 2 - t.
template <class D, class V = hn::Vec<D>>
void CubicWeights(D d, V t, V* weights) {
  using T = hn::TFromD<D>;
  const auto set = [&](double value) { return hn::Set(d, static_cast<T>(value)); };
  constexpr double a = -0.75;
  const auto near = [&](V x) {  // ((a + 2) x - (a + 3)) x^2 + 1
    return hn::Add(hn::Mul(hn::Sub(hn::Mul(set(a + 2), x), set(a + 3)), hn::Mul(x, x)), set(1));
  };
  const auto far = [&](V x) {  // ((a x - 5 a) x + 8 a) x - 4 a
    const V inner = hn::Add(hn::Mul(hn::Sub(hn::Mul(set(a), x), set(5 * a)), x), set(8 * a));
    return hn::Sub(hn::Mul(inner, x), set(4 * a));
  };
  weights[0] = far(hn::Add(t, set(1)));
  weights[1] = near(t);
  weights[2] = near(hn::Sub(set(1), t));
  weights[3] = far(hn::Sub(set(2), t));
}

template <typename T>
struct AxisTable {
  HWY_ALIGN SampleOffset<T> offsets[kMostAxisTaps * kAtOnce];
  HWY_ALIGN T weights[kMostAxisTaps * kAtOnce];
};

// The element at a whole coordinate, -1 where it is none.
template <class D, class V = hn::Vec<D>>
hn::Vec<hn::RebindToSigned<D>> Element(D d, V x, const SampleMap& map, int64_t size,
                                       const Ends<hn::TFromD<D>>& ends) {
  using T = hn::TFromD<D>;
  const hn::RebindToSigned<D> di;
  using I = hn::TFromD<decltype(di)>;
  if (map.outside == SampleOutside::kZero) {
    const auto inside =
        hn::And(hn::Ge(x, hn::Zero(d)), hn::Lt(x, hn::Set(d, static_cast<T>(size))));
    return hn::IfThenElse(hn::RebindMask(di, inside), hn::ConvertTo(di, x), hn::Set(di, I{-1}));
  }
  if (map.outside == SampleOutside::kReflect) x = Reflect(d, x, ends);
  // Clamped before it is converted, and once more as an integer: a large size has been rounded.
  x = hn::Max(hn::Min(x, hn::Set(d, static_cast<T>(size - 1))), hn::Zero(d));
  const auto last = hn::Set(di, static_cast<I>(size - 1));
  const auto index = hn::ConvertTo(di, x);
  return hn::IfThenElse(hn::Gt(index, last), last, index);
}

template <typename T>
void FillAxis(const SampleMap& map, int64_t size, const T* places, AxisTable<T>& table) {
  const hn::ScalableTag<T> d;
  const hn::RebindToSigned<decltype(d)> di;
  SampleMap axis = map;
  // Nowhere to be reflected.
  if (size == 1 && map.align_corners && map.outside == SampleOutside::kReflect) {
    axis.outside = SampleOutside::kBorder;
  }
  const Ends<T> ends = EndsOf<T>(size, map.align_corners);
  const int64_t taps = AxisTaps(map.mode);
  for (int64_t p = 0; p < kAtOnce; p += static_cast<int64_t>(hn::Lanes(d))) {
    auto x = hn::LoadU(d, places + p);
    if (map.mode == SampleMode::kNearest) x = hn::Round(x);
    x = MoveInside(d, x, axis, size, ends);
    const auto floor = map.mode == SampleMode::kNearest ? x : hn::Floor(x);
    const auto rest = hn::Sub(x, floor);
    hn::Vec<decltype(d)> weights[kMostAxisTaps] = {hn::Set(d, T{1}), rest, rest, rest};
    if (map.mode == SampleMode::kLinear) weights[0] = hn::Sub(hn::Set(d, T{1}), rest);
    if (map.mode == SampleMode::kCubic) CubicWeights(d, rest, weights);
    const auto first = map.mode == SampleMode::kCubic ? hn::Sub(floor, hn::Set(d, T{1})) : floor;
    for (int64_t k = 0; k < taps; ++k) {
      const auto at = hn::Add(first, hn::Set(d, static_cast<T>(k)));
      hn::Store(Element(d, at, axis, size, ends), di, table.offsets + k * kAtOnce + p);
      hn::Store(weights[k], d, table.weights + k * kAtOnce + p);
    }
  }
}

// Offsets along an axis become offsets in the map.
template <typename I>
void ScaleOffsets(I* offsets, int64_t taps, int64_t stride) {
  const I factor = static_cast<I>(stride);
  for (int64_t i = 0; i < taps * kAtOnce; ++i) {
    offsets[i] = offsets[i] < 0 ? I{-1} : static_cast<I>(offsets[i] * factor);
  }
}

template <typename T>
void FillTaps(const SampleMap& map, const T* places, const T* factors, SampleOffset<T>* offsets,
              T* weights) noexcept {
  using I = SampleOffset<T>;
  AxisTable<T> table;
  const int64_t axis_taps = AxisTaps(map.mode);
  int64_t taps = 1, stride = 1;
  for (int64_t p = 0; p < kAtOnce; ++p) {
    offsets[p] = 0;
    weights[p] = factors == nullptr ? T{1} : factors[p];
  }
  // From the last axis to the first. The taps so far are multiplied by those of the axis, the last
  // tap first, so that what is read has not been overwritten.
  for (int axis = map.rank - 1; axis >= 0; --axis) {
    FillAxis(map, map.sizes[axis], places + axis * kAtOnce, table);
    ScaleOffsets(table.offsets, axis_taps, stride);
    for (int64_t k = axis_taps; k-- > 0;) {
      const I* outer = table.offsets + k * kAtOnce;
      const T* outer_weights = table.weights + k * kAtOnce;
      for (int64_t inner = 0; inner < taps; ++inner) {
        const int64_t from = inner * kAtOnce, to = (k * taps + inner) * kAtOnce;
        for (int64_t p = 0; p < kAtOnce; ++p) {
          const I a = outer[p], b = offsets[from + p];
          offsets[to + p] = (a | b) < 0 ? I{-1} : static_cast<I>(a + b);
          weights[to + p] = outer_weights[p] * weights[from + p];
        }
      }
    }
    taps *= axis_taps;
    stride *= map.sizes[axis];
  }
}

template <typename T>
void Gather(const SampleOffset<T>* offsets, const T* weights, int64_t taps, int64_t count,
            const T* map, T* y) noexcept {
  const hn::ScalableTag<T> d;
  const hn::RebindToSigned<decltype(d)> di;
  using I = SampleOffset<T>;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t p = 0; p < count; p += lanes) {
    auto sum = hn::Zero(d);
    for (int64_t k = 0; k < taps; ++k) {
      const auto offset = hn::LoadU(di, offsets + k * kAtOnce + p);
      const auto there = hn::Gt(offset, hn::Set(di, I{-1}));
      const auto values = hn::GatherIndex(d, map, hn::IfThenElseZero(there, offset));
      sum = hn::MulAdd(hn::LoadU(d, weights + k * kAtOnce + p),
                       hn::IfThenElseZero(hn::RebindMask(d, there), values), sum);
    }
    if (p + lanes <= count) {
      hn::StoreU(sum, d, y + p);
    } else {
      HWY_ALIGN T tail[hn::MaxLanes(d)];
      hn::Store(sum, d, tail);
      for (int64_t i = 0; p + i < count; ++i) y[p + i] = tail[i];
    }
  }
}

void GatherBlocked(const int32_t* offsets, const float* weights, int64_t taps, int64_t count,
                   const float* map, float* y) noexcept {
  constexpr size_t kBlock = 16;
  const hn::CappedTag<float, kBlock> d;
  for (size_t lane = 0; lane < kBlock; lane += hn::Lanes(d)) {
    for (int64_t p = 0; p < count; ++p) {
      auto sum = hn::Zero(d);
      for (int64_t k = 0; k < taps; ++k) {
        const int32_t offset = offsets[k * kAtOnce + p];
        if (offset < 0) continue;
        const float* from = map + static_cast<size_t>(offset) * kBlock + lane;
        sum = hn::MulAdd(hn::Set(d, weights[k * kAtOnce + p]), hn::LoadU(d, from), sum);
      }
      hn::StoreU(sum, d, y + static_cast<size_t>(p) * kBlock + lane);
    }
  }
}

constexpr SampleTable kTable = {
    {FillTaps<float>, Gather<float>}, {FillTaps<double>, Gather<double>}, GatherBlocked};
}  // namespace

const SampleTable* SampleTableForTarget() { return &kTable; }

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(Sample);
HWY_EXPORT(SampleTableForTarget);

const SampleTable& GetSampleTable() noexcept { return *KINGLET_RESOLVE(SampleTableForTarget)(); }

}  // namespace kinglet::kernels
#endif
