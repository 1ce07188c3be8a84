#include "engine/plan/plan.h"

#include <algorithm>

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
             (step.input_descs.capacity() + step.output_descs.capacity()) * sizeof(TensorDesc) +
             step.output_shape.capacity() * sizeof(std::int64_t) +
             step.blocked.capacity() * sizeof(BlockedOutput);
    if (step.segment == nullptr) continue;
    for (const SegmentPlan& each : step.segment->plans()) bytes += PlanBytes(*each.plan);
  }
  for (const auto& inlined : plan.inlined) bytes += PlanBytes(*inlined);
  return bytes;
}

namespace {

// -0 is a zero too.
bool IsZero(const std::byte* element, ElementType type) {
  switch (type) {
    case ElementType::kFloat32:
      return *reinterpret_cast<const float*>(element) == 0.0f;
    case ElementType::kFloat16:
    case ElementType::kBFloat16:
      return (*reinterpret_cast<const std::uint16_t*>(element) & 0x7FFFu) == 0;
    default:
      return std::all_of(element, element + kernels::ElementBytes(type),
                         [](std::byte b) { return b == std::byte{0}; });
  }
}

}  // namespace

void CheckPadLanes(const PlanStep& step, void* const* outputs) noexcept {
  for (std::size_t i = 0; i < step.blocked.size(); ++i) {
    const auto& [shape, image_stride] = step.blocked[i];
    if (shape.empty()) continue;
    const ElementType type = step.output_descs[i].type;
    const std::int64_t block = kernels::PixelBlock(type);
    const std::int64_t bytes = kernels::ElementBytes(type);
    const std::int64_t pixels = shape[2] * shape[3];
    const std::int64_t last_block = (kernels::BlockCount(shape[1], block) - 1) * pixels * block;
    const auto* data = static_cast<const std::byte*>(outputs[i]);
    for (std::int64_t n = 0; n < shape[0] && shape[1] % block != 0; ++n) {
      const std::byte* last = data + (n * image_stride + last_block) * bytes;
      for (std::int64_t p = 0; p < pixels; ++p) {
        for (std::int64_t lane = shape[1] % block; lane < block; ++lane) {
          KINGLET_CHECK(IsZero(last + (p * block + lane) * bytes, type), step.step->kernel.c_str());
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
