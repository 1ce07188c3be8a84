// ONNX Runtime's pools of 8-bit tensors: QLinearGlobalAveragePool and QLinearAveragePool, in its
// order of float32 operations.
//
//   global:  round((sum x - HW z_x) (s_x / (s_y HW))) + z_y
//   windows: round((sum (x - z_x) s_x) / count / s_y + z_y)
#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "engine/ops/batch.h"
#include "engine/ops/pool.h"
#include "engine/ops/quantized.h"
#include "engine/ops/spatial.h"
#include "engine/ops/views.h"
#include "kernels/pool/pool_u8.h"

namespace kinglet {
namespace {

// X, X_scale, X_zero_point, Y_scale, Y_zero_point.
constexpr std::size_t kX = 0, kXScale = 1, kXZero = 2, kYScale = 3, kYZero = 4;

bool ChannelsLast(const NodeContext& context) {
  return context.attributes().Int("channels_last", 0) != 0;
}

// Images of planes: the value at position p of channel c of image n is element
// n * channels * in_plane + c * channel_step + p * step.
struct Planes {
  std::int64_t images = 0, channels = 0;
  Shape in, out;  // spatial sizes
  std::int64_t in_plane = 1, out_plane = 1;
  bool last = false;  // the channels are the last axis

  std::int64_t maps() const { return images * channels; }
  std::int64_t Start(std::int64_t map, std::int64_t plane) const {
    return map / channels * channels * plane + map % channels * (last ? 1 : plane);
  }
  std::int64_t step() const { return last ? channels : 1; }
};

Planes PlanesOf(const NodeContext& context) {
  const Shape& x = context.InputShape(kX);
  if (x.size() < 3) {
    context.Invalid("input 0 has shape " + ShapeToString(x) +
                    ", expected rank 3 or more: batch, channels, spatial sizes");
  }
  Planes planes;
  planes.last = ChannelsLast(context);
  planes.images = x[0];
  planes.channels = planes.last ? x.back() : x[1];
  planes.in = planes.last ? Shape(x.begin() + 1, x.end() - 1) : Shape(x.begin() + 2, x.end());
  planes.in_plane = ElementCount(planes.in);
  return planes;
}

void SetOut(Planes& planes, Shape out) {
  planes.out_plane = ElementCount(out);
  planes.out = std::move(out);
}

Shape OutputOf(const Planes& planes) {
  Shape y{planes.images};
  if (!planes.last) y.push_back(planes.channels);
  y.insert(y.end(), planes.out.begin(), planes.out.end());
  if (planes.last) y.push_back(planes.channels);
  return y;
}

void CheckInputs(const NodeContext& context) {
  RequireEightBits(context, kX);
  RequireOneScale(context, kXScale);
  RequireOneZeroPoint(context, kXZero, kX);
  RequireOneScale(context, kYScale);
  RequireOneZeroPoint(context, kYZero, kX);
}

Planes GlobalPlanesOf(const NodeContext& context) {
  Planes planes = PlanesOf(context);
  SetOut(planes, Shape(planes.in.size(), 1));
  return planes;
}

void InferGlobal(InferContext& context) {
  CheckInputs(context);
  const Planes planes = GlobalPlanesOf(context);
  if (planes.in_plane == 0) {
    context.Invalid("input 0 has shape " + ShapeToString(context.InputShape(kX)) +
                    ", expected maps of at least one element");
  }
  context.SetOutput(0, context.InputType(kX), OutputOf(planes));
}

// As the step runs. Of uint8.
kernels::CodeScales ScalesOf(const StepArgs& args, std::size_t x_zero, std::size_t y_zero) {
  return {.x_scale = ScaleOf(args, kXScale),
          .y_scale = ScaleOf(args, kYScale),
          .x_zero = ZeroPointOf<std::uint8_t>(args, x_zero),
          .y_zero = ZeroPointOf<std::uint8_t>(args, y_zero)};
}

// Blocks of codes: `p` says the images of either kind of pool.
template <typename P, typename F>
std::unique_ptr<Step> CodePoolStep(const PlanContext& context, std::string kernel, const P& p,
                                   F function, kernels::Work work) {
  const std::size_t x_zero = IfPresent(context, kXZero);
  const std::size_t y_zero = IfPresent(context, kYZero);
  auto step = MakeStep(std::move(kernel), kernels::CodeUnitCount(p),
                       [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                         function(p, ScalesOf(args, x_zero, y_zero),
                                  static_cast<const std::uint8_t*>(args.inputs[kX]),
                                  static_cast<std::uint8_t*>(args.outputs[0]), begin, end);
                       });
  step->work = std::move(work);
  return step;
}

std::unique_ptr<Step> PlanGlobalBlocked(PlanContext& context, const Planes& planes) {
  const kernels::Pool image = ReadAndWriteCodes(context, {.n = planes.images,
                                                          .c = planes.channels,
                                                          .in_h = planes.in[0],
                                                          .in_w = planes.in[1],
                                                          .out_h = 1,
                                                          .out_w = 1,
                                                          .kernel_h = planes.in[0],
                                                          .kernel_w = planes.in[1]});
  const kernels::GlobalPool p{.n = planes.images,
                              .c = planes.channels,
                              .pixels = planes.in_plane,
                              .in_batch_stride = image.in_batch_stride,
                              .out_batch_stride = image.out_batch_stride};
  return CodePoolStep(context, "pool/qlinear_global_average_u8", p,
                      kernels::GetPoolU8Table().global_average,
                      kernels::CodePoolWork(p, context.threads()));
}

std::unique_ptr<Step> PlanGlobal(PlanContext& context) {
  const Planes planes = GlobalPlanesOf(context);
  if (!planes.last && planes.in_plane <= kernels::kMaxCodePixels && HasCodeBlocks(context)) {
    return PlanGlobalBlocked(context, planes);
  }
  const std::size_t x_zero = IfPresent(context, kXZero);
  const std::size_t y_zero = IfPresent(context, kYZero);
  return DispatchEightBits(context.InputType(kX), [&]<typename T>() {
    return MakeItemStep("pool/qlinear_global_average", planes.maps(), planes.in_plane,
                        [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                          const auto size = static_cast<float>(planes.in_plane);
                          const float scale =
                              ScaleOf(args, kXScale) / (ScaleOf(args, kYScale) * size);
                          const std::int64_t shift = planes.in_plane * ZeroPointOf<T>(args, x_zero);
                          const std::int32_t zero = ZeroPointOf<T>(args, y_zero);
                          for (std::int64_t map = begin; map < end; ++map) {
                            const T* x = static_cast<const T*>(args.inputs[kX]) +
                                         planes.Start(map, planes.in_plane);
                            std::int64_t sum = -shift;
                            for (std::int64_t p = 0; p < planes.in_plane; ++p)
                              sum += x[p * planes.step()];
                            static_cast<T*>(args.outputs[0])[map] =
                                SaturateTo<T>(static_cast<float>(sum) * scale, zero);
                          }
                        });
  });
}

// Calls f(offset of a position of the plane) for those that the window of output `at` shows, in
// order, and returns how many there are.
template <typename F>
std::int64_t ForWindow(const Planes& planes, const Window& window, std::int64_t at, const F& f) {
  const std::size_t rank = window.rank();
  std::int64_t low[kMaxRank];
  std::int64_t size[kMaxRank];
  std::int64_t count = 1;
  for (std::size_t d = rank; d-- > 0; at /= planes.out[d]) {
    const std::int64_t start = at % planes.out[d] * window.strides[d] - window.pads_begin[d];
    low[d] = std::max<std::int64_t>(start, 0);
    size[d] = std::max<std::int64_t>(std::min(start + window.kernel[d], planes.in[d]) - low[d], 0);
    count *= size[d];
  }
  for (std::int64_t k = 0; k < count; ++k) {
    std::int64_t rest = k;
    std::int64_t offset = 0;
    std::int64_t stride = 1;
    for (std::size_t d = rank; d-- > 0; rest /= size[d]) {
      offset += (low[d] + rest % size[d]) * stride;
      stride *= planes.in[d];
    }
    f(offset);
  }
  return count;
}

void InferAverage(InferContext& context) {
  CheckInputs(context);
  Planes planes = PlanesOf(context);
  SetOut(planes, PoolWindow(context, planes.in).output);
  context.SetOutput(0, context.InputType(kX), OutputOf(planes));
}

std::unique_ptr<Step> PlanAverage(PlanContext& context) {
  Planes planes = PlanesOf(context);
  const Window window = PoolWindow(context, planes.in);
  SetOut(planes, window.output);
  const bool with_pads = context.attributes().Int("count_include_pad", 0) != 0;
  if (!planes.last && HasCodeBlocks(context)) {
    kernels::Pool p = ReadAndWriteCodes(context, ImagePoolOf(context, window));
    p.include_pad = with_pads;
    return CodePoolStep(context, "pool/qlinear_average_u8", p, kernels::GetPoolU8Table().average,
                        kernels::CodePoolWork(p, false, context.threads()));
  }
  const std::int64_t taps = ElementCount(Shape(window.kernel));
  const std::size_t x_zero = IfPresent(context, kXZero);
  const std::size_t y_zero = IfPresent(context, kYZero);
  const std::int64_t outputs = planes.maps() * planes.out_plane;
  auto step = DispatchEightBits(context.InputType(kX), [&]<typename T>() {
    return MakeItemStep(
        "pool/qlinear_average", outputs, taps,
        [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
          const float x_scale = ScaleOf(args, kXScale);
          const float y_scale = ScaleOf(args, kYScale);
          const std::int32_t zero = ZeroPointOf<T>(args, x_zero);
          const auto out_zero = static_cast<float>(ZeroPointOf<T>(args, y_zero));
          for (std::int64_t item = begin; item < end; ++item) {  // (map, output)
            const std::int64_t map = item / planes.out_plane;
            const std::int64_t at = item % planes.out_plane;
            const T* x =
                static_cast<const T*>(args.inputs[kX]) + planes.Start(map, planes.in_plane);
            float sum = 0;
            const std::int64_t seen = ForWindow(planes, window, at, [&](std::int64_t offset) {
              sum += x_scale * static_cast<float>(x[offset * planes.step()] - zero);
            });
            const auto count = static_cast<float>(with_pads ? taps : seen);
            static_cast<T*>(
                args.outputs[0])[planes.Start(map, planes.out_plane) + at * planes.step()] =
                SaturateTo<T>(sum / count / y_scale + out_zero);
          }
        });
  });
  step->work = kernels::LoopWork(static_cast<double>(outputs) * static_cast<double>(taps) * 8.0,
                                 context.threads());
  return step;
}

}  // namespace

const OpDef& OpQLinearGlobalAveragePool() {
  static const OpDef def{.name = "QLinearGlobalAveragePool",
                         .domain = kContribDomain,
                         .since = kContribOpset,
                         .until = kContribOpset,
                         .min_inputs = 2,
                         .max_inputs = 5,
                         .attributes = "channels_last",
                         .types = kEightBits,
                         .infer = InferGlobal,
                         .plan = PlanGlobal,
                         .batch_wise = EachImage};
  return def;
}

const OpDef& OpQLinearAveragePool() {
  static const OpDef def{
      .name = "QLinearAveragePool",
      .domain = kContribDomain,
      .since = kContribOpset,
      .until = kContribOpset,
      .min_inputs = 2,
      .max_inputs = 5,
      .attributes = "auto_pad ceil_mode channels_last count_include_pad kernel_shape pads strides",
      .types = kEightBits,
      .infer = InferAverage,
      .plan = PlanAverage,
      .batch_wise = EachImage};
  return def;
}

}  // namespace kinglet
