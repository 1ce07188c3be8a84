// What steps of loops say of their work, for operators that no kernel describes.
#pragma once

#include <memory>
#include <utility>

#include "engine/op/op.h"
#include "kernels/common/work.h"

namespace kinglet {

inline double ElementsOf(const Shape& shape) { return static_cast<double>(ElementCount(shape)); }
inline double OutputElements(const PlanContext& context) {
  return ElementsOf(context.OutputShape(0));
}

// `step` (or null, where nothing is left to do) with so many operations of plain loops
// (WorkKind::kScalar: less than half a nanosecond each with AVX2) beside the traffic of its inputs
// and outputs, which the planner counts. Where loops only move or add, the traffic is all.
inline std::unique_ptr<Step> WithLoops(std::unique_ptr<Step> step, const PlanContext& context,
                                       double operations) {
  if (step != nullptr && operations > 0) {
    step->work = kernels::LoopWork(operations, context.threads());
  }
  return step;
}

}  // namespace kinglet
