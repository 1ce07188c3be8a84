// Normalisation by the statistics of the data itself: InstanceNormalization, LayerNormalization,
// GroupNormalization. y = scale (x - mean) / sqrt(variance + epsilon) + bias over groups of
// consecutive elements.
#include <algorithm>
#include <cmath>

#include "engine/ops/batch.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/loop_work.h"
#include "kernels/eltwise/channel.h"
#include "kernels/normalize/normalize.h"

namespace kinglet {
namespace {

// Group g is `length` elements; element i of it takes scale and bias at
// (g % periods) * scales + i / run.
struct Groups {
  std::int64_t count = 0;
  std::int64_t length = 1;
  std::int64_t periods = 1;
  std::int64_t scales = 1;  // of one group
  std::int64_t run = 1;     // consecutive elements of one scale
};

struct Statistics {
  double mean;
  double inverse_deviation;
};

// A group's arithmetic, by the definition.
template <typename T>
struct GroupMath {
  Statistics StatisticsOf(const T* x, std::int64_t length, double epsilon) const {
    double sum = 0;
    for (std::int64_t i = 0; i < length; ++i) sum += static_cast<double>(x[i]);
    const double mean = sum / static_cast<double>(length);
    double squares = 0;
    for (std::int64_t i = 0; i < length; ++i) {
      const double difference = static_cast<double>(x[i]) - mean;
      squares += difference * difference;
    }
    return {mean, 1 / std::sqrt(squares / static_cast<double>(length) + epsilon)};
  }
  // y = (x - mean) * factor + shift
  void Run(const T* x, T mean, T factor, T shift, T* y, std::int64_t count) const {
    for (std::int64_t i = 0; i < count; ++i) y[i] = (x[i] - mean) * factor + shift;
  }
  // The same with a factor and a shift (or none) for each element.
  void Row(const T* x, T mean, T inverse, const T* scale, const T* bias, T* y,
           std::int64_t count) const {
    for (std::int64_t i = 0; i < count; ++i) {
      const T shift = bias == nullptr ? T{0} : bias[i];
      y[i] = (x[i] - mean) * inverse * scale[i] + shift;
    }
  }
};

Statistics StatisticsOf(const kernels::Moments& moments, std::int64_t count, double epsilon) {
  return {moments.mean, 1 / std::sqrt(moments.squares / static_cast<double>(count) + epsilon)};
}

template <>
struct GroupMath<float> {
  const kernels::NormalizeTable* table = &kernels::GetNormalizeTable();

  Statistics StatisticsOf(const float* x, std::int64_t length, double epsilon) const {
    return kinglet::StatisticsOf(table->moments(x, length), length, epsilon);
  }
  void Run(const float* x, float mean, float factor, float shift, float* y,
           std::int64_t count) const {
    table->run(x, mean, factor, shift, y, count);
  }
  void Row(const float* x, float mean, float inverse, const float* scale, const float* bias,
           float* y, std::int64_t count) const {
    table->row(x, mean, inverse, scale, bias, y, count);
  }
};

template <typename T>
void NormalizeGroup(const GroupMath<T>& math, const Groups& groups, const T* x, const T* scale,
                    const T* bias, const Statistics& s, T* y) {
  const auto mean = static_cast<T>(s.mean);
  const auto inverse = static_cast<T>(s.inverse_deviation);
  if (groups.run == 1) return math.Row(x, mean, inverse, scale, bias, y, groups.length);
  for (std::int64_t k = 0; k < groups.scales; ++k) {
    const std::int64_t at = k * groups.run;
    math.Run(x + at, mean, inverse * scale[k], bias == nullptr ? T{0} : bias[k], y + at,
             groups.run);
  }
}

template <typename T>
std::unique_ptr<Step> PlanGroups(PlanContext& context, const Groups& groups) {
  context.AllowInPlace(0, 0);
  const double epsilon = static_cast<double>(context.attributes().Float("epsilon", 1e-5f));
  const bool has_bias = context.HasInput(2);
  const bool has_mean = context.HasOutput(1);
  const bool has_deviation = context.HasOutput(2);
  const GroupMath<T> math;
  return MakeStep("normalize/groups", groups.length == 0 ? 0 : groups.count,
                  [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                    for (std::int64_t g = begin; g < end; ++g) {
                      const auto* x = static_cast<const T*>(args.inputs[0]) + g * groups.length;
                      const std::int64_t first = g % groups.periods * groups.scales;
                      const auto* scale = static_cast<const T*>(args.inputs[1]) + first;
                      const T* bias =
                          has_bias ? static_cast<const T*>(args.inputs[2]) + first : nullptr;
                      const Statistics s = math.StatisticsOf(x, groups.length, epsilon);
                      NormalizeGroup(math, groups, x, scale, bias, s,
                                     static_cast<T*>(args.outputs[0]) + g * groups.length);
                      if (has_mean) static_cast<T*>(args.outputs[1])[g] = static_cast<T>(s.mean);
                      if (has_deviation) {
                        static_cast<T*>(args.outputs[2])[g] = static_cast<T>(s.inverse_deviation);
                      }
                    }
                  });
}

std::unique_ptr<Step> PlanGroupsOfType(PlanContext& context, const Groups& groups) {
  auto step = DispatchFloat(context.InputType(0),
                            [&]<typename T>() { return PlanGroups<T>(context, groups); });
  const double element = context.InputType(0) == DataType::kFloat32 ? 0.6 : 8;
  return WithLoops(std::move(step), context,
                   element * OutputElements(context) + 60 * static_cast<double>(groups.count));
}

// Scale and bias are vectors of `count`.
void CheckVectors(const NodeContext& context, std::int64_t count) {
  for (std::size_t i = 1; i < 3; ++i) {
    if (context.InputShape(i) != Shape{count}) {
      context.Invalid("input " + std::to_string(i) + " has shape " +
                      ShapeToString(context.InputShape(i)) + ", expected " + std::to_string(count));
    }
  }
}

void CheckImages(const NodeContext& context) {
  RequireFloat(context, 0);
  RequireEqualTypes(context, 3);
  if (context.InputShape(0).size() < 3) {
    context.Invalid("input 0 has shape " + ShapeToString(context.InputShape(0)) +
                    ", expected rank 3 or more: batch, channels, spatial sizes");
  }
}

std::int64_t MapSize(const Shape& shape) { return ElementCount({shape.begin() + 2, shape.end()}); }

void InferInstance(InferContext& context) {
  CheckImages(context);
  CheckVectors(context, context.InputShape(0)[1]);
  context.SetOutput(0, context.InputType(0), context.InputShape(0));
}

// Blocked images: each channel is a lane.
std::unique_ptr<Step> PlanInstanceBlocked(PlanContext& context) {
  context.AllowInPlace(0, 0);
  context.ReadAs(0, Layout::kBlocked);
  context.WriteAs(0, Layout::kBlocked);
  const double epsilon = static_cast<double>(context.attributes().Float("epsilon", 1e-5f));
  const BlockedPlanes planes(context.OutputShape(0));
  const std::int64_t pixels = planes.elements / kernels::kBlock;
  const auto moments_of = kernels::GetNormalizeTable().moments_blocked;
  const auto affine = kernels::GetChannelTable().affine_blocked;
  auto step = MakeStep(
      "normalize/instance_blocked", pixels == 0 ? 0 : planes.count,
      [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
        for (std::int64_t plane = begin; plane < end; ++plane) {
          const float* x = static_cast<const float*>(args.inputs[0]) + plane * planes.elements;
          const std::int64_t channel = plane % planes.blocks * kernels::kBlock;
          const float* scales = static_cast<const float*>(args.inputs[1]) + channel;
          const float* biases = static_cast<const float*>(args.inputs[2]) + channel;
          kernels::Moments moments[kernels::kBlock];
          moments_of(x, pixels, moments);
          float scale[kernels::kBlock] = {};
          float shift[kernels::kBlock] = {};
          for (std::int64_t lane = 0; lane < planes.ValidLanes(plane); ++lane) {
            const Statistics s = StatisticsOf(moments[lane], pixels, epsilon);
            const double factor = s.inverse_deviation * static_cast<double>(scales[lane]);
            scale[lane] = static_cast<float>(factor);
            shift[lane] = static_cast<float>(static_cast<double>(biases[lane]) - s.mean * factor);
          }
          affine(x, scale, shift, static_cast<float*>(args.outputs[0]) + plane * planes.elements,
                 static_cast<std::size_t>(pixels), {});
        }
      });
  return WithLoops(std::move(step), context, 0.6 * OutputElements(context));
}

std::unique_ptr<Step> PlanInstance(PlanContext& context) {
  if (UsesBlocked(context, 0)) return PlanInstanceBlocked(context);
  const Shape& shape = context.InputShape(0);
  const std::int64_t map = MapSize(shape);
  return PlanGroupsOfType(
      context,
      {.count = shape[0] * shape[1], .length = map, .periods = shape[1], .scales = 1, .run = map});
}

std::int64_t GroupCount(const NodeContext& context) {
  const std::int64_t groups = context.attributes().Int("num_groups", 0);
  const std::int64_t channels = context.InputShape(0)[1];
  if (groups < 1 || channels % groups != 0) {
    context.Invalid("num_groups is " + std::to_string(groups) + ", expected a divisor of the " +
                    std::to_string(channels) + " channels");
  }
  return groups;
}

// Scale and bias: one for each group up to opset 20, one for each channel from 21.
void InferGroup(InferContext& context) {
  CheckImages(context);
  const std::int64_t groups = GroupCount(context);
  CheckVectors(context, context.opset() < 21 ? groups : context.InputShape(0)[1]);
  context.SetOutput(0, context.InputType(0), context.InputShape(0));
}

std::unique_ptr<Step> PlanGroup(PlanContext& context) {
  const Shape& shape = context.InputShape(0);
  const std::int64_t groups = GroupCount(context);
  const std::int64_t map = MapSize(shape);
  const std::int64_t channels = shape[1] / groups;  // of one group
  const bool for_groups = context.opset() < 21;
  return PlanGroupsOfType(context, {.count = shape[0] * groups,
                                    .length = channels * map,
                                    .periods = groups,
                                    .scales = for_groups ? 1 : channels,
                                    .run = for_groups ? channels * map : map});
}

void InferLayer(InferContext& context) {
  RequireFloat(context, 0);
  RequireEqualTypes(context, 3);
  const Shape& shape = context.InputShape(0);
  const std::size_t axis = context.Axis(context.attributes().Int("axis", -1), shape.size());
  const Shape normalized(shape.begin() + static_cast<std::ptrdiff_t>(axis), shape.end());
  for (std::size_t i = 1; i < 3; ++i) {
    if (context.HasInput(i) && context.InputShape(i) != normalized) {
      context.Unsupported("input " + std::to_string(i) + " has shape " +
                          ShapeToString(context.InputShape(i)) + ", supported is " +
                          ShapeToString(normalized) + ", that of the normalised dimensions");
    }
  }
  context.SetOutput(0, context.InputType(0), shape);
  Shape reduced = shape;
  std::fill(reduced.begin() + static_cast<std::ptrdiff_t>(axis), reduced.end(), 1);
  for (std::size_t i = 1; i < 3; ++i) {
    if (context.HasOutput(i)) context.SetOutput(i, context.InputType(0), reduced);
  }
}

std::unique_ptr<Step> PlanLayer(PlanContext& context) {
  const Shape& shape = context.InputShape(0);
  const auto axis =
      static_cast<std::ptrdiff_t>(context.Axis(context.attributes().Int("axis", -1), shape.size()));
  const std::int64_t length = ElementCount({shape.begin() + axis, shape.end()});
  return PlanGroupsOfType(context, {.count = ElementCount({shape.begin(), shape.begin() + axis}),
                                    .length = length,
                                    .periods = 1,
                                    .scales = length,
                                    .run = 1});
}

}  // namespace

const OpDef& OpInstanceNormalization() {
  static const OpDef op{.name = "InstanceNormalization",
                        .min_inputs = 3,
                        .max_inputs = 3,
                        .attributes = "epsilon",
                        .types = "float32, float64",
                        .infer = InferInstance,
                        .plan = PlanInstance,
                        .batch_wise = EachImage};
  return op;
}

const OpDef& OpGroupNormalization() {
  static const OpDef op{.name = "GroupNormalization",
                        .since = 18,
                        .min_inputs = 3,
                        .max_inputs = 3,
                        .attributes = "epsilon num_groups stash_type",
                        .types = "float32, float64",
                        .infer = InferGroup,
                        .plan = PlanGroup,
                        .batch_wise = EachImage};
  return op;
}

// ONNX has it from opset 17 on; what ONNX Runtime fuses it writes as one of any version.
const OpDef& OpLayerNormalization() {
  static const OpDef op{.name = "LayerNormalization",
                        .since = 1,
                        .min_inputs = 2,
                        .max_inputs = 3,
                        .max_outputs = 3,
                        .attributes = "axis epsilon stash_type",
                        .types = "float32, float64",
                        .infer = InferLayer,
                        .plan = PlanLayer,
                        .batch_wise = OffBatchAxis<-1>};
  return op;
}

}  // namespace kinglet
