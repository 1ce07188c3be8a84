#include "engine/cost/cost_model.h"

#include "kernels/common/predict.h"

namespace kinglet {

double StepSeconds(const kernels::Work& work, double measured_seconds, const CostModel& cost) {
  return measured_seconds > 0 ? measured_seconds : kernels::PredictSeconds(work, cost.machine);
}

}  // namespace kinglet
