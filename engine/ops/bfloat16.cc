#include "engine/ops/bfloat16.h"

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "engine/ops/axis_gather.h"
#include "engine/ops/elementwise.h"
#include "kernels/common/blocked.h"
#include "kernels/conv/weights_bf16.h"
#include "kernels/eltwise/pairs.h"
#include "kernels/pool/pool_bf16.h"

namespace kinglet {
namespace {

using kernels::kBlockBf16;
using kernels::kBlockedBF16;

bool IsOnnx(const Node& node, std::string_view op) { return node.domain.empty() && node.op == op; }

bool IsImages(const Shape& shape) { return shape.size() == 4 && ElementCount(shape) > 0; }

bool StoresImages(const PlanContext& context) {
  return context.OutputStorage(0) == ElementType::kBFloat16 && IsImages(context.OutputShape(0));
}

void ReadAndWrite(PlanContext& context, std::size_t inputs) {
  for (std::size_t i = 0; i < inputs; ++i) context.ReadAs(i, kBlockedBF16);
  context.WriteAs(0, kBlockedBF16);
}

// Blocks of 32 channels of N images, each a plane of pixels.
struct Planes {
  explicit Planes(const Shape& shape)
      : blocks(kernels::BlockCount(shape[1], kBlockBf16)),
        count(shape[0] * blocks),
        pixels(shape[2] * shape[3]),
        channels(shape[1]) {}

  std::int64_t Channels(std::int64_t plane) const {
    return std::min(kBlockBf16, channels - plane % blocks * kBlockBf16);
  }
  PlaneUnits Units() const { return PlaneUnits(count, pixels * kBlockBf16, kBlockBf16); }

  std::int64_t blocks, count, pixels, channels;
};

const std::byte* At(const void* array, std::int64_t element) {
  return static_cast<const std::byte*>(array) + 2 * element;
}
std::byte* At(void* array, std::int64_t element) {
  return static_cast<std::byte*>(array) + 2 * element;
}

// Neighbouring lanes of an output block that come from one block of an input.
struct LaneRun {
  std::size_t input = 0;
  std::int64_t from_block = 0, from_lane = 0, to_lane = 0, count = 0;
};
struct LaneBlock {
  std::int64_t block = 0;
  std::int64_t channels = kBlockBf16;  // lanes behind them become zero
  std::vector<LaneRun> runs;
};

// Collects where the channels of an output come from, in their order.
class LaneMap {
 public:
  void Add(std::size_t input, std::int64_t from, std::int64_t to) {
    const std::int64_t block = to / kBlockBf16;
    if (blocks_.empty() || blocks_.back().block != block) {
      blocks_.emplace_back();
      blocks_.back().block = block;
    }
    std::vector<LaneRun>& runs = blocks_.back().runs;
    const LaneRun next{input, from / kBlockBf16, from % kBlockBf16, to % kBlockBf16, 1};
    if (!runs.empty() && Follows(runs.back(), next)) {
      ++runs.back().count;
    } else {
      runs.push_back(next);
    }
  }
  // `channels`: of the output.
  std::vector<LaneBlock> Take(std::int64_t channels) {
    for (LaneBlock& block : blocks_) {
      block.channels = std::min(kBlockBf16, channels - block.block * kBlockBf16);
    }
    return std::move(blocks_);
  }

 private:
  static bool Follows(const LaneRun& run, const LaneRun& next) {
    return run.input == next.input && run.from_block == next.from_block &&
           run.from_lane + run.count == next.from_lane && run.to_lane + run.count == next.to_lane;
  }
  std::vector<LaneBlock> blocks_;
};

// A step that moves lanes into output 0, images `stride` elements apart; null where there are none.
std::unique_ptr<Step> MakeLaneStep(std::string kernel, const PlanContext& context, LaneMap map,
                                   std::int64_t stride) {
  const Shape& out = context.OutputShape(0);
  std::vector<LaneBlock> blocks = map.Take(out[1]);
  if (blocks.empty()) return nullptr;
  std::vector<std::int64_t> image_blocks;  // of each input
  for (std::size_t i = 0; i < context.input_count(); ++i) {
    image_blocks.push_back(kernels::BlockCount(context.InputShape(i)[1], kBlockBf16));
  }
  const std::int64_t rows = out[2];
  const std::int64_t width = out[3];
  const auto count = static_cast<std::int64_t>(blocks.size());
  return MakeStep(
      std::move(kernel), out[0] * count * rows,
      [=, blocks = std::move(blocks), image_blocks = std::move(image_blocks)](
          const StepArgs& args, std::int64_t begin, std::int64_t end) {
        for (std::int64_t unit = begin; unit < end; ++unit) {
          const std::int64_t image = unit / rows / count;
          const LaneBlock& block = blocks[static_cast<std::size_t>(unit / rows % count)];
          const std::int64_t row = unit % rows * width;
          std::byte* to =
              At(args.outputs[0], image * stride + (block.block * rows * width + row) * kBlockBf16);
          for (const LaneRun& run : block.runs) {
            const std::int64_t plane = image * image_blocks[run.input] + run.from_block;
            const std::byte* from = At(args.inputs[run.input],
                                       (plane * rows * width + row) * kBlockBf16 + run.from_lane);
            for (std::int64_t x = 0; x < width; ++x) {
              std::memcpy(to + 2 * (x * kBlockBf16 + run.to_lane), from + 2 * x * kBlockBf16,
                          static_cast<std::size_t>(2 * run.count));
            }
          }
          if (block.channels == kBlockBf16) continue;
          for (std::int64_t x = 0; x < width; ++x) {
            std::memset(to + 2 * (x * kBlockBf16 + block.channels), 0,
                        static_cast<std::size_t>(2 * (kBlockBf16 - block.channels)));
          }
        }
      });
}

bool IsActivation(const Node& node) {
  return kernels::FindActivation(node.domain, node.op).has_value();
}

// A bound that is not there, or known.
bool HasKnownBounds(const GraphIr& graph, const Node& node) {
  for (std::size_t i = 1; i < node.inputs.size(); ++i) {
    if (node.inputs[i] != kNoValue && graph.ConstantOf(node.inputs[i]) == nullptr) return false;
  }
  return true;
}

bool IsWideConv(const GraphIr& graph, const Node& node) {
  const Tensor* weights = graph.ConstantOf(node.input(1));
  if (weights == nullptr || weights->type() != DataType::kFloat32 || weights->shape().size() != 4) {
    return false;
  }
  if (node.input(2) != kNoValue && graph.ConstantOf(node.input(2)) == nullptr) return false;
  kernels::ConvShape s;
  s.groups = node.attributes.Int("group", 1);
  if (s.groups < 1) return false;
  s.ic = weights->shape()[1] * s.groups;
  s.oc = weights->shape()[0];
  const bool depthwise = s.groups == s.ic && s.ic == s.oc;
  return depthwise || kernels::HasWideGroups(s, kBlockBf16);
}

bool JoinsChannels(const Node& node) {
  const std::int64_t axis = node.attributes.Int("axis", 0);
  return IsOnnx(node, "Concat") && (axis == 1 || axis == -3);
}

bool PicksNearest(const Node& node) {
  const bool resizes = IsOnnx(node, "Resize") || IsOnnx(node, "Upsample");
  return resizes && node.attributes.String("mode", "nearest") == "nearest" &&
         node.attributes.String("coordinate_transformation_mode", "") != "tf_crop_and_resize";
}

bool IsGlobalPool(const Node& node) {
  return IsOnnx(node, "GlobalAveragePool") || IsOnnx(node, "GlobalMaxPool");
}

bool IsPool(const Node& node) {
  return (IsOnnx(node, "MaxPool") || IsOnnx(node, "AveragePool")) && node.outputs.size() == 1;
}

bool IsSumOrProduct(const GraphIr& graph, const Node& node) {
  return (IsOnnx(node, "Add") || IsOnnx(node, "Mul")) &&
         graph.ConstantOf(node.input(0)) == nullptr && graph.ConstantOf(node.input(1)) == nullptr;
}

}  // namespace

bool WritesBFloat16(const GraphIr& graph, const Node& node) {
  if (IsOnnx(node, "Conv")) return IsWideConv(graph, node);
  return IsGlobalPool(node) || IsPool(node) || IsSumOrProduct(graph, node) || JoinsChannels(node) ||
         PicksNearest(node) || node.op == "ChannelShuffle" || IsActivation(node) ||
         (IsOnnx(node, "Clip") && HasKnownBounds(graph, node));
}

bool ReadsBFloat16(const GraphIr& graph, const Node& node, std::size_t i) {
  if (!WritesBFloat16(graph, node)) return false;
  const bool residual = node.fusion.residual && i + 1 == node.inputs.size();
  const bool all = JoinsChannels(node) || IsSumOrProduct(graph, node);
  return all || i == 0 || residual;
}

std::unique_ptr<Step> PlanBFloat16Unary(PlanContext& context, const kernels::Epilogue& function) {
  if (!StoresImages(context)) return nullptr;
  ReadAndWrite(context, 1);
  const Planes planes(context.OutputShape(0));
  const PlaneUnits units = planes.Units();
  const auto run = kernels::GetPairsTable().unary;
  return MakeStep(
      ElementwiseId(context, DataType::kBFloat16), units.count(),
      [=](const StepArgs& a, std::int64_t begin, std::int64_t end) {
        units.For(begin, end, [&](std::int64_t plane, std::int64_t first, std::int64_t length) {
          const std::int64_t at = plane * planes.pixels * kBlockBf16 + first;
          run(function, At(a.inputs[0], at), At(a.outputs[0], at),
              static_cast<std::size_t>(length / kBlockBf16), planes.Channels(plane));
        });
      });
}

std::unique_ptr<Step> PlanBFloat16Binary(PlanContext& context) {
  const Node& node = context.node();
  if (!StoresImages(context) || !(IsOnnx(node, "Add") || IsOnnx(node, "Mul"))) return nullptr;
  const Shape& out = context.OutputShape(0);
  const auto is_full = [&](std::size_t i) { return context.InputShape(i) == out; };
  const auto is_channels = [&](std::size_t i) {
    const Shape& s = context.InputShape(i);
    return s == Shape{out[0], out[1], 1, 1} || s == Shape{1, out[1], 1, 1};
  };
  const std::size_t full = is_full(0) ? 0 : 1;
  const std::size_t other = 1 - full;
  const bool images = is_full(other);
  if (!is_full(full) || !(images || is_channels(other))) return nullptr;
  if (context.IsKnown(0) || context.IsKnown(1)) return nullptr;
  ReadAndWrite(context, 2);
  const Planes planes(out);
  const PlaneUnits units = planes.Units();
  const kernels::PairsTable& table = kernels::GetPairsTable();
  const auto run = node.op == "Add" ? table.add : table.mul;
  const kernels::Epilogue function = FusedEpilogue(node.fusion);
  const bool repeated = context.InputShape(other)[0] == 1;
  return MakeStep(
      ElementwiseId(context, DataType::kBFloat16), units.count(),
      [=](const StepArgs& a, std::int64_t begin, std::int64_t end) {
        units.For(begin, end, [&](std::int64_t plane, std::int64_t first, std::int64_t length) {
          const std::int64_t at = plane * planes.pixels * kBlockBf16 + first;
          const std::int64_t lanes = (repeated ? plane % planes.blocks : plane) * kBlockBf16;
          run(function, At(a.inputs[full], at), At(a.inputs[other], images ? at : lanes),
              images ? 1 : 0, At(a.outputs[0], at), static_cast<std::size_t>(length / kBlockBf16),
              planes.Channels(plane));
        });
      });
}

std::unique_ptr<Step> PlanBFloat16Pool(PlanContext& context, kernels::Pool pool, bool maximum) {
  if (!StoresImages(context)) return nullptr;
  ReadAndWrite(context, 1);
  const std::int64_t channels = kernels::RoundUpToBlock(pool.c, kBlockBf16);
  pool.in_batch_stride = channels * pool.in_h * pool.in_w;
  pool.out_batch_stride = context.OutputStride(0);
  const kernels::PoolBf16Table& table = kernels::GetPoolBf16Table();
  const auto run = maximum ? table.max : table.average;
  auto step = MakeStep(maximum ? "pool/max_bf16" : "pool/average_bf16", Bf16UnitCount(pool),
                       [=](const StepArgs& a, std::int64_t begin, std::int64_t end) {
                         run(pool, a.inputs[0], a.outputs[0], begin, end);
                       });
  step->work = kernels::PoolWork(pool, maximum, true, context.threads());
  return step;
}

std::unique_ptr<Step> PlanBFloat16GlobalPool(PlanContext& context, bool maximum) {
  const Shape& in = context.InputShape(0);
  if (context.InputStorage(0) != ElementType::kBFloat16 || !IsImages(in)) return nullptr;
  const ElementType type = context.OutputStorage(0);
  const bool floats = type == ElementType::kFloat32;
  if (!floats && type != ElementType::kBFloat16) return nullptr;
  context.ReadAs(0, kBlockedBF16);
  context.WriteAs(0, TensorDesc{type, Layout::kBlocked});
  kernels::GlobalPool pool{};
  pool.n = in[0];
  pool.c = in[1];
  pool.pixels = in[2] * in[3];
  pool.in_batch_stride = kernels::RoundUpToBlock(in[1], kBlockBf16) * pool.pixels;
  pool.out_batch_stride = kernels::RoundUpToBlock(in[1], kernels::PixelBlock(type));
  const kernels::PoolBf16Table& table = kernels::GetPoolBf16Table();
  const auto run = floats ? (maximum ? table.global_max_f32 : table.global_average_f32)
                          : (maximum ? table.global_max : table.global_average);
  return MakeStep(maximum ? "pool/global_max_bf16" : "pool/global_average_bf16",
                  Bf16UnitCount(pool),
                  [=](const StepArgs& a, std::int64_t begin, std::int64_t end) {
                    run(pool, a.inputs[0], a.outputs[0], begin, end);
                  });
}

std::unique_ptr<Step> PlanBFloat16Nearest(PlanContext& context, const ResizeSpec& spec) {
  if (!StoresImages(context) || spec.mode != ResizeMode::kNearest || spec.extrapolates() ||
      !spec.axes[1].identity) {
    return nullptr;
  }
  ReadAndWrite(context, 1);
  AxisGather gather;
  for (std::size_t k = 0; k < spec.axes.size(); ++k) {
    ResizeAxis axis = spec.axes[k];
    if (k == 1) axis.in = axis.out = kernels::BlockCount(axis.in, kBlockBf16);
    gather.in.push_back(axis.in);
    gather.out.push_back(axis.out);
    gather.source.push_back(NearestOf(spec, axis));
  }
  return MakeAxisGather<BlockedPixel>("resize/nearest_blocked_bf16", std::move(gather),
                                      [](const StepArgs&, std::int64_t) { return BlockedPixel{}; });
}

std::optional<std::unique_ptr<Step>> PlanBFloat16Concat(PlanContext& context) {
  if (!StoresImages(context) || !JoinsChannels(context.node())) return std::nullopt;
  ReadAndWrite(context, context.input_count());
  const std::int64_t stride = context.OutputStride(0);
  LaneMap map;
  std::int64_t channel = 0;
  for (std::size_t i = 0; i < context.input_count(); ++i) {
    const std::int64_t count = context.InputShape(i)[1];
    if (context.IsInPlace(i)) {
      context.DoNotRead(i);
    } else {
      for (std::int64_t c = 0; c < count; ++c) map.Add(i, c, channel + c);
    }
    channel += count;
  }
  return MakeLaneStep("layout/concat_channels_bf16", context, std::move(map), stride);
}

std::unique_ptr<Step> PlanBFloat16Shuffle(PlanContext& context, std::int64_t groups) {
  if (!StoresImages(context)) return nullptr;
  ReadAndWrite(context, 1);
  const std::int64_t channels = context.OutputShape(0)[1];
  const std::int64_t per_group = channels / groups;
  LaneMap map;
  for (std::int64_t c = 0; c < channels; ++c) {
    map.Add(0, c % groups * per_group + c / groups, c);
  }
  return MakeLaneStep("layout/channel_shuffle_blocked_bf16", context, std::move(map),
                      context.OutputStride(0));
}

}  // namespace kinglet
