// Reductions over axes: ReduceMean, Sum, Max, Min, Prod, L1, L2, SumSquare, LogSum, LogSumExp.
#include <algorithm>
#include <cmath>
#include <limits>

#include "engine/ops/batch.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/loop_work.h"
#include "engine/ops/reduce_loops.h"
#include "engine/ops/views.h"
#include "kernels/common/blocked.h"
#include "kernels/math/math.h"
#include "kernels/pool/pool.h"

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

// log(sum exp x) = m + log(sum exp(x - m)) with m the maximum, of rows of float32.
std::unique_ptr<Step> MakeLogSumExpRows(const ReduceGeometry& g) {
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
std::unique_ptr<Step> MakeLogSumExpColumns(const ReduceGeometry& g) {
  const std::int64_t pieces = CeilDiv(g.inner, kReducePiece);
  return MakeItemStep(
      "reduce/log_sum_exp_f32", g.kept.Count() * pieces,
      std::min(g.inner, kReducePiece) * g.reduced_count * static_cast<std::int64_t>(sizeof(float)),
      [g, pieces, exp = kernels::GetMathTable().exp](const StepArgs& args, std::int64_t begin,
                                                     std::int64_t end) {
        for (std::int64_t k = begin; k < end; ++k) {
          const std::int64_t first = k % pieces * kReducePiece;
          const std::int64_t count = std::min(kReducePiece, g.inner - first);
          const float* in =
              static_cast<const float*>(args.inputs[0]) + g.kept.OffsetOf(k / pieces) + first;
          float* out = static_cast<float*>(args.outputs[0]) + k / pieces * g.inner + first;
          float shift[kReducePiece], powers[kReducePiece], sum[kReducePiece];
          std::fill_n(shift, count, -std::numeric_limits<float>::infinity());
          std::fill_n(sum, count, 0.0f);
          for (ReduceOffsets at(g.reduced); at.more(); at.Next()) {
            const float* row = in + at.offset();
            for (std::int64_t j = 0; j < count; ++j) shift[j] = std::max(shift[j], row[j]);
          }
          for (std::int64_t j = 0; j < count; ++j) {
            shift[j] = std::isfinite(shift[j]) ? shift[j] : 0.0f;
          }
          for (ReduceOffsets at(g.reduced); at.more(); at.Next()) {
            const float* row = in + at.offset();
            for (std::int64_t j = 0; j < count; ++j) powers[j] = row[j] - shift[j];
            exp(powers, powers, static_cast<std::size_t>(count), 0, 0);
            for (std::int64_t j = 0; j < count; ++j) sum[j] += powers[j];
          }
          for (std::int64_t j = 0; j < count; ++j) out[j] = std::log(sum[j]) + shift[j];
        }
      });
}

// The same of any type and any axes, in double: `columns` outputs beside each other for each
// combination of `kept`, each of every combination of `reduced`.
struct AnyLogSumExp {
  ReduceDims kept, reduced;
  std::int64_t columns = 1;
};
using LogSumExpFn = void (*)(const AnyLogSumExp& g, const void* in, void* out, std::int64_t begin,
                             std::int64_t end);

template <typename T>
void LogSumExpRun(const AnyLogSumExp& g, const void* in_data, void* out_data, std::int64_t begin,
                  std::int64_t end) {
  for (std::int64_t k = begin; k < end; ++k) {
    const T* in = static_cast<const T*>(in_data) + g.kept.OffsetOf(k / g.columns) + k % g.columns;
    double largest = -std::numeric_limits<double>::infinity();
    for (ReduceOffsets at(g.reduced); at.more(); at.Next()) {
      largest = std::max(largest, static_cast<double>(in[at.offset()]));
    }
    const double shift = std::isfinite(largest) ? largest : 0.0;
    double sum = 0;
    for (ReduceOffsets at(g.reduced); at.more(); at.Next()) {
      sum += std::exp(static_cast<double>(in[at.offset()]) - shift);
    }
    const double result = std::log(sum) + shift;
    auto* out = static_cast<T*>(out_data);
    if constexpr (std::is_integral_v<T>) {
      out[k] = std::isfinite(result) ? static_cast<T>(result) : T{0};
    } else {
      out[k] = static_cast<T>(result);
    }
  }
}

std::unique_ptr<Step> MakeLogSumExp(DataType type, const ReduceGeometry& g) {
  if (type == DataType::kFloat32) {
    if (g.IsRows() && g.inner > 0) return MakeLogSumExpRows(g);
    if (!g.inner_reduced) return MakeLogSumExpColumns(g);
  }
  AnyLogSumExp any{g.kept, g.reduced, g.inner_reduced ? 1 : g.inner};
  if (g.inner_reduced) any.reduced.Push(g.inner, 1);
  const auto run =
      DispatchNumeric(type, []<typename T>() -> LogSumExpFn { return LogSumExpRun<T>; });
  return MakeItemStep("reference/reduce_log_sum_exp", g.kept.Count() * any.columns,
                      g.reduced_count * static_cast<std::int64_t>(DataTypeSize(type)),
                      [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                        run(any, args.inputs[0], args.outputs[0], begin, end);
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
  if (!UsesBlocked(context, 0)) {
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

// Items are output elements, or pieces of output rows.
std::unique_ptr<Step> MakeReduction(const ReduceLoops& loops, DataType type,
                                    const ReduceGeometry& g) {
  const auto bytes = static_cast<std::int64_t>(DataTypeSize(type));
  const std::int64_t outputs = g.kept.Count();
  const auto run = [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
    loops.Run(g, args.inputs[0], args.outputs[0], begin, end);
  };
  if (g.inner_reduced) return MakeItemStep("reduce/inner", outputs, g.reduced_count * bytes, run);
  return MakeItemStep("reduce/rows", outputs * CeilDiv(g.inner, kReducePiece),
                      std::min(g.inner, kReducePiece) * g.reduced_count * bytes, run);
}

template <Reduction kReduction>
std::unique_ptr<Step> PlanReduce(PlanContext& context) {
  constexpr bool kMean = kReduction == Reduction::kMean;
  constexpr bool kPools = kMean || kReduction == Reduction::kMaximum;
  const Axes axes = AxesOf(context);
  if (context.HasInput(1)) context.DoNotRead(1);
  const DataType type = context.InputType(0);
  if (axes.none) {
    context.Alias(0, 0);
    return nullptr;
  }
  const Shape& in = context.InputShape(0);
  if (kPools && type == DataType::kFloat32 && OverPixels(axes) && in[2] * in[3] > 0) {
    return PlanGlobalPool(context, kMean, axes.keep_dims);
  }
  const ReduceGeometry geometry = ReduceGeometryOf(in, axes.reduced);
  return WithLoops(
      MakeReduction(ReduceLoopsOf(kReduction, type), type, geometry), context,
      0.3 * ElementsOf(in) + (geometry.inner_reduced ? 12 : 1) * OutputElements(context));
}

std::unique_ptr<Step> PlanLogSumExp(PlanContext& context) {
  const Axes axes = AxesOf(context);
  if (context.HasInput(1)) context.DoNotRead(1);
  if (axes.none) {
    context.Alias(0, 0);
    return nullptr;
  }
  const ReduceGeometry geometry = ReduceGeometryOf(context.InputShape(0), axes.reduced);
  auto step = MakeLogSumExp(context.InputType(0), geometry);
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
  static const OpDef def = MakeReduce("ReduceMean", PlanReduce<Reduction::kMean>);
  return def;
}
const OpDef& OpReduceSum() {
  static const OpDef def = MakeReduce("ReduceSum", PlanReduce<Reduction::kSum>);
  return def;
}
const OpDef& OpReduceMax() {
  static const OpDef def = MakeReduce("ReduceMax", PlanReduce<Reduction::kMaximum>);
  return def;
}
const OpDef& OpReduceMin() {
  static const OpDef def = MakeReduce("ReduceMin", PlanReduce<Reduction::kMinimum>);
  return def;
}
const OpDef& OpReduceProd() {
  static const OpDef def = MakeReduce("ReduceProd", PlanReduce<Reduction::kProduct>);
  return def;
}
const OpDef& OpReduceL1() {
  static const OpDef def = MakeReduce("ReduceL1", PlanReduce<Reduction::kL1>);
  return def;
}
const OpDef& OpReduceL2() {
  static const OpDef def = MakeReduce("ReduceL2", PlanReduce<Reduction::kL2>);
  return def;
}
const OpDef& OpReduceSumSquare() {
  static const OpDef def = MakeReduce("ReduceSumSquare", PlanReduce<Reduction::kSumSquare>);
  return def;
}
const OpDef& OpReduceLogSum() {
  static const OpDef def = MakeReduce("ReduceLogSum", PlanReduce<Reduction::kLogSum>);
  return def;
}
const OpDef& OpReduceLogSumExp() {
  static const OpDef def = MakeReduce("ReduceLogSumExp", PlanLogSumExp);
  return def;
}

}  // namespace kinglet
