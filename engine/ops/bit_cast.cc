// BitCast: the same bits as another element type of the same size.
#include <cstring>

#include "engine/ops/batch.h"
#include "engine/ops/element_types.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

void CheckBitCast(const Node& node, std::vector<std::string>& unsupported) {
  CheckElementTypeAttribute(node, "to", unsupported);
}

void InferBitCast(InferContext& context) {
  if (!context.attributes().Has("to")) context.Invalid("attribute 'to' is missing");
  const DataType from = context.InputType(0);
  const DataType to = ElementTypeAttribute(context, "to", DataType::kUndefined);
  if (DataTypeSize(to) != DataTypeSize(from)) {
    context.Invalid(std::string("a cast of the bits of ") + DataTypeName(from) + " to " +
                    DataTypeName(to) + ", which has another size");
  }
  context.SetOutput(0, to, context.InputShape(0));
}

// Not an alias, which is of the same type.
std::unique_ptr<Step> PlanBitCast(PlanContext& context) {
  context.AllowInPlace(0, 0);
  const auto size = static_cast<std::int64_t>(DataTypeSize(context.InputType(0)));
  return MakeItemStep("layout/bit_cast", ElementCount(context.InputShape(0)), size,
                      [size](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                        const auto* x = static_cast<const std::byte*>(args.inputs[0]);
                        auto* y = static_cast<std::byte*>(args.outputs[0]);
                        if (x == y) return;
                        std::memcpy(y + begin * size, x + begin * size,
                                    static_cast<std::size_t>((end - begin) * size));
                      });
}

}  // namespace

const OpDef& OpBitCast() {
  static const OpDef def{.name = "BitCast",
                         .since = 26,
                         .attributes = "to",
                         .types = kAnyType,
                         .check = CheckBitCast,
                         .infer = InferBitCast,
                         .plan = PlanBitCast,
                         .batch_wise = EachImage};
  return def;
}

}  // namespace kinglet
