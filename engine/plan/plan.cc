#include "engine/plan/plan.h"

#include "engine/op/check.h"
#include "engine/plan/segment_step.h"
#include "kernels/common/blocked.h"

namespace kinglet {

std::size_t PlanBytes(const Plan& plan) {
  constexpr std::size_t kStepBytes = 512;
  std::size_t bytes = sizeof(Plan) + plan.packed.bytes();
  bytes += plan.slots.capacity() * sizeof(Slot) + plan.steps.capacity() * sizeof(PlanStep);
  bytes += plan.blocked_values.capacity() * sizeof(ValueId);
  bytes += plan.own_bytes + plan.constants.capacity() * sizeof(Tensor);
  for (const Tensor& tensor : plan.known) bytes += sizeof(Tensor) + tensor.bytes();
  for (const PlanStep& step : plan.steps) {
    bytes += kStepBytes + step.name.capacity() + step.op.capacity() +
             (step.inputs.capacity() + step.outputs.capacity()) * sizeof(int) +
             step.output_shape.capacity() * sizeof(std::int64_t) +
             step.blocked.capacity() * sizeof(BlockedOutput);
    if (step.segment == nullptr) continue;
    for (const SegmentPart& part : step.segment->parts()) bytes += PlanBytes(*part.plan);
  }
  for (const auto& part : plan.parts) bytes += PlanBytes(*part);
  return bytes;
}

void CheckPadLanes(const PlanStep& step, void* const* outputs) noexcept {
  for (std::size_t i = 0; i < step.blocked.size(); ++i) {
    const auto& [shape, image_stride] = step.blocked[i];
    if (shape.empty() || shape[1] % kernels::kBlock == 0) continue;
    const auto* data = static_cast<const float*>(outputs[i]);
    const std::int64_t blocks = kernels::BlockCount(shape[1]);
    const std::int64_t pixels = shape[2] * shape[3];
    for (std::int64_t n = 0; n < shape[0]; ++n) {
      const float* last = data + n * image_stride + (blocks - 1) * pixels * kernels::kBlock;
      for (std::int64_t p = 0; p < pixels; ++p) {
        for (std::int64_t lane = shape[1] % kernels::kBlock; lane < kernels::kBlock; ++lane) {
          KINGLET_CHECK(last[p * kernels::kBlock + lane] == 0.0f, step.step->kernel.c_str());
        }
      }
    }
  }
}

void* Resolve(const Plan& plan, int slot, std::byte* arena, const void* const* inputs,
              void* const* outputs) noexcept {
  if (slot < 0) return nullptr;
  const Slot& s = plan.slots[static_cast<std::size_t>(slot)];
  const void* base = nullptr;
  switch (s.kind) {
    case Slot::Kind::kArena:
      base = arena;
      break;
    case Slot::Kind::kConstant:
      base = s.constant;
      break;
    case Slot::Kind::kInput:
      base = inputs[s.index];
      break;
    case Slot::Kind::kOutput:
      base = outputs[s.index];
      break;
  }
  // Steps do not write inputs and constants.
  return static_cast<std::byte*>(const_cast<void*>(base)) + s.offset;
}

}  // namespace kinglet
