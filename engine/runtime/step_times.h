// What the steps of a plan take by the physical part of the cost model.
#pragma once

#include <vector>

#include "engine/plan/plan.h"
#include "kernels/common/machine_model.h"
#include "kinglet/outline.h"

namespace kinglet {

// Of each of SingleSteps(plan), its share of one Run, as StepInfo::predicted_seconds. `machine`
// knows the weights of the whole network.
std::vector<StepTime> StepTimes(const Plan& plan, int threads,
                                const kernels::MachineModel& machine);

}  // namespace kinglet
