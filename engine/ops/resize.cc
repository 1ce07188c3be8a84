// Resize and Upsample. Nearest picks elements; linear and cubic run one axis after the other over
// each image plane, blocked or plain.
#include "engine/ops/resize.h"

#include <algorithm>
#include <cstring>

#include "engine/ops/axis_gather.h"
#include "engine/ops/batch.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

void InferResize(InferContext& context) {
  const ResizeSpec spec = ResizeSpecOf(context);
  Shape out;
  for (const ResizeAxis& axis : spec.axes) out.push_back(axis.out);
  context.SetOutput(0, context.InputType(0), std::move(out));
}

// One axis of one plane: [outer][in][inner] to [outer][out][inner].
template <typename T>
struct Pass {
  std::int64_t outer = 1, in = 1, out = 1, inner = 1;
  int taps = 1;
  std::vector<std::int64_t> index;
  std::vector<T> weight;

  std::int64_t out_size() const { return outer * out * inner; }
};

// The sum of the taps' rows. Two taps are nearly all of the work there is.
template <typename T>
void BlendRow(const T* in, const std::int64_t* index, const T* weight, int taps, std::int64_t inner,
              T* out) {
  if (taps == 2) {
    const T* a = in + index[0] * inner;
    const T* b = in + index[1] * inner;
    const T u = weight[0];
    const T v = weight[1];
    for (std::int64_t j = 0; j < inner; ++j) out[j] = a[j] * u + b[j] * v;
    return;
  }
  for (std::int64_t j = 0; j < inner; ++j) out[j] = in[index[0] * inner + j] * weight[0];
  for (int t = 1; t < taps; ++t) {
    const T* row = in + index[t] * inner;
    for (std::int64_t j = 0; j < inner; ++j) out[j] += row[j] * weight[t];
  }
}

// Single elements, the last axis of a plain tensor.
template <typename T>
void BlendElements(const Pass<T>& pass, const T* in, T* out) {
  const std::int64_t* index = pass.index.data();
  const T* weight = pass.weight.data();
  if (pass.taps == 2) {
    for (std::int64_t x = 0; x < pass.out; ++x) {
      out[x] = in[index[2 * x]] * weight[2 * x] + in[index[2 * x + 1]] * weight[2 * x + 1];
    }
    return;
  }
  for (std::int64_t x = 0; x < pass.out; ++x, index += pass.taps, weight += pass.taps) {
    T sum = 0;
    for (int t = 0; t < pass.taps; ++t) sum += in[index[t]] * weight[t];
    out[x] = sum;
  }
}

template <typename T>
void RunPass(const Pass<T>& pass, const T* in, T* out) {
  for (std::int64_t o = 0; o < pass.outer; ++o, in += pass.in * pass.inner) {
    if (pass.inner == 1) {
      BlendElements(pass, in, out);
      out += pass.out;
      continue;
    }
    for (std::int64_t y = 0; y < pass.out; ++y, out += pass.inner) {
      BlendRow(in, pass.index.data() + y * pass.taps, pass.weight.data() + y * pass.taps, pass.taps,
               pass.inner, out);
    }
  }
}

// Elements of each plane that show no input, which the passes have filled with anything.
template <typename T>
struct Extrapolation {
  T value;
  std::vector<std::int64_t> elements;
};

// The axes from `first` on are a plane; those before are planes side by side.
template <typename T>
struct PlanePlan {
  std::int64_t planes = 1, in_size = 1, out_size = 1;
  std::int64_t between = 0;  // elements of the largest intermediate
  std::vector<Pass<T>> passes;
  Extrapolation<T> outside{};
};

// Shrinking axes come first, so that nothing in between is larger than both ends.
std::vector<std::size_t> PassOrder(const std::vector<ResizeAxis>& axes) {
  std::vector<std::size_t> order;
  for (std::size_t k = axes.size(); k-- > 0;) {
    if (!axes[k].identity) order.push_back(k);
  }
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return static_cast<double>(axes[a].out) / static_cast<double>(axes[a].in) <
           static_cast<double>(axes[b].out) / static_cast<double>(axes[b].in);
  });
  return order;
}

template <typename T>
PlanePlan<T> MakePlanePlan(const ResizeSpec& spec, std::vector<ResizeAxis> axes) {
  PlanePlan<T> plan;
  std::size_t first = 0;
  while (axes[first].identity) plan.planes *= axes[first++].in;
  axes.erase(axes.begin(), axes.begin() + static_cast<std::ptrdiff_t>(first));
  Shape shape;
  for (const ResizeAxis& axis : axes) {
    shape.push_back(axis.in);
    plan.in_size *= axis.in;
    plan.out_size *= axis.out;
  }
  std::vector<std::vector<bool>> outside(axes.size());
  for (const std::size_t k : PassOrder(axes)) {
    ResizeTaps taps = TapsOf(spec, axes[k]);
    for (std::int64_t& index : taps.index) {
      outside[k].push_back(index < 0);
      index = std::max<std::int64_t>(index, 0);
    }
    Pass<T> pass{DimsProduct(shape, 0, k),
                 axes[k].in,
                 axes[k].out,
                 DimsProduct(shape, k + 1, shape.size()),
                 taps.taps,
                 std::move(taps.index),
                 {}};
    for (const double weight : taps.weight) pass.weight.push_back(static_cast<T>(weight));
    shape[k] = axes[k].out;
    plan.passes.push_back(std::move(pass));
  }
  for (std::size_t k = 0; k + 1 < plan.passes.size(); ++k) {
    plan.between = std::max(plan.between, plan.passes[k].out_size());
  }
  if (spec.extrapolates()) {
    plan.outside.value = static_cast<T>(spec.extrapolation);
    for (std::int64_t at = 0; at < plan.out_size; ++at) {
      std::int64_t rest = at;
      bool any = false;
      for (std::size_t k = axes.size(); k-- > 0; rest /= axes[k].out) {
        const auto x = static_cast<std::size_t>(rest % axes[k].out);
        any = any || (!outside[k].empty() &&
                      outside[k][x * outside[k].size() / static_cast<std::size_t>(axes[k].out)]);
      }
      if (any) plan.outside.elements.push_back(at);
    }
  }
  return plan;
}

// Units are planes; two intermediates, taken in turn, are the scratch memory.
template <typename T>
std::unique_ptr<Step> MakePlaneStep(std::string kernel, PlanePlan<T> plan) {
  const std::int64_t planes = plan.planes;
  const std::size_t buffers = std::min<std::size_t>(plan.passes.size() - 1, 2);
  const std::size_t bytes = static_cast<std::size_t>(plan.between) * sizeof(T) * buffers;
  auto step = MakeStep(
      std::move(kernel), planes,
      [plan = std::move(plan)](const StepArgs& args, std::int64_t begin, std::int64_t end) {
        T* scratch = reinterpret_cast<T*>(args.scratch);
        for (std::int64_t plane = begin; plane < end; ++plane) {
          const T* in = static_cast<const T*>(args.inputs[0]) + plane * plan.in_size;
          T* out = static_cast<T*>(args.outputs[0]) + plane * plan.out_size;
          for (std::size_t k = 0; k < plan.passes.size(); ++k) {
            const bool last = k + 1 == plan.passes.size();
            T* to = last ? out : scratch + (k % 2 == 0 ? 0 : plan.between);
            RunPass(plan.passes[k], in, to);
            in = to;
          }
          for (const std::int64_t at : plan.outside.elements) {
            out[at] = plan.outside.value;
          }
        }
      });
  step->scratch_bytes = bytes;
  return step;
}

AxisGather NearestGather(const ResizeSpec& spec, const std::vector<ResizeAxis>& axes) {
  AxisGather gather;
  for (const ResizeAxis& axis : axes) {
    gather.in.push_back(axis.in);
    gather.out.push_back(axis.out);
    gather.source.push_back(NearestOf(spec, axis));
  }
  return gather;
}

std::unique_ptr<Step> PlanNearest(const PlanContext& context, const ResizeSpec& spec) {
  const AxisGather gather = NearestGather(spec, spec.axes);
  if (spec.extrapolates()) {
    return DispatchType(context.InputType(0), [&]<typename T>() {
      const auto value = static_cast<T>(spec.extrapolation);
      return MakeAxisGather<T>("resize/nearest", gather, [=](const StepArgs&) { return value; });
    });
  }
  return DispatchSize(context.InputType(0), [&]<typename T>() {
    return MakeAxisGather<T>("resize/nearest", gather, [](const StepArgs&) { return T{}; });
  });
}

// The axes of the blocked layout: blocks instead of channels.
std::vector<ResizeAxis> BlockedAxes(const Shape& shape, const ResizeSpec& spec) {
  std::vector<ResizeAxis> axes = spec.axes;
  axes[1].in = axes[1].out = BlockedShape(shape)[1];
  return axes;
}

std::unique_ptr<Step> PlanBlocked(PlanContext& context, const ResizeSpec& spec) {
  context.ReadAs(0, Layout::kBlocked);
  context.WriteAs(0, Layout::kBlocked);
  std::vector<ResizeAxis> axes = BlockedAxes(context.InputShape(0), spec);
  if (spec.mode == ResizeMode::kNearest) {
    return MakeAxisGather<BlockedPixel>("resize/nearest_blocked_f32", NearestGather(spec, axes),
                                        [](const StepArgs&) { return BlockedPixel{}; });
  }
  axes.push_back({.in = 16, .out = 16});  // the lanes
  return MakePlaneStep("resize/separable_blocked_f32", MakePlanePlan<float>(spec, axes));
}

std::unique_ptr<Step> PlanResize(PlanContext& context) {
  const ResizeSpec spec = ResizeSpecOf(context);
  for (std::size_t i = 1; i < context.input_count(); ++i) {
    if (context.HasInput(i)) context.DoNotRead(i);
  }
  const bool identity = std::all_of(spec.axes.begin(), spec.axes.end(),
                                    [](const ResizeAxis& axis) { return axis.identity; });
  if (identity) {
    context.Alias(0, 0);
    return nullptr;
  }
  if (ElementCount(context.OutputShape(0)) == 0) {
    return MakeStep("resize/nearest", 0, [](const StepArgs&, std::int64_t, std::int64_t) {});
  }
  if (context.IsBlocked(0) && spec.axes[1].identity && !spec.extrapolates()) {
    return PlanBlocked(context, spec);
  }
  if (spec.mode == ResizeMode::kNearest) return PlanNearest(context, spec);
  return DispatchFloat(context.InputType(0), [&]<typename T>() {
    return MakePlaneStep("resize/separable", MakePlanePlan<T>(spec, spec.axes));
  });
}

bool ResizeBatchWise(const NodeContext& context, const std::vector<BatchUse>& inputs) {
  return EachImageShaped(context, inputs) && ResizeSpecOf(context).axes[0].identity;
}

}  // namespace

const OpDef& OpResize() {
  static const OpDef def{
      .name = "Resize",
      .since = 10,
      .max_inputs = 4,
      .attributes =
          "mode coordinate_transformation_mode nearest_mode cubic_coeff_a "
          "exclude_outside extrapolation_value antialias axes keep_aspect_ratio_policy",
      .types = "nearest: any; linear, cubic: float32, float64",
      .infer = InferResize,
      .plan = PlanResize,
      .batch_wise = ResizeBatchWise};
  return def;
}

const OpDef& OpUpsample() {
  static const OpDef def{.name = "Upsample",
                         .until = 9,
                         .max_inputs = 2,
                         .attributes = "mode scales",
                         .types = "nearest: any; linear: float32, float64",
                         .infer = InferResize,
                         .plan = PlanResize,
                         .batch_wise = ResizeBatchWise};
  return def;
}

}  // namespace kinglet
