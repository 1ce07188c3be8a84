// CodeTable (domain kinglet): any function of one 8-bit code, as the codes of its results.
//
//   y[i] = table[x[i]], x by its bits: int8 -1 is entry 255
//
// The table has 256 codes, uint8 or int8, which is the type of y.
#include <cstdint>

#include "engine/graph/fusion.h"
#include "engine/ops/batch.h"
#include "engine/ops/code_planes.h"
#include "engine/ops/quantized.h"

namespace kinglet {
namespace {

void InferCodeTable(InferContext& context) {
  RequireEightBits(context, 0);
  RequireEightBits(context, 1);
  if (context.InputShape(1) != Shape{kCodeCount}) {
    context.Invalid("the table has shape " + ShapeToString(context.InputShape(1)) + ", expected " +
                    std::to_string(kCodeCount));
  }
  context.SetOutput(0, context.InputType(1), context.InputShape(0));
}

std::unique_ptr<Step> PlanCodeTable(PlanContext& context) {
  return MakeTableStep(context, "eltwise/code_table",
                       [](const StepArgs& args) { return args.inputs[1]; });
}

}  // namespace

const OpDef& OpCodeTable() {
  static const OpDef def{.name = "CodeTable",
                         .domain = kKingletDomain,
                         .since = kKingletOpset,
                         .until = kKingletOpset,
                         .min_inputs = 2,
                         .max_inputs = 2,
                         .types = "int8, uint8",
                         .infer = InferCodeTable,
                         .plan = PlanCodeTable,
                         .batch_wise = EachImage};
  return def;
}

}  // namespace kinglet
