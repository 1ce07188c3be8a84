// Reductions over axes: ReduceMean, Sum, Max, Min, Prod, L1, L2, SumSquare, LogSum, LogSumExp.
#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/ops/batch.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/loop_work.h"
#include "engine/ops/views.h"
#include "kernels/common/blocked.h"
#include "kernels/math/math.h"
#include "kernels/pool/pool.h"
#include "kernels/reduce/arg.h"

namespace kinglet {
namespace {

// Which axes go. `none`: the node passes its input on.
struct Axes {
  std::vector<bool> reduced;
  bool keep_dims = true;
  bool none = false;
};

// An attribute at first; an input since opset 13 for ReduceSum and 18 for the others.
Axes AxesOf(const NodeContext& context) {
  const Shape& in = context.InputShape(0);
  const int input_since = context.node().op == "ReduceSum" ? 13 : 18;
  const std::vector<std::int64_t> axes = context.opset() < input_since
                                             ? context.attributes().Ints("axes")
                                         : context.HasInput(1) ? context.InputInts(1, "the axes")
                                                               : std::vector<std::int64_t>{};
  Axes result;
  result.keep_dims = context.attributes().Int("keepdims", 1) != 0;
  result.none = axes.empty() && context.attributes().Int("noop_with_empty_axes", 0) != 0;
  result.reduced.assign(in.size(), axes.empty() && !result.none);
  for (const std::size_t axis : SortedAxes(context, axes, in.size())) result.reduced[axis] = true;
  return result;
}

void InferReduce(InferContext& context) {
  const Shape& in = context.InputShape(0);
  const Axes axes = AxesOf(context);
  Shape out;
  for (std::size_t k = 0; k < in.size(); ++k) {
    if (!axes.reduced[k]) {
      out.push_back(in[k]);
    } else if (axes.keep_dims) {
      out.push_back(1);
    }
  }
  context.SetOutput(0, context.InputType(0), std::move(out));
}

// A list of dimensions with their strides in the input.
struct Dims {
  int rank = 0;
  std::int64_t sizes[kMaxRank] = {};
  std::int64_t strides[kMaxRank] = {};

  void Push(std::int64_t size, std::int64_t stride) {
    sizes[rank] = size;
    strides[rank++] = stride;
  }
  std::int64_t Count() const {
    std::int64_t count = 1;
    for (int k = 0; k < rank; ++k) count *= sizes[k];
    return count;
  }
  std::int64_t OffsetOf(std::int64_t index) const {
    std::int64_t offset = 0;
    for (int k = rank - 1; k >= 0; --k) {
      offset += index % sizes[k] * strides[k];
      index /= sizes[k];
    }
    return offset;
  }
  template <typename F>
  void ForEachOffset(F&& f) const {
    std::int64_t index[kMaxRank] = {};
    std::int64_t offset = 0;
    for (std::int64_t left = Count(); left > 0; --left) {
      f(offset);
      for (int k = rank - 1; k >= 0; --k) {
        offset += strides[k];
        if (++index[k] < sizes[k]) break;
        offset -= sizes[k] * strides[k];
        index[k] = 0;
      }
    }
  }
};

// The reduction of a row-major tensor: every combination of `kept` gives one output element (in
// order), from every combination of `reduced`. The innermost dimension of the input, which is
// contiguous, stands apart: a run of `inner` elements that are reduced together or kept apart.
struct Geometry {
  Dims kept, reduced;
  std::int64_t inner = 1;
  bool inner_reduced = true;
  std::int64_t reduced_count = 1;  // elements behind each output
};

Geometry GeometryOf(const Shape& shape, const std::vector<bool>& reduced) {
  struct Dim {
    std::int64_t size;
    bool reduced;
  };
  std::vector<Dim> merged;  // neighbours of one kind are one dimension
  Geometry geometry;
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

// Several partial results keep the sum's error small and the loop free of dependencies.
template <typename Op, typename T>
typename Op::State ReduceRun(typename Op::State state, const T* x, std::int64_t count) {
  constexpr std::int64_t kLanes = 16;
  std::int64_t k = 0;
  if (count >= 2 * kLanes) {
    typename Op::State lanes[kLanes];
    std::fill(lanes, lanes + kLanes, Op::Start());
    for (; k + kLanes <= count; k += kLanes) {
      for (std::int64_t j = 0; j < kLanes; ++j) lanes[j] = Op::Add(lanes[j], x[k + j]);
    }
    for (std::int64_t width = kLanes / 2; width > 0; width /= 2) {
      for (std::int64_t j = 0; j < width; ++j) lanes[j] = Op::Join(lanes[j], lanes[j + width]);
    }
    state = Op::Join(state, lanes[0]);
  }
  for (; k < count; ++k) state = Op::Add(state, x[k]);
  return state;
}

template <typename Op>
constexpr bool kIsExtreme =
    std::is_same_v<Op, MaximumOf<float>> || std::is_same_v<Op, MinimumOf<float>>;

// The same for a run of float32 whose largest or smallest value is wanted.
template <typename Op>
struct RunReducer {
  template <typename State, typename T>
  State operator()(State state, const T* x, std::int64_t count) const {
    if constexpr (kIsExtreme<Op>) {
      return count == 0 ? state : Op::Join(state, extreme(x, count));
    } else {
      return ReduceRun<Op>(state, x, count);
    }
  }
  decltype(kernels::ArgTable::extreme) extreme =
      kernels::GetArgTable(std::is_same_v<Op, MaximumOf<float>>).extreme;
};

// Rows that lie one behind the other.
template <typename Op, typename T>
std::unique_ptr<Step> MakeReducedRows(std::string kernel, const Geometry& g) {
  return MakeItemStep(std::move(kernel), g.kept.Count(),
                      g.inner * static_cast<std::int64_t>(sizeof(T)),
                      [n = g.inner, reduce = RunReducer<Op>()](
                          const StepArgs& args, std::int64_t begin, std::int64_t end) {
                        const T* in = static_cast<const T*>(args.inputs[0]);
                        T* out = static_cast<T*>(args.outputs[0]);
                        for (std::int64_t k = begin; k < end; ++k) {
                          out[k] = Op::Finish(reduce(Op::Start(), in + k * n, n), n);
                        }
                      });
}

// Items are output elements.
template <typename Op, typename T>
std::unique_ptr<Step> MakeInnerReduced(std::string kernel, const Geometry& g) {
  if (g.reduced.rank == 0 && g.kept.rank <= 1) return MakeReducedRows<Op, T>(kernel, g);
  return MakeItemStep(
      std::move(kernel), g.kept.Count(), g.reduced_count * static_cast<std::int64_t>(sizeof(T)),
      [g, reduce = RunReducer<Op>()](const StepArgs& args, std::int64_t begin, std::int64_t end) {
        const T* in = static_cast<const T*>(args.inputs[0]);
        T* out = static_cast<T*>(args.outputs[0]);
        for (std::int64_t k = begin; k < end; ++k) {
          const T* from = in + g.kept.OffsetOf(k);
          auto state = Op::Start();
          g.reduced.ForEachOffset(
              [&](std::int64_t offset) { state = reduce(state, from + offset, g.inner); });
          out[k] = Op::Finish(state, g.reduced_count);
        }
      });
}

constexpr std::int64_t kPiece = 256;

// Items are pieces of output rows.
template <typename Op, typename T>
std::unique_ptr<Step> MakeInnerKept(std::string kernel, const Geometry& g) {
  const std::int64_t pieces = CeilDiv(g.inner, kPiece);
  const std::int64_t piece_bytes =
      std::min(g.inner, kPiece) * g.reduced_count * static_cast<std::int64_t>(sizeof(T));
  return MakeItemStep(std::move(kernel), g.kept.Count() * pieces, piece_bytes,
                      [g, pieces](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                        for (std::int64_t k = begin; k < end; ++k) {
                          const std::int64_t first = k % pieces * kPiece;
                          const std::int64_t count = std::min(kPiece, g.inner - first);
                          const T* in = static_cast<const T*>(args.inputs[0]) +
                                        g.kept.OffsetOf(k / pieces) + first;
                          T* out = static_cast<T*>(args.outputs[0]) + k / pieces * g.inner + first;
                          typename Op::State state[kPiece];
                          std::fill(state, state + count, Op::Start());
                          g.reduced.ForEachOffset([&](std::int64_t offset) {
                            const T* row = in + offset;
                            for (std::int64_t j = 0; j < count; ++j)
                              state[j] = Op::Add(state[j], row[j]);
                          });
                          for (std::int64_t j = 0; j < count; ++j)
                            out[j] = Op::Finish(state[j], g.reduced_count);
                        }
                      });
}

// log(sum exp x) = m + log(sum exp(x - m)) with m the maximum, of rows of float32.
std::unique_ptr<Step> MakeLogSumExpRows(const Geometry& g) {
  return MakeItemStep("reduce/log_sum_exp_f32", g.kept.Count(),
                      g.inner * static_cast<std::int64_t>(sizeof(float)),
                      [n = g.inner, extreme = kernels::GetArgTable(true).extreme,
                       sum = kernels::GetMathTable().exp_sum](
                          const StepArgs& args, std::int64_t begin, std::int64_t end) {
                        for (std::int64_t k = begin; k < end; ++k) {
                          const float* x = static_cast<const float*>(args.inputs[0]) + k * n;
                          const float largest = extreme(x, n);
                          const float shift = std::isfinite(largest) ? largest : 0.0f;
                          static_cast<float*>(args.outputs[0])[k] =
                              std::log(sum(x, shift, nullptr, static_cast<std::size_t>(n))) + shift;
                        }
                      });
}

// The same of columns of float32. Items are pieces of output rows.
std::unique_ptr<Step> MakeLogSumExpColumns(const Geometry& g) {
  const std::int64_t pieces = CeilDiv(g.inner, kPiece);
  return MakeItemStep(
      "reduce/log_sum_exp_f32", g.kept.Count() * pieces,
      std::min(g.inner, kPiece) * g.reduced_count * static_cast<std::int64_t>(sizeof(float)),
      [g, pieces, exp = kernels::GetMathTable().exp](const StepArgs& args, std::int64_t begin,
                                                     std::int64_t end) {
        for (std::int64_t k = begin; k < end; ++k) {
          const std::int64_t first = k % pieces * kPiece;
          const std::int64_t count = std::min(kPiece, g.inner - first);
          const float* in =
              static_cast<const float*>(args.inputs[0]) + g.kept.OffsetOf(k / pieces) + first;
          float* out = static_cast<float*>(args.outputs[0]) + k / pieces * g.inner + first;
          float shift[kPiece], powers[kPiece], sum[kPiece];
          std::fill_n(shift, count, -std::numeric_limits<float>::infinity());
          std::fill_n(sum, count, 0.0f);
          g.reduced.ForEachOffset([&](std::int64_t offset) {
            const float* row = in + offset;
            for (std::int64_t j = 0; j < count; ++j) shift[j] = std::max(shift[j], row[j]);
          });
          for (std::int64_t j = 0; j < count; ++j) {
            shift[j] = std::isfinite(shift[j]) ? shift[j] : 0.0f;
          }
          g.reduced.ForEachOffset([&](std::int64_t offset) {
            const float* row = in + offset;
            for (std::int64_t j = 0; j < count; ++j) powers[j] = row[j] - shift[j];
            exp(powers, powers, static_cast<std::size_t>(count), 0, 0);
            for (std::int64_t j = 0; j < count; ++j) sum[j] += powers[j];
          });
          for (std::int64_t j = 0; j < count; ++j) out[j] = std::log(sum[j]) + shift[j];
        }
      });
}

// The same of any type and any axes, in double.
template <typename T>
std::unique_ptr<Step> MakeLogSumExp(std::string kernel, const Geometry& g) {
  if constexpr (std::is_same_v<T, float>) {
    if (g.inner_reduced && g.reduced.rank == 0 && g.kept.rank <= 1 && g.inner > 0) {
      return MakeLogSumExpRows(g);
    }
    if (!g.inner_reduced) return MakeLogSumExpColumns(g);
  }
  Dims all = g.reduced;
  if (g.inner_reduced) all.Push(g.inner, 1);
  const std::int64_t columns = g.inner_reduced ? 1 : g.inner;
  return MakeItemStep(std::move(kernel), g.kept.Count() * columns,
                      g.reduced_count * static_cast<std::int64_t>(sizeof(T)),
                      [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                        for (std::int64_t k = begin; k < end; ++k) {
                          const T* in = static_cast<const T*>(args.inputs[0]) +
                                        g.kept.OffsetOf(k / columns) + k % columns;
                          double largest = -std::numeric_limits<double>::infinity();
                          all.ForEachOffset([&](std::int64_t offset) {
                            largest = std::max(largest, static_cast<double>(in[offset]));
                          });
                          const double shift = std::isfinite(largest) ? largest : 0.0;
                          double sum = 0;
                          all.ForEachOffset([&](std::int64_t offset) {
                            sum += std::exp(static_cast<double>(in[offset]) - shift);
                          });
                          const double result = std::log(sum) + shift;
                          if constexpr (std::is_integral_v<T>) {
                            static_cast<T*>(args.outputs[0])[k] =
                                std::isfinite(result) ? static_cast<T>(result) : T{0};
                          } else {
                            static_cast<T*>(args.outputs[0])[k] = static_cast<T>(result);
                          }
                        }
                      });
}

bool OverPixels(const Axes& axes) {
  return axes.reduced.size() == 4 && !axes.reduced[0] && !axes.reduced[1] && axes.reduced[2] &&
         axes.reduced[3];
}

// The mean or maximum of each map of a float32 image is a global pool.
std::unique_ptr<Step> PlanGlobalPool(PlanContext& context, bool mean, bool keep_dims) {
  const Shape& in = context.InputShape(0);
  const kernels::PoolTable& table = kernels::GetPoolTable();
  kernels::GlobalPool pool{in[0], in[1], in[2] * in[3]};
  if (!context.IsBlocked(0)) {
    pool.in_batch_stride = pool.c * pool.pixels;
    pool.out_batch_stride = pool.c;
    const auto run = mean ? table.global_average_plain : table.global_max_plain;
    return MakeStep(mean ? "pool/global_average_plain_f32" : "pool/global_max_plain_f32",
                    PlainUnitCount(pool),
                    [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                      run(pool, static_cast<const float*>(args.inputs[0]),
                          static_cast<float*>(args.outputs[0]), begin, end);
                    });
  }
  context.ReadAs(0, Layout::kBlocked);
  if (keep_dims) context.WriteAs(0, Layout::kBlocked);
  const auto run = mean ? table.global_average_blocked : table.global_max_blocked;
  const std::int64_t blocks = kernels::BlockCount(pool.c);
  const std::int64_t out_stride = keep_dims ? blocks * kernels::kBlock : pool.c;
  // One block at a time, so that the plain output may end inside of one.
  const kernels::GlobalPool one{1, kernels::kBlock, pool.pixels, kernels::kBlock * pool.pixels,
                                kernels::kBlock};
  return MakeStep(mean ? "pool/global_average_blocked_f32" : "pool/global_max_blocked_f32",
                  pool.n * blocks, [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                    const float* in_data = static_cast<const float*>(args.inputs[0]);
                    float* out = static_cast<float*>(args.outputs[0]);
                    for (std::int64_t unit = begin; unit < end; ++unit) {
                      float lanes[kernels::kBlock];
                      run(one, in_data + unit * kernels::kBlock * pool.pixels, lanes, 0, 1);
                      const std::int64_t channel = unit % blocks * kernels::kBlock;
                      const std::int64_t real = std::min(kernels::kBlock, pool.c - channel);
                      std::fill(lanes + real, lanes + kernels::kBlock, 0.0f);
                      std::copy(lanes, lanes + (keep_dims ? kernels::kBlock : real),
                                out + unit / blocks * out_stride + channel);
                    }
                  });
}

template <template <typename> typename Op>
std::unique_ptr<Step> PlanReduce(PlanContext& context) {
  constexpr bool kMean = std::is_same_v<Op<float>, MeanOf<float>>;
  constexpr bool kMaximum = std::is_same_v<Op<float>, MaximumOf<float>>;
  constexpr bool kMinimum = std::is_same_v<Op<float>, MinimumOf<float>>;
  const Axes axes = AxesOf(context);
  if (context.HasInput(1)) context.DoNotRead(1);
  const DataType type = context.InputType(0);
  if (axes.none) {
    context.Alias(0, 0);
    return nullptr;
  }
  const Shape& in = context.InputShape(0);
  if ((kMean || kMaximum) && type == DataType::kFloat32 && OverPixels(axes) && in[2] * in[3] > 0) {
    return PlanGlobalPool(context, kMean, axes.keep_dims);
  }
  const Geometry geometry = GeometryOf(in, axes.reduced);
  const auto make = [&]<typename T>() {
    return geometry.inner_reduced ? MakeInnerReduced<Op<T>, T>("reduce/inner", geometry)
                                  : MakeInnerKept<Op<T>, T>("reduce/rows", geometry);
  };
  std::unique_ptr<Step> step;
  if constexpr (kMaximum || kMinimum) {
    step = DispatchType(type, make);
  } else {
    step = DispatchNumeric(type, make);
  }
  return WithLoops(
      std::move(step), context,
      0.3 * ElementsOf(in) + (geometry.inner_reduced ? 12 : 1) * OutputElements(context));
}

std::unique_ptr<Step> PlanLogSumExp(PlanContext& context) {
  const Axes axes = AxesOf(context);
  if (context.HasInput(1)) context.DoNotRead(1);
  if (axes.none) {
    context.Alias(0, 0);
    return nullptr;
  }
  const Geometry geometry = GeometryOf(context.InputShape(0), axes.reduced);
  auto step = DispatchNumeric(context.InputType(0), [&]<typename T>() {
    return MakeLogSumExp<T>("reference/reduce_log_sum_exp", geometry);
  });
  const double element = step->kernel == "reduce/log_sum_exp_f32" ? 1.5 : 15;
  return WithLoops(std::move(step), context, element * ElementsOf(context.InputShape(0)));
}

constexpr std::string_view kNumberTypes =
    "float32, float64, int8, int16, int32, int64, uint8, uint16, uint32, uint64";

OpDef MakeReduce(std::string_view name, std::unique_ptr<Step> (*plan)(PlanContext&)) {
  return {.name = name,
          .max_inputs = 2,
          .attributes = "axes keepdims noop_with_empty_axes",
          .types = kNumberTypes,
          .infer = InferReduce,
          .plan = plan,
          .batch_wise = EachImage};
}

}  // namespace

const OpDef& OpReduceMean() {
  static const OpDef def = MakeReduce("ReduceMean", PlanReduce<MeanOf>);
  return def;
}
const OpDef& OpReduceSum() {
  static const OpDef def = MakeReduce("ReduceSum", PlanReduce<SumOf>);
  return def;
}
const OpDef& OpReduceMax() {
  static const OpDef def = MakeReduce("ReduceMax", PlanReduce<MaximumOf>);
  return def;
}
const OpDef& OpReduceMin() {
  static const OpDef def = MakeReduce("ReduceMin", PlanReduce<MinimumOf>);
  return def;
}
const OpDef& OpReduceProd() {
  static const OpDef def = MakeReduce("ReduceProd", PlanReduce<ProductOf>);
  return def;
}
const OpDef& OpReduceL1() {
  static const OpDef def = MakeReduce("ReduceL1", PlanReduce<L1Of>);
  return def;
}
const OpDef& OpReduceL2() {
  static const OpDef def = MakeReduce("ReduceL2", PlanReduce<L2Of>);
  return def;
}
const OpDef& OpReduceSumSquare() {
  static const OpDef def = MakeReduce("ReduceSumSquare", PlanReduce<SumSquareOf>);
  return def;
}
const OpDef& OpReduceLogSum() {
  static const OpDef def = MakeReduce("ReduceLogSum", PlanReduce<LogSumOf>);
  return def;
}
const OpDef& OpReduceLogSumExp() {
  static const OpDef def = MakeReduce("ReduceLogSumExp", PlanLogSumExp);
  return def;
}

}  // namespace kinglet
