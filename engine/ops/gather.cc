// Gather: slices of a tensor along an axis, in the order that an index tensor names.
#include <cinttypes>

#include "engine/ops/batch.h"
#include "engine/ops/indices.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

void CheckConstantIndices(const NodeContext& context, std::int64_t size) {
  if (context.InputValue(1) == nullptr) return;
  for (const std::int64_t index : context.InputInts(1, "the indices")) {
    if (index < -size || index >= size) {
      context.Invalid("index " + std::to_string(index) + " is out of range [" +
                      std::to_string(-size) + ", " + std::to_string(size) + ")");
    }
  }
}

void InferGather(InferContext& context) {
  const Shape& data = context.InputShape(0);
  const Shape& indices = context.InputShape(1);
  const DataType type = context.InputType(1);
  if (type != DataType::kInt32 && type != DataType::kInt64) {
    context.Invalid(std::string("the indices (input 1) must be int32 or int64, found ") +
                    DataTypeName(type));
  }
  const std::size_t axis = context.Axis(context.attributes().Int("axis", 0), data.size());
  CheckConstantIndices(context, data[axis]);
  Shape out(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(axis));
  out.insert(out.end(), indices.begin(), indices.end());
  out.insert(out.end(), data.begin() + static_cast<std::ptrdiff_t>(axis) + 1, data.end());
  context.SetOutput(0, context.InputType(0), std::move(out));
}

template <typename Index>
std::unique_ptr<Step> MakeGather(const PlanContext& context) {
  const Shape& data = context.InputShape(0);
  const std::size_t axis = context.Axis(context.attributes().Int("axis", 0), data.size());
  const std::int64_t size = data[axis];
  const std::int64_t outer = DimsProduct(data, 0, axis);
  const std::int64_t index_count = ElementCount(context.InputShape(1));
  const std::int64_t bytes = DimsProduct(data, axis + 1, data.size()) *
                             static_cast<std::int64_t>(DataTypeSize(context.InputType(0)));
  return MakeItemStep("reference/gather", bytes == 0 ? 0 : outer * index_count, bytes,
                      [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                        const auto* indices = static_cast<const Index*>(args.inputs[1]);
                        const auto* src = static_cast<const std::byte*>(args.inputs[0]);
                        auto* dst = static_cast<std::byte*>(args.outputs[0]) + begin * bytes;
                        std::int64_t at = begin % index_count;
                        src += begin / index_count * size * bytes;
                        for (std::int64_t item = begin; item < end; ++item, dst += bytes) {
                          std::int64_t index = indices[at];
                          if (index < -size || index >= size) {
                            args.status->Fail("index %" PRId64 " is out of range [%" PRId64
                                              ", %" PRId64 ")",
                                              index, -size, size);
                            return;
                          }
                          if (index < 0) index += size;
                          CopyBytes(dst, src + index * bytes, bytes);
                          if (++at == index_count) {
                            at = 0;
                            src += size * bytes;
                          }
                        }
                      });
}

std::unique_ptr<Step> PlanGather(PlanContext& context) {
  const Shape& data = context.InputShape(0);
  const Shape& indices = context.InputShape(1);
  const std::size_t axis = context.Axis(context.attributes().Int("axis", 0), data.size());
  if (data[axis] == 1 && ElementCount(indices) == 1 && context.InputValue(1) != nullptr) {
    context.DoNotRead(1);  // the only one that there is
    context.Alias(0, 0);
    return nullptr;
  }
  return context.InputType(1) == DataType::kInt32 ? MakeGather<std::int32_t>(context)
                                                  : MakeGather<std::int64_t>(context);
}

// Off the batch, or a table of rows looked up by each image.
bool GatherBatchWise(const NodeContext& context, const std::vector<BatchUse>& inputs) {
  const std::size_t axis =
      context.Axis(context.attributes().Int("axis", 0), context.InputShape(0).size());
  if (axis != 0) return EachImage(context, inputs);
  return inputs[0] == BatchUse::kFree && inputs[1] == BatchUse::kImages;
}

}  // namespace

const OpDef& OpGather() {
  static const OpDef def{.name = "Gather",
                         .min_inputs = 2,
                         .max_inputs = 2,
                         .attributes = "axis",
                         .types = kAnyType,
                         .infer = InferGather,
                         .plan = PlanGather,
                         .batch_wise = GatherBatchWise};
  return def;
}

}  // namespace kinglet
