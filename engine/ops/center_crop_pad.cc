// CenterCropPad: sizes along axes made equal to given ones, cut or filled up with zeros at both
// ends.
#include <algorithm>
#include <numeric>

#include "engine/ops/axis_gather.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

// Axis k of the list has size number k; without a list all axes have.
Shape TargetShape(const NodeContext& context) {
  Shape target = context.InputShape(0);
  const std::vector<std::int64_t> sizes = context.InputInts(1, "the shape");
  std::vector<std::int64_t> axes(target.size());
  std::iota(axes.begin(), axes.end(), std::int64_t{0});
  if (context.attributes().Has("axes")) axes = context.attributes().Ints("axes");
  if (axes.size() != sizes.size()) {
    context.Invalid("the shape (input 1) has " + std::to_string(sizes.size()) + " sizes for " +
                    std::to_string(axes.size()) + " axes");
  }
  SortedAxes(context, axes, target.size());  // in range, each once
  for (std::size_t k = 0; k < axes.size(); ++k) {
    target[context.Axis(axes[k], target.size())] = sizes[k];
  }
  return target;
}

void InferCenterCropPad(InferContext& context) {
  if (context.InputShape(0).empty()) context.Invalid("input 0 is a scalar");
  context.SetOutput(0, context.InputType(0), TargetShape(context));
}

// Positions of the input along an axis; what is odd is cut, or filled up, at the end.
std::vector<std::int64_t> Positions(std::int64_t from, std::int64_t to) {
  std::vector<std::int64_t> positions(static_cast<std::size_t>(to), -1);
  const std::int64_t shift = from > to ? (from - to) / 2 : -((to - from) / 2);
  for (std::int64_t i = 0; i < to; ++i) {
    const std::int64_t at = i + shift;
    if (at >= 0 && at < from) positions[static_cast<std::size_t>(i)] = at;
  }
  return positions;
}

std::unique_ptr<Step> PlanCenterCropPad(PlanContext& context) {
  context.DoNotRead(1);
  AxisGather gather{.in = context.InputShape(0), .out = context.OutputShape(0), .source = {}};
  const bool empty = ElementCount(gather.out) == 0;  // other axes may have any size then
  for (std::size_t d = 0; d < gather.out.size(); ++d) {
    if (empty) gather.out[d] = 0;
    gather.source.push_back(Positions(gather.in[d], gather.out[d]));
  }
  return DispatchSize(context.InputType(0), [&]<typename T>() {
    return MakeAxisGather<T>("reference/center_crop_pad", std::move(gather),
                             [](const StepArgs&, std::int64_t) { return T{0}; });
  });
}

}  // namespace

const OpDef& OpCenterCropPad() {
  static const OpDef def{.name = "CenterCropPad",
                         .since = 18,
                         .min_inputs = 2,
                         .max_inputs = 2,
                         .attributes = "axes",
                         .types = kAnyType,
                         .infer = InferCenterCropPad,
                         .plan = PlanCenterCropPad};
  return def;
}

}  // namespace kinglet
