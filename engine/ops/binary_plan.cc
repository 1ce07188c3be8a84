// The plans of operators of two operands.
#include <algorithm>

#include "engine/ops/bfloat16.h"
#include "engine/ops/binary.h"
#include "engine/ops/loop_work.h"
#include "engine/ops/spread.h"

namespace kinglet {
namespace {

// How an operand meets a blocked output {N, C, H, W}.
enum class BlockedOperand {
  kNone,      // not at all
  kFull,      // blocked, of the output's shape
  kScalar,    // one element
  kChannels,  // {1, C, 1, 1} or {N, C, 1, 1}, padded to whole blocks
  kPixels,    // {1, 1, H, W} or {N, 1, H, W}, plain
};

struct BlockedBinary {
  struct Operand {
    BlockedOperand kind = BlockedOperand::kNone;
    const float* packed = nullptr;  // a constant of kChannels
    std::int64_t image_stride = 0;  // 0 where one image serves all
  };
  Operand operand[2];
  bool possible = false;
};

BlockedOperand KindOf(const Shape& output, const Shape& shape) {
  if (shape == output) return BlockedOperand::kFull;
  if (ElementCount(shape) == 1) return BlockedOperand::kScalar;
  const std::size_t rank = shape.size();
  if (rank < 3) return BlockedOperand::kNone;
  const std::int64_t image = rank == 4 ? shape[0] : 1;
  if (rank > 4 || (image != 1 && image != output[0])) return BlockedOperand::kNone;
  const std::int64_t c = shape[rank - 3];
  const std::int64_t h = shape[rank - 2];
  const std::int64_t w = shape[rank - 1];
  if (c == output[1] && h == 1 && w == 1) return BlockedOperand::kChannels;
  if (c == 1 && h == output[2] && w == output[3]) return BlockedOperand::kPixels;
  return BlockedOperand::kNone;
}

// The lanes of {1, C, 1, 1} as the blocked layout has them.
const float* PackChannels(PlanContext& context, std::size_t i) {
  const Tensor& value = *context.InputValue(i);
  const std::int64_t channels = value.size();
  const auto padded = static_cast<std::size_t>(kernels::RoundUpToBlock(channels));
  return static_cast<const float*>(
      context.Packed(i, kernels::ChannelLanesFormat(), padded * sizeof(float), [&](void* memory) {
        auto* lanes = static_cast<float*>(memory);
        std::fill_n(lanes, padded, 0.0f);
        std::copy_n(value.data<float>(), channels, lanes);
      }));
}

// Whether a float32 node of two operands runs blocked; declares the layouts and packs constants
// where it does.
BlockedBinary PlanBlockedOperands(PlanContext& context) {
  BlockedBinary plan;
  const Shape& output = context.OutputShape(0);
  if (output.size() != 4 || context.OutputType(0) != DataType::kFloat32 ||
      context.InputType(1) != DataType::kFloat32) {
    return plan;
  }
  bool wanted = false;
  for (std::size_t i = 0; i < 2; ++i) {
    const Shape& shape = context.InputShape(i);
    BlockedBinary::Operand& operand = plan.operand[i];
    operand.kind = KindOf(output, shape);
    if (operand.kind == BlockedOperand::kNone) return plan;
    const bool packable = ElementCount(shape) == output[1] && context.InputValue(i) != nullptr;
    if (operand.kind == BlockedOperand::kChannels && shape.size() != 4 && !packable) return plan;
    wanted |= operand.kind == BlockedOperand::kFull && UsesBlocked(context, i);
  }
  if (!wanted) return plan;
  plan.possible = true;
  for (std::size_t i = 0; i < 2; ++i) {
    const Shape& shape = context.InputShape(i);
    BlockedBinary::Operand& operand = plan.operand[i];
    const bool repeated = shape.size() < 4 || shape[0] == 1;
    if (operand.kind == BlockedOperand::kChannels) {
      if (repeated && context.InputValue(i) != nullptr) {
        operand.packed = PackChannels(context, i);
        context.DoNotRead(i);
        continue;
      }
      operand.image_stride = repeated ? 0 : kernels::RoundUpToBlock(output[1]);
      context.ReadAs(i, Layout::kBlocked);
    } else if (operand.kind == BlockedOperand::kPixels) {
      operand.image_stride = repeated ? 0 : output[2] * output[3];
    } else if (operand.kind == BlockedOperand::kFull) {
      context.ReadAs(i, Layout::kBlocked);
    }
  }
  context.WriteAs(0, Layout::kBlocked);
  return plan;
}

// A run of `length` elements of a blocked plane; `pixel` is the first one's.
struct BlockedRun {
  std::int64_t image;
  std::int64_t block;   // of the image
  std::int64_t at;      // in the output
  std::int64_t pixel;   // in the plane
  std::int64_t length;  // a multiple of 16
};

// Where an operand's values for a run begin, and how they go on.
struct BlockedSource {
  const float* values;
  std::int64_t pixel_step;  // elements from one pixel's value or lanes to the next one's
  std::int64_t lane_step;   // 0: one value for all lanes
};

BlockedSource SourceOf(const BlockedBinary::Operand& operand, const float* input,
                       const BlockedRun& run) {
  const float* image =
      operand.packed != nullptr ? operand.packed : input + run.image * operand.image_stride;
  switch (operand.kind) {
    case BlockedOperand::kFull:
      return {input + run.at, kernels::kBlock, 1};
    case BlockedOperand::kChannels:
      return {image + run.block * kernels::kBlock, 0, 1};
    case BlockedOperand::kPixels:
      return {image + run.pixel, 1, 0};
    default:
      return {input, 0, 0};
  }
}

void BinaryBlockedRun(const BinaryLoops& loops, const BlockedBinary& plan,
                      const float* const inputs[2], const BlockedRun& run, float* y) {
  const BlockedOperand kinds[2] = {plan.operand[0].kind, plan.operand[1].kind};
  BlockedSource a = SourceOf(plan.operand[0], inputs[0], run);
  BlockedSource b = SourceOf(plan.operand[1], inputs[1], run);
  const auto is_flat = [](BlockedOperand kind) {
    return kind == BlockedOperand::kFull || kind == BlockedOperand::kScalar;
  };
  if (is_flat(kinds[0]) && is_flat(kinds[1])) {
    RunBinary(loops, a.values, a.lane_step, b.values, b.lane_step, y, run.length);
    return;
  }
  if (loops.kernel == nullptr) {
    for (std::int64_t i = 0; i < run.length; i += kernels::kBlock) {
      loops.run(a.values, a.lane_step, b.values, b.lane_step, y + i, kernels::kBlock);
      a.values += a.pixel_step;
      b.values += b.pixel_step;
    }
    return;
  }
  const auto pixels = static_cast<std::size_t>(run.length / kernels::kBlock);
  if (kinds[1] == BlockedOperand::kChannels) {
    loops.kernel->pixels_channels(a.values, b.values, y, pixels);
  } else if (kinds[0] == BlockedOperand::kChannels) {
    loops.kernel->channels_pixels(a.values, b.values, y, pixels);
  } else if (kinds[1] == BlockedOperand::kPixels) {
    loops.kernel->pixels_scalars(a.values, b.values, 1, y, pixels);
  } else {
    loops.kernel->scalars_pixels(a.values, 1, b.values, y, pixels);
  }
}

std::unique_ptr<Step> PlanBinaryBlocked(PlanContext& context, const BinaryLoops& loops,
                                        const BlockedBinary& plan) {
  const BlockedPlanes planes(context.OutputShape(0));
  const PlaneUnits units = planes.Units();
  const ActivationFn activation(context.node().fusion);
  // A scalar or pixel operand reaches the pad lanes; so does an activation that moves zero.
  const float zero = 0.0f;
  float of_zeros = 0.0f;
  loops.run(&zero, 1, &zero, 1, &of_zeros, 1);
  bool zero_pads = of_zeros != 0.0f || !activation.KeepsZero();
  for (const auto& operand : plan.operand) {
    zero_pads |= operand.kind == BlockedOperand::kScalar || operand.kind == BlockedOperand::kPixels;
  }
  return MakeStep(ElementwiseId(context, DataType::kFloat32), units.count(),
                  [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                    const float* const inputs[2] = {static_cast<const float*>(args.inputs[0]),
                                                    static_cast<const float*>(args.inputs[1])};
                    units.For(begin, end,
                              [&](std::int64_t plane, std::int64_t first, std::int64_t length) {
                                const std::int64_t at = plane * planes.elements + first;
                                float* y = static_cast<float*>(args.outputs[0]) + at;
                                const BlockedRun run{plane / planes.blocks, plane % planes.blocks,
                                                     at, first / kernels::kBlock, length};
                                BinaryBlockedRun(loops, plan, inputs, run, y);
                                activation.Apply(y, length);
                                const std::int64_t valid = planes.ValidLanes(plane);
                                if (zero_pads && valid < kernels::kBlock)
                                  ZeroPadLanes(y, length, valid);
                              });
                  });
}

// What follows an output of float32; of other types nothing does.
ActivationFn ActivationOf(const PlanContext& context) {
  const bool floats = context.OutputType(0) == DataType::kFloat32;
  return ActivationFn(floats ? context.node().fusion : Fusion{});
}

// Runs of float32 too short for vector loops.
std::unique_ptr<Step> PlanShortRuns(PlanContext& context, const BinaryLoops& loops) {
  const Shape& shape = context.OutputShape(0);
  const Spread<float> left(shape, context.InputShape(0)), right(shape, context.InputShape(1));
  const ElementUnits units(shape);
  const ActivationFn activation = ActivationOf(context);
  auto step = MakeStep(ElementwiseId(context, DataType::kFloat32), units.count(),
                       [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                         const auto* a = static_cast<const float*>(args.inputs[0]);
                         const auto* b = static_cast<const float*>(args.inputs[1]);
                         auto* y = static_cast<std::byte*>(args.outputs[0]);
                         Spread<float>::Room left_room, right_room;
                         constexpr std::int64_t kAtOnce = Spread<float>::kPiece;
                         const std::int64_t last = units.Start(end);
                         for (std::int64_t at = units.Start(begin); at < last; at += kAtOnce) {
                           const std::int64_t n = std::min(kAtOnce, last - at);
                           std::byte* to = y + at * loops.result_bytes;
                           RunBinary(loops, left.Values(a, at, n, left_room), 1,
                                     right.Values(b, at, n, right_room), 1, to, n);
                           if (!activation.empty())
                             activation.Apply(reinterpret_cast<float*>(to), n);
                         }
                       });
  const double spread = left.operations() + right.operations();
  return WithLoops(std::move(step), context, (loops.operations + spread) * OutputElements(context));
}

}  // namespace

void RunBinary(const BinaryLoops& loops, const void* a, std::int64_t a_stride, const void* b,
               std::int64_t b_stride, void* y, std::int64_t n) {
  if (loops.kernel == nullptr || (a_stride == 0 && b_stride == 0)) {
    loops.run(a, a_stride, b, b_stride, y, n);
    return;
  }
  const auto* left = static_cast<const float*>(a);
  const auto* right = static_cast<const float*>(b);
  auto* to = static_cast<float*>(y);
  const auto count = static_cast<std::size_t>(n);
  if (a_stride != 0 && b_stride != 0) {
    loops.kernel->arrays(left, right, to, count);
  } else if (a_stride != 0) {
    loops.kernel->array_scalar(left, *right, to, count);
  } else {
    loops.kernel->scalar_array(*left, right, to, count);
  }
}

void InferBinary(InferContext& context, DataType output_type) {
  RequireEqualTypes(context, 2);
  context.SetOutput(0, output_type, BroadcastShape(context, 0, 2));
}

void AllowInPlaceOfEqual(PlanContext& context, std::size_t inputs) {
  for (std::size_t i = 0; i < inputs; ++i) {
    if (context.InputShape(i) == context.OutputShape(0) &&
        context.InputType(i) == context.OutputType(0)) {
      context.AllowInPlace(0, i);
    }
  }
}

std::unique_ptr<Step> PlanBinaryPlain(PlanContext& context, const BinaryLoops& loops) {
  const auto broadcast =
      MakeBroadcast<2>(context.OutputShape(0), {&context.InputShape(0), &context.InputShape(1)});
  const DataType type = context.InputType(0);
  if (type == DataType::kFloat32 && HasShortRuns(broadcast)) return PlanShortRuns(context, loops);
  const ElementUnits units(context.OutputShape(0));
  const ActivationFn activation = ActivationOf(context);
  auto step = MakeStep(
      ElementwiseId(context, type), units.count(),
      [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
        const auto* a = static_cast<const std::byte*>(args.inputs[0]);
        const auto* b = static_cast<const std::byte*>(args.inputs[1]);
        auto* y = static_cast<std::byte*>(args.outputs[0]);
        const std::int64_t sa = broadcast.InnerStride(0);
        const std::int64_t sb = broadcast.InnerStride(1);
        // Unit by unit where an activation follows, so that it finds the values in the cache.
        const std::int64_t at_once = activation.empty() ? end - begin : 1;
        for (std::int64_t unit = begin; unit < end; unit += at_once) {
          const std::int64_t first = units.Start(unit);
          const std::int64_t last = units.Start(unit + at_once);
          broadcast.ForRuns(first, last, [&](const auto& offsets, std::int64_t at, std::int64_t n) {
            RunBinary(loops, a + offsets[0] * loops.operand_bytes, sa,
                      b + offsets[1] * loops.operand_bytes, sb, y + at * loops.result_bytes, n);
          });
          if (!activation.empty()) {
            activation.Apply(reinterpret_cast<float*>(y) + first, last - first);
          }
        }
      });
  return WithLoops(std::move(step), context, loops.operations * OutputElements(context));
}

std::unique_ptr<Step> PlanArithmetic(PlanContext& context, const BinaryLoops& loops) {
  AllowInPlaceOfEqual(context, 2);
  if (auto step = PlanBFloat16Binary(context)) return step;
  if (const BlockedBinary blocked = PlanBlockedOperands(context); blocked.possible) {
    return PlanBinaryBlocked(context, loops, blocked);
  }
  return PlanBinaryPlain(context, loops);
}

}  // namespace kinglet
