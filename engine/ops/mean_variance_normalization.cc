// MeanVarianceNormalization: mean 0 and variance 1 over the axes, by default over all but the
// channels of an image.
#include <algorithm>
#include <cmath>

#include "engine/ops/batch.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/loop_work.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

std::vector<std::size_t> AxesOf(const NodeContext& context) {
  std::vector<std::int64_t> axes{0, 2, 3};
  if (context.attributes().Has("axes")) axes = context.attributes().Ints("axes");
  return SortedAxes(context, axes, context.InputShape(0).size());
}

void InferMvn(InferContext& context) {
  RequireFloat(context, 0);
  AxesOf(context);
  context.SetOutput(0, context.InputType(0), context.InputShape(0));
}

// Dimensions with the strides of the tensor.
struct Dims {
  std::vector<std::int64_t> sizes, strides;

  std::int64_t Count() const {
    std::int64_t count = 1;
    for (const std::int64_t size : sizes) count *= size;
    return count;
  }
  std::int64_t Offset(std::int64_t index) const {
    std::int64_t offset = 0;
    for (std::size_t k = sizes.size(); k-- > 0; index /= sizes[k]) {
      offset += index % sizes[k] * strides[k];
    }
    return offset;
  }
};

// What is normalised together: every element of `reduced` around one of `kept`, in runs of `run`
// neighbours.
struct VarianceGroups {
  Dims kept, reduced;
  std::int64_t run = 1;
};

VarianceGroups GroupsOf(const Shape& shape, const std::vector<std::size_t>& axes) {
  VarianceGroups g;
  const Shape strides = RowMajorStrides(shape);
  std::size_t end = shape.size();
  const auto is_reduced = [&](std::size_t d) {
    return std::find(axes.begin(), axes.end(), d) != axes.end();
  };
  while (end > 0 && is_reduced(end - 1)) g.run *= shape[--end];
  for (std::size_t d = 0; d < end; ++d) {
    Dims& dims = is_reduced(d) ? g.reduced : g.kept;
    dims.sizes.push_back(shape[d]);
    dims.strides.push_back(strides[d]);
  }
  return g;
}

// The sum of f(x[i]) over a run. Several sums, so that none waits for the one before.
template <typename T, typename F>
double SumOfRun(const T* x, std::int64_t count, F&& f) {
  constexpr std::int64_t kLanes = 8;
  if (count == 1) return f(static_cast<double>(x[0]));
  double lanes[kLanes] = {};
  std::int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (std::int64_t j = 0; j < kLanes; ++j) lanes[j] += f(static_cast<double>(x[i + j]));
  }
  for (; i < count; ++i) lanes[i % kLanes] += f(static_cast<double>(x[i]));
  for (std::int64_t width = kLanes / 2; width > 0; width /= 2) {
    for (std::int64_t j = 0; j < width; ++j) lanes[j] += lanes[j + width];
  }
  return lanes[0];
}

template <typename T>
void Normalize(const VarianceGroups& g, const T* x, T* y) {
  const std::int64_t runs = g.reduced.Count();
  const double count = static_cast<double>(runs) * static_cast<double>(g.run);
  const auto sum_of = [&](auto&& f) {
    double total = 0;
    for (std::int64_t r = 0; r < runs; ++r) total += SumOfRun(x + g.reduced.Offset(r), g.run, f);
    return total;
  };
  const double mean = sum_of([](double v) { return v; }) / count;
  const double squares = sum_of([mean](double v) { return (v - mean) * (v - mean); });
  const double scale = 1 / (std::sqrt(squares / count) + 1e-9);  // as ONNX has it
  for (std::int64_t r = 0; r < runs; ++r) {
    const std::int64_t at = g.reduced.Offset(r);
    for (std::int64_t i = at; i < at + g.run; ++i) {
      y[i] = static_cast<T>((static_cast<double>(x[i]) - mean) * scale);
    }
  }
}

// Items are groups.
std::unique_ptr<Step> PlanMvn(PlanContext& context) {
  context.AllowInPlace(0, 0);
  const Shape& shape = context.InputShape(0);
  const VarianceGroups g = GroupsOf(shape, AxesOf(context));
  const std::int64_t count = ElementCount(shape) == 0 ? 0 : g.kept.Count();
  const std::int64_t elements = count == 0 ? 0 : ElementCount(shape) / count;
  auto step = DispatchFloat(context.InputType(0), [&]<typename T>() {
    return MakeItemStep("normalize/mean_variance", count,
                        elements * static_cast<std::int64_t>(sizeof(T)),
                        [g](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                          for (std::int64_t k = begin; k < end; ++k) {
                            const std::int64_t at = g.kept.Offset(k);
                            Normalize(g, static_cast<const T*>(args.inputs[0]) + at,
                                      static_cast<T*>(args.outputs[0]) + at);
                          }
                        });
  });
  return WithLoops(std::move(step), context, 5 * OutputElements(context));
}

// Unless the mean is one over images.
bool MvnBatchWise(const NodeContext& context, const std::vector<BatchUse>& inputs) {
  const std::vector<std::size_t> axes = AxesOf(context);
  return EachImage(context, inputs) && (axes.empty() || axes[0] != 0);
}

}  // namespace

const OpDef& OpMeanVarianceNormalization() {
  static const OpDef def{.name = "MeanVarianceNormalization",
                         .since = kFirstSettledOpset,  // experimental before 9
                         .attributes = "axes",
                         .types = "float32, float64",
                         .infer = InferMvn,
                         .plan = PlanMvn,
                         .batch_wise = MvnBatchWise};
  return def;
}

}  // namespace kinglet
