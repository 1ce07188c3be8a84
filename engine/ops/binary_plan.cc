#include <algorithm>

#include "engine/ops/binary.h"

namespace kinglet {
namespace {

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

}  // namespace

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

}  // namespace kinglet
