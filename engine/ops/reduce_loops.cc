#include "engine/ops/reduce_loops.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <type_traits>

#include "engine/ops/dispatch.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

// What integers are summed in: their own type would overflow, which C++ leaves undefined.
template <typename T>
using Wide =
    std::conditional_t<std::is_floating_point_v<T>, T,
                       std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>>;
// A reduction: State Start(), State Add(State, T), State Join(State, State), T Finish(State, n).
template <typename T>
struct SumOf {
  using State = std::conditional_t<std::is_floating_point_v<T>, T, std::uint64_t>;
  static State Start() { return 0; }
  static State Add(State s, T x) { return s + static_cast<State>(x); }
  static State Join(State a, State b) { return a + b; }
  static T Finish(State s, std::int64_t) { return static_cast<T>(s); }
};
template <typename T>
struct MeanOf : SumOf<T> {
  using State = typename SumOf<T>::State;
  static T Finish(State s, std::int64_t n) {
    if constexpr (std::is_floating_point_v<T>) return s / static_cast<T>(n);
    if (n == 0) return 0;
    return static_cast<T>(static_cast<Wide<T>>(s) / static_cast<Wide<T>>(n));
  }
};
template <typename T>
struct ProductOf {
  using State = typename SumOf<T>::State;
  static State Start() { return 1; }
  static State Add(State s, T x) { return s * static_cast<State>(x); }
  static State Join(State a, State b) { return a * b; }
  static T Finish(State s, std::int64_t) { return static_cast<T>(s); }
};
template <typename T>
struct MaximumOf {
  using State = T;
  static State Start() {
    using Limits = std::numeric_limits<T>;
    return Limits::has_infinity ? static_cast<T>(-Limits::infinity()) : Limits::lowest();
  }
  // NaN stays. Without short circuits, so that it vectorises.
  static State Add(State s, T x) { return static_cast<bool>((x > s) | (x != x)) ? x : s; }
  static State Join(State a, State b) { return Add(a, b); }
  static T Finish(State s, std::int64_t) { return s; }
};
template <typename T>
struct MinimumOf {
  using State = T;
  static State Start() {
    using Limits = std::numeric_limits<T>;
    return Limits::has_infinity ? Limits::infinity() : Limits::max();
  }
  static State Add(State s, T x) { return static_cast<bool>((x < s) | (x != x)) ? x : s; }
  static State Join(State a, State b) { return Add(a, b); }
  static T Finish(State s, std::int64_t) { return s; }
};
template <typename T>
struct L1Of : SumOf<T> {
  using State = typename SumOf<T>::State;
  static State Add(State s, T x) {
    if constexpr (std::is_floating_point_v<T>) return s + std::abs(x);
    return x < T{0} ? s - static_cast<State>(x) : s + static_cast<State>(x);
  }
};
template <typename T>
struct SumSquareOf : SumOf<T> {
  using State = typename SumOf<T>::State;
  static State Add(State s, T x) { return s + static_cast<State>(x) * static_cast<State>(x); }
};
// Roots and logarithms of integers are taken in double and cut.
template <typename T>
struct L2Of {
  using State = std::conditional_t<std::is_floating_point_v<T>, T, double>;
  static State Start() { return 0; }
  static State Add(State s, T x) { return s + static_cast<State>(x) * static_cast<State>(x); }
  static State Join(State a, State b) { return a + b; }
  static T Finish(State s, std::int64_t) { return static_cast<T>(std::sqrt(s)); }
};
template <typename T>
struct LogSumOf {
  using State = typename L2Of<T>::State;
  static State Start() { return 0; }
  static State Add(State s, T x) { return s + static_cast<State>(x); }
  static State Join(State a, State b) { return a + b; }
  static T Finish(State s, std::int64_t) {
    const State log = std::log(s);
    if constexpr (std::is_integral_v<T>) return std::isfinite(log) ? static_cast<T>(log) : T{0};
    return static_cast<T>(log);
  }
};

constexpr std::int64_t kLanes = 16;

// A run of at least 2 * kLanes elements but for what is left beyond whole kLanes. Several partial
// results keep the sum's error small and the loop free of dependencies.
template <typename Op, typename T>
[[gnu::noinline]] typename Op::State ReduceLanes(const T* x, std::int64_t count) {
  typename Op::State lanes[kLanes];
  std::fill(lanes, lanes + kLanes, Op::Start());
  for (std::int64_t k = 0; k + kLanes <= count; k += kLanes) {
    for (std::int64_t j = 0; j < kLanes; ++j) lanes[j] = Op::Add(lanes[j], x[k + j]);
  }
  for (std::int64_t width = kLanes / 2; width > 0; width /= 2) {
    for (std::int64_t j = 0; j < width; ++j) lanes[j] = Op::Join(lanes[j], lanes[j + width]);
  }
  return lanes[0];
}

template <typename Op>
constexpr bool kIsExtreme =
    std::is_same_v<Op, MaximumOf<float>> || std::is_same_v<Op, MinimumOf<float>>;

template <typename Op, typename T>
typename Op::State ReduceRun(const ReduceLoops& loops, typename Op::State state, const T* x,
                             std::int64_t count) {
  if constexpr (kIsExtreme<Op>) {
    return count == 0 ? state : Op::Join(state, loops.extreme(x, count));
  } else {
    std::int64_t k = 0;
    if (count >= 2 * kLanes) {
      state = Op::Join(state, ReduceLanes<Op>(x, count));
      k = count / kLanes * kLanes;
    }
    for (; k < count; ++k) state = Op::Add(state, x[k]);
    return state;
  }
}

template <typename Op, typename T>
void ReduceInner(const ReduceLoops& loops, const ReduceGeometry& g, const void* in_data,
                 void* out_data, std::int64_t begin, std::int64_t end) {
  const auto* in = static_cast<const T*>(in_data);
  auto* out = static_cast<T*>(out_data);
  const bool rows = g.IsRows();
  for (std::int64_t k = begin; k < end; ++k) {
    auto state = Op::Start();
    if (rows) {
      state = ReduceRun<Op, T>(loops, state, in + k * g.inner, g.inner);
    } else {
      const T* from = in + g.kept.OffsetOf(k);
      for (ReduceOffsets at(g.reduced); at.more(); at.Next()) {
        state = ReduceRun<Op, T>(loops, state, from + at.offset(), g.inner);
      }
    }
    out[k] = Op::Finish(state, g.reduced_count);
  }
}

template <typename Op, typename T>
void ReduceKept(const ReduceLoops&, const ReduceGeometry& g, const void* in_data, void* out_data,
                std::int64_t begin, std::int64_t end) {
  const std::int64_t pieces = CeilDiv(g.inner, kReducePiece);
  for (std::int64_t k = begin; k < end; ++k) {
    const std::int64_t first = k % pieces * kReducePiece;
    const std::int64_t count = std::min(kReducePiece, g.inner - first);
    const T* in = static_cast<const T*>(in_data) + g.kept.OffsetOf(k / pieces) + first;
    T* out = static_cast<T*>(out_data) + k / pieces * g.inner + first;
    typename Op::State state[kReducePiece];
    std::fill(state, state + count, Op::Start());
    for (ReduceOffsets at(g.reduced); at.more(); at.Next()) {
      const T* row = in + at.offset();
      for (std::int64_t j = 0; j < count; ++j) state[j] = Op::Add(state[j], row[j]);
    }
    for (std::int64_t j = 0; j < count; ++j) out[j] = Op::Finish(state[j], g.reduced_count);
  }
}

template <typename Op, typename T>
ReduceLoops LoopsOf() {
  ReduceLoops loops{ReduceInner<Op, T>, ReduceKept<Op, T>};
  if constexpr (kIsExtreme<Op>) {
    loops.extreme = kernels::GetArgTable(std::is_same_v<Op, MaximumOf<float>>).extreme;
  }
  return loops;
}

template <template <typename> typename Op>
ReduceLoops NumericLoops(DataType type) {
  return DispatchNumeric(type, []<typename T>() { return LoopsOf<Op<T>, T>(); });
}
// Of sums and products of integers the low bits stay, which signs do not change.
template <template <typename> typename Op>
ReduceLoops SignlessLoops(DataType type) {
  return DispatchNumeric(type, []<typename T>() {
    if constexpr (std::is_integral_v<T>) {
      using Unsigned = std::make_unsigned_t<T>;
      return LoopsOf<Op<Unsigned>, Unsigned>();
    } else {
      return LoopsOf<Op<T>, T>();
    }
  });
}
template <template <typename> typename Op>
ReduceLoops AnyLoops(DataType type) {
  return DispatchType(type, []<typename T>() { return LoopsOf<Op<T>, T>(); });
}

}  // namespace

ReduceGeometry ReduceGeometryOf(const Shape& shape, const std::vector<bool>& reduced) {
  struct Dim {
    std::int64_t size;
    bool reduced;
  };
  std::vector<Dim> merged;  // neighbours of one kind are one dimension
  ReduceGeometry geometry;
  for (std::size_t k = 0; k < shape.size(); ++k) {
    if (reduced[k]) geometry.reduced_count *= shape[k];
    if (shape[k] == 1) continue;
    if (!merged.empty() && merged.back().reduced == reduced[k]) {
      merged.back().size *= shape[k];
    } else {
      merged.push_back({shape[k], reduced[k]});
    }
  }
  if (merged.empty()) return geometry;
  geometry.inner = merged.back().size;
  geometry.inner_reduced = merged.back().reduced;
  merged.pop_back();
  std::int64_t stride = geometry.inner;
  std::vector<std::int64_t> strides(merged.size());
  for (std::size_t k = merged.size(); k-- > 0; stride *= merged[k].size) strides[k] = stride;
  for (std::size_t k = 0; k < merged.size(); ++k) {
    (merged[k].reduced ? geometry.reduced : geometry.kept).Push(merged[k].size, strides[k]);
  }
  return geometry;
}

ReduceLoops ReduceLoopsOf(Reduction reduction, DataType type) {
  switch (reduction) {
    case Reduction::kSum:
      return SignlessLoops<SumOf>(type);
    case Reduction::kMean:
      return NumericLoops<MeanOf>(type);
    case Reduction::kProduct:
      return SignlessLoops<ProductOf>(type);
    case Reduction::kMaximum:
      return AnyLoops<MaximumOf>(type);
    case Reduction::kMinimum:
      return AnyLoops<MinimumOf>(type);
    case Reduction::kL1:
      return NumericLoops<L1Of>(type);
    case Reduction::kL2:
      return NumericLoops<L2Of>(type);
    case Reduction::kSumSquare:
      return SignlessLoops<SumSquareOf>(type);
    case Reduction::kLogSum:
      return NumericLoops<LogSumOf>(type);
  }
  ThrowElementType(type);
}

}  // namespace kinglet
