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

// The taps of linear interpolation as those of two neighbours: where both are the same element, or
// one is none, the other neighbour has weight 0.
template <class D, class V = hn::Vec<D>, class DI = hn::RebindToSigned<D>, class I = hn::Vec<DI>>
void MakePair(D d, V floor, int64_t size, I* elements, V* weights) {
  const DI di;
  using T = hn::TFromD<D>;
  const auto last = hn::Set(di, static_cast<hn::TFromD<DI>>(size - 2));
  const auto near = hn::Max(hn::Min(floor, hn::Set(d, static_cast<T>(size - 2))), hn::Zero(d));
  const auto found = hn::ConvertTo(di, near);
  const I left = hn::IfThenElse(hn::Gt(found, last), last, found);
  const I right = hn::Add(left, hn::Set(di, 1));
  const auto weight_of = [&](I element) {
    const auto part = [&](int k) {
      return hn::IfThenElseZero(hn::RebindMask(d, hn::Eq(elements[k], element)), weights[k]);
    };
    return hn::Add(part(0), part(1));
  };
  const V left_weight = weight_of(left), right_weight = weight_of(right);
  elements[0] = left;
  elements[1] = right;
  weights[0] = left_weight;
  weights[1] = right_weight;
}

template <typename T>
void FillAxis(const SampleMap& map, int64_t size, bool pair, const T* places, AxisTable<T>& table) {
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
    hn::Vec<decltype(di)> elements[kMostAxisTaps] = {hn::Zero(di), hn::Zero(di), hn::Zero(di),
                                                     hn::Zero(di)};
    for (int64_t k = 0; k < taps; ++k) {
      elements[k] = Element(d, hn::Add(first, hn::Set(d, static_cast<T>(k))), axis, size, ends);
    }
    if (pair) MakePair(d, floor, size, elements, weights);
    for (int64_t k = 0; k < taps; ++k) {
      const auto none = hn::Lt(elements[k], hn::Zero(di));
      hn::Store(hn::IfThenZeroElse(none, elements[k]), di, table.offsets + k * kAtOnce + p);
      hn::Store(hn::IfThenZeroElse(hn::RebindMask(d, none), weights[k]), d,
                table.weights + k * kAtOnce + p);
    }
  }
}

// Offsets along an axis become offsets in the map.
template <typename I>
void ScaleOffsets(I* offsets, int64_t taps, int64_t stride) {
  for (int64_t i = 0; i < taps * kAtOnce; ++i) offsets[i] *= static_cast<I>(stride);
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
    const bool pair = axis == map.rank - 1 && HasPairs(map);
    FillAxis(map, map.sizes[axis], pair, places + axis * kAtOnce, table);
    ScaleOffsets(table.offsets, axis_taps, stride);
    for (int64_t k = axis_taps; k-- > 0;) {
      const I* outer = table.offsets + k * kAtOnce;
      const T* outer_weights = table.weights + k * kAtOnce;
      for (int64_t inner = 0; inner < taps; ++inner) {
        const int64_t from = inner * kAtOnce, to = (k * taps + inner) * kAtOnce;
        for (int64_t p = 0; p < kAtOnce; ++p) {
          offsets[to + p] = outer[p] + offsets[from + p];
          weights[to + p] = outer_weights[p] * weights[from + p];
        }
      }
    }
    taps *= axis_taps;
    stride *= map.sizes[axis];
  }
}

// What has no weight does not show, be it infinite.
template <class D, class V = hn::Vec<D>>
V AddWeighted(D d, V weight, V value, V sum) {
  const auto counts = hn::Ne(weight, hn::Zero(d));
  return hn::MulAdd(weight, hn::IfThenElseZero(counts, value), sum);
}

// Lanes [0, count), or all of them where those are fewer.
template <class D, class V = hn::Vec<D>>
void StoreFirst(D d, V values, int64_t count, hn::TFromD<D>* to) {
  if (count >= static_cast<int64_t>(hn::Lanes(d))) {
    hn::StoreU(values, d, to);
    return;
  }
  HWY_ALIGN hn::TFromD<D> lanes[hn::MaxLanes(d)];
  hn::Store(values, d, lanes);
  for (int64_t i = 0; i < count; ++i) to[i] = lanes[i];
}

template <typename T>
void Gather(const SampleOffset<T>* offsets, const T* weights, int64_t taps, int64_t count,
            const T* map, T* y) noexcept {
  const hn::ScalableTag<T> d;
  const hn::RebindToSigned<decltype(d)> di;
  const auto lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t p = 0; p < count; p += lanes) {
    auto sum = hn::Zero(d);
    for (int64_t k = 0; k < taps; ++k) {
      const auto weight = hn::LoadU(d, weights + k * kAtOnce + p);
      const auto values = hn::GatherIndex(d, map, hn::LoadU(di, offsets + k * kAtOnce + p));
      sum = AddWeighted(d, weight, values, sum);
    }
    StoreFirst(d, sum, count - p, y + p);
  }
}

// Two loads of eight bytes for each four that a gather would do.
void GatherPairs(const int32_t* offsets, const float* weights, int64_t taps, int64_t count,
                 const float* map, float* y) noexcept {
#if HWY_TARGET == HWY_SCALAR
  Gather<float>(offsets, weights, taps, count, map, y);
#else
  const hn::CappedTag<float, 4> d;
  const hn::CappedTag<float, 2> pair;
  for (int64_t p = 0; p < count; p += 4) {
    auto sum = hn::Zero(d);
    for (int64_t k = 0; k < taps; k += 2) {
      const int32_t* o = offsets + k * kAtOnce + p;
      const float* w = weights + k * kAtOnce + p;
      const auto low = hn::Combine(d, hn::LoadU(pair, map + o[1]), hn::LoadU(pair, map + o[0]));
      const auto high = hn::Combine(d, hn::LoadU(pair, map + o[3]), hn::LoadU(pair, map + o[2]));
      sum = AddWeighted(d, hn::LoadU(d, w), hn::ConcatEven(d, high, low), sum);
      sum = AddWeighted(d, hn::LoadU(d, w + kAtOnce), hn::ConcatOdd(d, high, low), sum);
    }
    StoreFirst(d, sum, count - p, y + p);
  }
#endif
}

void GatherBlocked(const int32_t* offsets, const float* weights, int64_t taps, int64_t count,
                   const float* map, float* y) noexcept {
  constexpr size_t kBlock = 16;
  const hn::CappedTag<float, kBlock> d;
  for (size_t lane = 0; lane < kBlock; lane += hn::Lanes(d)) {
    for (int64_t p = 0; p < count; ++p) {
      auto sum = hn::Zero(d);
      for (int64_t k = 0; k < taps; ++k) {
        const float weight = weights[k * kAtOnce + p];
        if (weight == 0) continue;
        const float* from = map + static_cast<size_t>(offsets[k * kAtOnce + p]) * kBlock + lane;
        sum = hn::MulAdd(hn::Set(d, weight), hn::LoadU(d, from), sum);
      }
      hn::StoreU(sum, d, y + static_cast<size_t>(p) * kBlock + lane);
    }
  }
}

constexpr SampleTable kTable = {{FillTaps<float>, Gather<float>},
                                {FillTaps<double>, Gather<double>},
                                GatherPairs,
                                GatherBlocked};
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
