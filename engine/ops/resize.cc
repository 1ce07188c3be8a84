// Resize and Upsample. Nearest picks elements; linear and cubic run one axis after the other over
// each image plane, blocked or plain.
#include "engine/ops/resize.h"

#include <algorithm>
#include <cstring>

#include "engine/ops/axis_gather.h"
#include "engine/ops/batch.h"
#include "engine/ops/bfloat16.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/resize_passes.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

void InferResize(InferContext& context) {
  const ResizeSpec spec = ResizeSpecOf(context);
  Shape out;
  for (const ResizeAxis& axis : spec.axes) out.push_back(axis.out);
  context.SetOutput(0, context.InputType(0), std::move(out));
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
          RunPlane(plan, static_cast<const T*>(args.inputs[0]) + plane * plan.in_size, scratch,
                   static_cast<T*>(args.outputs[0]) + plane * plan.out_size);
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
      const T value = ExtrapolationOf<T>(spec);
      return MakeAxisGather<T>("resize/nearest", gather,
                               [=](const StepArgs&, std::int64_t) { return value; });
    });
  }
  return DispatchSize(context.InputType(0), [&]<typename T>() {
    return MakeAxisGather<T>("resize/nearest", gather,
                             [](const StepArgs&, std::int64_t) { return T{}; });
  });
}

// The axes of the blocked layout: blocks instead of channels.
std::vector<ResizeAxis> BlockedAxes(const PlanContext& context, const ResizeSpec& spec) {
  const std::int64_t block = kernels::PixelBlock(ElementTypeOf(context.InputType(0)));
  std::vector<ResizeAxis> axes = spec.axes;
  axes[1].in = axes[1].out = BlockedShape(context.InputShape(0), block)[1];
  return axes;
}

// Picks pixels of any type; blends those of float32.
std::unique_ptr<Step> PlanBlocked(PlanContext& context, const ResizeSpec& spec) {
  context.ReadAs(0, Layout::kBlocked);
  context.WriteAs(0, Layout::kBlocked);
  std::vector<ResizeAxis> axes = BlockedAxes(context, spec);
  if (spec.mode == ResizeMode::kNearest) {
    return MakeAxisGather<BlockedPixel>(
        BlockedId("resize/nearest_blocked", context.InputType(0)), NearestGather(spec, axes),
        [](const StepArgs&, std::int64_t) { return BlockedPixel{}; });
  }
  axes.push_back({.in = 16, .out = 16});  // the lanes
  return MakePlaneStep("resize/separable_blocked_f32", MakePlanePlan<float>(spec, axes));
}

bool IsInteger(DataType type) {
  return type != DataType::kFloat32 && type != DataType::kFloat64 && type != DataType::kBool;
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
  if (auto step = PlanBFloat16Nearest(context, spec)) return step;
  const bool blocks =
      spec.mode == ResizeMode::kNearest ? MovesBlocks(context, 0) : UsesBlocked(context, 0);
  if (blocks && spec.axes[1].identity && !spec.extrapolates()) {
    return PlanBlocked(context, spec);
  }
  if (spec.mode == ResizeMode::kNearest) return PlanNearest(context, spec);
  if (IsInteger(context.InputType(0))) return PlanIntegerResize(context, spec);
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
      .types = "nearest: any; linear, cubic: float32, float64, integers",
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
                         .types = "nearest: any; linear: float32, float64, integers",
                         .infer = InferResize,
                         .plan = PlanResize,
                         .batch_wise = ResizeBatchWise};
  return def;
}

}  // namespace kinglet
