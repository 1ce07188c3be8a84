// Operators that permute axes: Transpose, DepthToSpace, SpaceToDepth, ChannelShuffle.
#include <algorithm>
#include <numeric>

#include "engine/graph/fusion.h"
#include "engine/ops/batch.h"
#include "engine/ops/bfloat16.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/views.h"
#include "kernels/layout/layout.h"

namespace kinglet {
namespace {

std::vector<std::size_t> PermOf(const NodeContext& context) {
  const std::size_t rank = context.InputShape(0).size();
  if (!context.attributes().Has("perm")) {
    std::vector<std::size_t> reversed(rank);
    std::iota(reversed.rbegin(), reversed.rend(), std::size_t{0});
    return reversed;
  }
  const std::vector<std::int64_t> perm = context.attributes().Ints("perm");
  if (perm.size() != rank) {
    context.Invalid("'perm' names " + std::to_string(perm.size()) + " axes of a tensor of rank " +
                    std::to_string(rank));
  }
  SortedAxes(context, perm, rank);  // every axis once
  std::vector<std::size_t> axes;
  for (const std::int64_t axis : perm) axes.push_back(context.Axis(axis, rank));
  return axes;
}

void InferTranspose(InferContext& context) {
  const Shape& in = context.InputShape(0);
  Shape out;
  for (const std::size_t axis : PermOf(context)) out.push_back(in[axis]);
  context.SetOutput(0, context.InputType(0), std::move(out));
}

// True when the axes of size other than 1 keep their order, so that no element moves.
bool KeepsOrder(const Shape& shape, const std::vector<std::size_t>& perm) {
  std::size_t next = 0;
  for (const std::size_t axis : perm) {
    if (shape[axis] == 1) continue;
    if (axis < next) return false;
    next = axis;
  }
  return true;
}

std::unique_ptr<Step> PlanPermutation(PlanContext& context, const std::string& kernel,
                                      const Shape& shape, const std::vector<std::size_t>& perm) {
  if (KeepsOrder(shape, perm)) {
    context.Alias(0, 0);
    return nullptr;
  }
  CopyPart part;
  part.copy = kernels::StridedCopy(PermutedView(shape, perm), DataTypeSize(context.InputType(0)));
  return MakeCopyStep(kernel, {part});
}

std::unique_ptr<Step> PlanTranspose(PlanContext& context) {
  return PlanPermutation(context, "layout/transpose", context.InputShape(0), PermOf(context));
}

std::int64_t BlockSize(const NodeContext& context) {
  const std::int64_t size = context.attributes().Int("blocksize", 0);
  if (size <= 0) {
    context.Invalid("'blocksize' must be positive, found " + std::to_string(size));
  }
  if (context.InputShape(0).size() != 4) {
    context.Invalid("expected an input of rank 4, found shape " +
                    ShapeToString(context.InputShape(0)));
  }
  return size;
}

bool IsColumnRowDepth(const NodeContext& context) {
  const std::string mode = context.attributes().String("mode", "DCR");
  if (mode != "DCR" && mode != "CRD") {
    context.Invalid("'mode' must be DCR or CRD, found '" + mode + "'");
  }
  return mode == "CRD";
}

void InferDepthToSpace(InferContext& context) {
  const std::int64_t size = BlockSize(context);
  const Shape& in = context.InputShape(0);
  IsColumnRowDepth(context);
  const std::int64_t area = MultiplySizes(context, size, size);
  if (in[1] % area != 0) {
    context.Invalid(std::to_string(in[1]) + " channels are no multiple of blocksize squared, " +
                    std::to_string(area));
  }
  context.SetOutput(0, context.InputType(0),
                    {in[0], in[1] / area, MultiplySizes(context, in[2], size),
                     MultiplySizes(context, in[3], size)});
}

// Of whole blocks: pixels move.
std::unique_ptr<Step> PlanBlockedDepthToSpace(PlanContext& context, std::int64_t size,
                                              std::int64_t blocks, std::int64_t block) {
  context.ReadAs(0, Layout::kBlocked);
  context.WriteAs(0, Layout::kBlocked);
  const Shape& in = context.InputShape(0);
  const DataType type = context.InputType(0);
  const Shape shape = {in[0], size, size, blocks, in[2], in[3], block};
  CopyPart part;
  part.copy = kernels::StridedCopy(PermutedView(shape, {0, 3, 4, 1, 5, 2, 6}), DataTypeSize(type));
  return MakeCopyStep(BlockedId("layout/depth_to_space_blocked", type), {part});
}

std::unique_ptr<Step> PlanDepthToSpace(PlanContext& context) {
  const std::int64_t size = BlockSize(context);
  const Shape& in = context.InputShape(0);
  const std::int64_t channels = in[1] / (size * size);
  const std::int64_t block = kernels::PixelBlock(ElementTypeOf(context.InputType(0)));
  if (!IsColumnRowDepth(context) && channels % block == 0 && MovesBlocks(context, 0)) {
    return PlanBlockedDepthToSpace(context, size, channels / block, block);
  }
  if (IsColumnRowDepth(context)) {
    return PlanPermutation(context, "layout/depth_to_space",
                           {in[0], channels, size, size, in[2], in[3]}, {0, 1, 4, 2, 5, 3});
  }
  return PlanPermutation(context, "layout/depth_to_space",
                         {in[0], size, size, channels, in[2], in[3]}, {0, 3, 4, 1, 5, 2});
}

void InferSpaceToDepth(InferContext& context) {
  const std::int64_t size = BlockSize(context);
  IsColumnRowDepth(context);
  const Shape& in = context.InputShape(0);
  if (in[2] % size != 0 || in[3] % size != 0) {
    context.Invalid("an image of " + std::to_string(in[2]) + "x" + std::to_string(in[3]) +
                    " does not divide into blocks of " + std::to_string(size));
  }
  context.SetOutput(0, context.InputType(0),
                    {in[0], MultiplySizes(context, in[1], MultiplySizes(context, size, size)),
                     in[2] / size, in[3] / size});
}

std::unique_ptr<Step> PlanSpaceToDepth(PlanContext& context) {
  const std::int64_t size = BlockSize(context);
  const Shape& in = context.InputShape(0);
  const Shape blocks = {in[0], in[1], in[2] / size, size, in[3] / size, size};
  if (IsColumnRowDepth(context)) {  // since opset 28
    return PlanPermutation(context, "layout/space_to_depth", blocks, {0, 1, 3, 5, 2, 4});
  }
  return PlanPermutation(context, "layout/space_to_depth", blocks, {0, 3, 5, 1, 2, 4});
}

// An operator of Kinglet's own, which a pass puts where it sees Reshape, Transpose, Reshape:
// channel g * (C / group) + i of x becomes channel i * group + g.
std::int64_t ShuffleGroups(const NodeContext& context) {
  const Shape& in = context.InputShape(0);
  const std::int64_t group = context.attributes().Int("group", 0);
  if (in.size() < 2 || group <= 0 || in[1] % group != 0) {
    context.Invalid("cannot shuffle the channels of shape " + ShapeToString(in) + " in " +
                    std::to_string(group) + " groups");
  }
  return group;
}

void InferChannelShuffle(InferContext& context) {
  ShuffleGroups(context);
  context.SetOutput(0, context.InputType(0), context.InputShape(0));
}

std::unique_ptr<Step> PlanChannelShuffle(PlanContext& context) {
  const std::int64_t groups = ShuffleGroups(context);
  if (auto step = PlanBFloat16Shuffle(context, groups)) return step;
  const Shape& in = context.InputShape(0);
  if (!UsesBlocked(context, 0)) {
    return PlanPermutation(context, "layout/channel_shuffle",
                           {in[0], groups, in[1] / groups, DimsProduct(in, 2, in.size())},
                           {0, 2, 1, 3});
  }
  context.ReadAs(0, Layout::kBlocked);
  context.WriteAs(0, Layout::kBlocked);
  const kernels::ChannelShuffle shuffle{in[0], in[1], in[2], in[3], groups};
  const auto run = kernels::GetLayoutTable().shuffle_channels;
  return MakeStep("layout/channel_shuffle_blocked_f32", UnitCount(shuffle),
                  [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                    run(shuffle, static_cast<const float*>(args.inputs[0]),
                        static_cast<float*>(args.outputs[0]), begin, end);
                  });
}

}  // namespace

const OpDef& OpTranspose() {
  static const OpDef def{.name = "Transpose",
                         .attributes = "perm",
                         .types = kAnyType,
                         .infer = InferTranspose,
                         .plan = PlanTranspose,
                         .batch_wise = EachImage};
  return def;
}

const OpDef& OpDepthToSpace() {
  static const OpDef def{.name = "DepthToSpace",
                         .attributes = "blocksize mode",
                         .types = kAnyType,
                         .infer = InferDepthToSpace,
                         .plan = PlanDepthToSpace,
                         .batch_wise = EachImage};
  return def;
}

const OpDef& OpSpaceToDepth() {
  static const OpDef def{.name = "SpaceToDepth",
                         .attributes = "blocksize mode",
                         .types = kAnyType,
                         .infer = InferSpaceToDepth,
                         .plan = PlanSpaceToDepth,
                         .batch_wise = EachImage};
  return def;
}

const OpDef& OpChannelShuffle() {
  static const OpDef def{.name = "ChannelShuffle",
                         .domain = kKingletDomain,
                         .since = kKingletOpset,
                         .until = kKingletOpset,
                         .attributes = "group",
                         .types = kAnyType,
                         .infer = InferChannelShuffle,
                         .plan = PlanChannelShuffle,
                         .batch_wise = EachImage};
  return def;
}

}  // namespace kinglet
