// BitCast: the same bits as elements of another type of the same size.
#include <cstring>

#include "engine/ops/batch.h"
#include "engine/ops/element_types.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

bool IsHalf(DataType type) { return type == DataType::kFloat16 || type == DataType::kBFloat16; }

// Half floats are computed with as float32, and a bool holds no bits but 0 and 1.
void InferBitCast(InferContext& context) {
  const DataType from = context.InputType(0);
  const DataType to = ElementTypeAttribute(context, "to", DataType::kUndefined);
  if (IsHalf(to) || (to == DataType::kBool && from != to)) {
    context.Unsupported(std::string("to ") + DataTypeName(to));
  }
  if (DataTypeSize(from) != DataTypeSize(to)) {
    context.Invalid(std::string(DataTypeName(from)) + " has other bits than " + DataTypeName(to));
  }
  context.SetOutput(0, to, context.InputShape(0));
}

void CheckBitCast(const Node& node, std::vector<std::string>& unsupported) {
  CheckElementTypeAttribute(node, "to", unsupported);
}

std::unique_ptr<Step> PlanBitCast(PlanContext& context) {
  const auto size = static_cast<std::int64_t>(DataTypeSize(context.InputType(0)));
  context.AllowInPlace(0, 0);
  return MakeItemStep("reference/bit_cast", ElementCount(context.InputShape(0)), 2 * size,
                      [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
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
                         .types =
                             "float32, float64, int8, int16, int32, int64, uint8, uint16, "
                             "uint32, uint64, bool as input",
                         .check = CheckBitCast,
                         .infer = InferBitCast,
                         .plan = PlanBitCast,
                         .batch_wise = EachImage};
  return def;
}

}  // namespace kinglet
