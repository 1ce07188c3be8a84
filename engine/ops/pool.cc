// Pools over windows: MaxPool, AveragePool, LpPool.
#include "engine/ops/pool.h"

#include <algorithm>

#include "engine/ops/batch.h"
#include "engine/ops/bfloat16.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/loop_work.h"
#include "kernels/layout/layout.h"
#include "kernels/pool/pool_nd.h"
#include "kernels/pool/pool_u8.h"

namespace kinglet {
namespace {

using kernels::PoolNdKind;

constexpr std::size_t kMaxSpatial = 3;

PoolNdKind KindOf(const NodeContext& context) {
  if (context.node().op == "MaxPool") return PoolNdKind::kMax;
  if (context.node().op == "LpPool") return PoolNdKind::kLpNorm;
  return context.attributes().Int("count_include_pad", 0) != 0 ? PoolNdKind::kAverageWithPad
                                                               : PoolNdKind::kAverage;
}

void CheckPoolType(const NodeContext& context) {
  const DataType type = context.InputType(0);
  const bool byte = type == DataType::kInt8 || type == DataType::kUInt8;
  if (!(byte && context.node().op == "MaxPool")) RequireFloat(context, 0);
}

void InferPool(InferContext& context) {
  CheckPoolType(context);
  const std::vector<std::int64_t> sizes = SpatialSizes(context);
  if (sizes.size() > kMaxSpatial) {
    context.Unsupported("pooling over " + std::to_string(sizes.size()) +
                        " dimensions, supported are 1 to 3");
  }
  if (context.attributes().Int("p", 2) < 1) context.Invalid("p is below 1");
  const Window window = PoolWindow(context, sizes);
  Shape shape = context.InputShape(0);
  std::copy(window.output.begin(), window.output.end(), shape.begin() + 2);
  context.SetOutput(0, context.InputType(0), shape);
  if (context.HasOutput(1)) context.SetOutput(1, DataType::kInt64, shape);
}

// Plain images whose rows are shorter than a few vectors.
bool HasSmallMaps(const kernels::Pool& p) {
  constexpr std::int64_t kMostPixels = 1024;
  constexpr std::int64_t kFewestChannels = 4;
  return p.in_d == 1 && p.kernel_d == 1 && p.pad_front == 0 && p.pad_back == 0 && p.out_d == 1 &&
         p.in_h * p.in_w <= kMostPixels && p.out_h * p.out_w <= kMostPixels &&
         p.c >= kFewestChannels;
}

// 16 channels at a time become a block, which is pooled, and come back.
std::unique_ptr<Step> PlanSmallMaps(const PlanContext& context, const kernels::Pool& p, bool max) {
  const kernels::LayoutTable& layout = kernels::GetLayoutTable();
  const kernels::PoolTable& table = kernels::GetPoolTable();
  const kernels::PoolFn function = max ? table.max_blocked : table.average_blocked;
  const std::int64_t in_plane = p.in_h * p.in_w;
  const std::int64_t out_plane = p.out_h * p.out_w;
  const std::int64_t blocks = kernels::BlockCount(p.c);
  auto step = MakeStep(
      max ? "pool/max_f32" : "pool/average_f32", p.n * blocks,
      [=, to_blocked = layout.to_blocked, to_plain = layout.to_plain](
          const StepArgs& a, std::int64_t begin, std::int64_t end) {
        auto* x = reinterpret_cast<float*>(a.scratch);
        float* y = x + in_plane * kernels::kBlock;
        for (std::int64_t unit = begin; unit < end; ++unit) {
          const std::int64_t first = unit % blocks * kernels::kBlock;
          const std::int64_t plane = unit / blocks * p.c + first;
          kernels::Pool block = p;
          block.n = 1;
          block.c = std::min(kernels::kBlock, p.c - first);
          to_blocked({1, block.c, p.in_h, p.in_w, 0, 0},
                     static_cast<const float*>(a.inputs[0]) + plane * in_plane, x, 0, p.in_h);
          function(block, x, y, 0, p.out_h);
          to_plain({1, block.c, p.out_h, p.out_w, 0, 0}, y,
                   static_cast<float*>(a.outputs[0]) + plane * out_plane, 0, p.out_h);
        }
      });
  step->scratch_bytes =
      static_cast<std::size_t>((in_plane + out_plane) * kernels::kBlock) * sizeof(float);
  step->work = kernels::PoolWork(p, max, true, context.threads());
  constexpr double kMoved = 0.3;  // operations that moving an element into or out of a block takes
  step->work.stage().Add(
      {.kind = kernels::WorkKind::kScalar,
       .count = kMoved * static_cast<double>(p.n * p.c * (in_plane + out_plane))});
  return step;
}

std::unique_ptr<Step> PlanImagePool(PlanContext& context, kernels::Pool p) {
  const bool max = KindOf(context) == PoolNdKind::kMax;
  if (auto step = PlanBFloat16Pool(context, p, max)) return step;
  const kernels::PoolTable& table = kernels::GetPoolTable();
  const bool blocked = UsesBlocked(context, 0);
  if (!blocked && HasSmallMaps(p) && ElementCount(context.OutputShape(0)) > 0) {
    return PlanSmallMaps(context, p, max);
  }
  const std::int64_t channels = blocked ? kernels::RoundUpToBlock(p.c) : p.c;
  p.in_batch_stride = channels * p.in_d * p.in_h * p.in_w;
  p.out_batch_stride = channels * p.out_d * p.out_h * p.out_w;
  if (blocked) {
    context.ReadAs(0, Layout::kBlocked);
    context.WriteAs(0, Layout::kBlocked);
    p.out_batch_stride = context.OutputStride(0);
  }
  const kernels::PoolFn function = blocked ? (max ? table.max_blocked : table.average_blocked)
                                           : (max ? table.max_plain : table.average_plain);
  auto step = MakeStep(max ? "pool/max_f32" : "pool/average_f32",
                       blocked ? BlockedUnitCount(p) : PlainUnitCount(p),
                       [=](const StepArgs& a, std::int64_t begin, std::int64_t end) {
                         function(p, static_cast<const float*>(a.inputs[0]),
                                  static_cast<float*>(a.outputs[0]), begin, end);
                       });
  if (ElementCount(context.OutputShape(0)) > 0) {
    step->work = kernels::PoolWork(p, max, blocked, context.threads());
  }
  return step;
}

// The maxima of codes in blocks.
std::unique_ptr<Step> PlanCodePool(PlanContext& context, kernels::Pool p) {
  p = ReadAndWriteCodes(context, p);
  auto step = MakeStep("pool/max_u8", kernels::CodeUnitCount(p),
                       [p, function = kernels::GetPoolU8Table().max](
                           const StepArgs& a, std::int64_t begin, std::int64_t end) {
                         function(p, static_cast<const std::uint8_t*>(a.inputs[0]),
                                  static_cast<std::uint8_t*>(a.outputs[0]), begin, end);
                       });
  step->work = kernels::CodePoolWork(p, true, context.threads());
  return step;
}

kernels::PoolNd GeneralPool(const PlanContext& context, const Window& w) {
  const Shape& in = context.InputShape(0);
  kernels::PoolNd p;
  p.kind = KindOf(context);
  p.maps = in[0] * in[1];
  p.norm = context.attributes().Int("p", 2);
  p.column_major = context.attributes().Int("storage_order", 0) != 0;
  for (std::size_t i = 0; i < w.rank(); ++i) {
    const std::size_t to = kMaxSpatial - w.rank() + i;
    p.in[to] = in[i + 2];
    p.out[to] = w.output[i];
    p.kernel[to] = w.kernel[i];
    p.stride[to] = w.strides[i];
    p.dilation[to] = w.dilations[i];
    p.pad_begin[to] = w.pads_begin[i];
    p.pad_end[to] = w.pads_end[i];
  }
  return p;
}

template <typename T>
std::unique_ptr<Step> PlanGeneralPool(const kernels::PoolNd& p, bool has_indices) {
  return MakeStep(
      "pool/general", UnitCount(p), [=](const StepArgs& a, std::int64_t begin, std::int64_t end) {
        auto* indices = has_indices ? static_cast<std::int64_t*>(a.outputs[1]) : nullptr;
        kernels::RunPoolNd<T>(p, static_cast<const T*>(a.inputs[0]), static_cast<T*>(a.outputs[0]),
                              indices, begin, end);
      });
}

std::unique_ptr<Step> PlanPool(PlanContext& context) {
  const Window window = PoolWindow(context, SpatialSizes(context));
  const DataType type = context.InputType(0);
  if (type == DataType::kFloat32 && !context.HasOutput(1) &&
      KindOf(context) != PoolNdKind::kLpNorm) {
    return PlanImagePool(context, ImagePoolOf(context, window));
  }
  if (!context.HasOutput(1) && HasCodeBlocks(context)) {
    return PlanCodePool(context, ImagePoolOf(context, window));
  }
  const kernels::PoolNd p = GeneralPool(context, window);
  const double taps =
      static_cast<double>(p.kernel[0] * p.kernel[1]) * static_cast<double>(p.kernel[2]);
  const auto planned = [&](std::unique_ptr<Step> step) {
    return WithLoops(std::move(step), context, (3 * taps + 30) * OutputElements(context));
  };
  switch (type) {
    case DataType::kFloat32:
      return planned(PlanGeneralPool<float>(p, context.HasOutput(1)));
    case DataType::kFloat64:
      return planned(PlanGeneralPool<double>(p, context.HasOutput(1)));
    case DataType::kInt8:
      return planned(PlanGeneralPool<std::int8_t>(p, context.HasOutput(1)));
    case DataType::kUInt8:
      return planned(PlanGeneralPool<std::uint8_t>(p, context.HasOutput(1)));
    default:
      context.Unsupported(std::string("input 0 has type ") + DataTypeName(type));
  }
}

}  // namespace

bool HasCodeBlocks(const PlanContext& context) {
  return context.InputType(0) == DataType::kUInt8 && context.InputShape(0).size() == 4 &&
         !context.IsKnown(0) && context.IsBlocked(0) && ElementCount(context.OutputShape(0)) > 0;
}

kernels::Pool ReadAndWriteCodes(PlanContext& context, kernels::Pool p) {
  const std::int64_t channels =
      kernels::RoundUpToBlock(p.c, kernels::PixelBlock(kernels::ElementType::kUInt8));
  context.ReadAs(0, Layout::kBlocked);
  context.WriteAs(0, Layout::kBlocked);
  p.in_batch_stride = channels * p.in_h * p.in_w;
  p.out_batch_stride = context.OutputStride(0);
  return p;
}

kernels::Pool ImagePoolOf(const PlanContext& context, const Window& w) {
  const Shape& in = context.InputShape(0);
  kernels::Pool p{};
  p.n = in[0];
  p.c = in[1];
  p.in_h = p.out_h = p.kernel_h = p.stride_h = p.dilation_h = 1;
  std::size_t i = 0;
  if (w.rank() == 3) {
    p.in_d = in[2];
    p.out_d = w.output[i];
    p.kernel_d = w.kernel[i];
    p.stride_d = w.strides[i];
    p.dilation_d = w.dilations[i];
    p.pad_front = w.pads_begin[i];
    p.pad_back = w.pads_end[i];
    ++i;
  }
  if (w.rank() >= 2) {
    p.in_h = in[i + 2];
    p.out_h = w.output[i];
    p.kernel_h = w.kernel[i];
    p.stride_h = w.strides[i];
    p.dilation_h = w.dilations[i];
    p.pad_top = w.pads_begin[i];
    p.pad_bottom = w.pads_end[i];
    ++i;
  }
  p.in_w = in[i + 2];
  p.out_w = w.output[i];
  p.kernel_w = w.kernel[i];
  p.stride_w = w.strides[i];
  p.dilation_w = w.dilations[i];
  p.pad_left = w.pads_begin[i];
  p.pad_right = w.pads_end[i];
  p.include_pad = KindOf(context) == PoolNdKind::kAverageWithPad;
  return p;
}

const OpDef& OpMaxPool() {
  static const OpDef op{
      .name = "MaxPool",
      .max_outputs = 2,
      .attributes = "auto_pad ceil_mode dilations kernel_shape pads storage_order strides",
      .types = "float32, float64, int8, uint8",
      .infer = InferPool,
      .plan = PlanPool,
      .batch_wise = EachImage};
  return op;
}

const OpDef& OpAveragePool() {
  static const OpDef op{
      .name = "AveragePool",
      .attributes = "auto_pad ceil_mode count_include_pad dilations kernel_shape pads strides",
      .types = "float32, float64",
      .infer = InferPool,
      .plan = PlanPool,
      .batch_wise = EachImage};
  return op;
}

const OpDef& OpLpPool() {
  static const OpDef op{.name = "LpPool",
                        .attributes = "auto_pad ceil_mode dilations kernel_shape p pads strides",
                        .types = "float32, float64",
                        .infer = InferPool,
                        .plan = PlanPool,
                        .batch_wise = EachImage};
  return op;
}

}  // namespace kinglet
