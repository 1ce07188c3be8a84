#include "engine/runtime/step_times.h"

#include "engine/plan/segment_step.h"
#include "engine/plan/segments.h"
#include "kernels/common/predict.h"

namespace kinglet {
namespace {

StepTime TimeOf(const SingleStep& single, int threads, const kernels::MachineModel& machine) {
  PlanOptions options;
  options.threads = threads;
  options.cost.machine = machine;
  if (single.plan != nullptr) options = SegmentOptions(options);
  const kernels::Prediction prediction =
      kernels::Predict(single.step->step->work, options.cost.machine);
  const double share =
      single.plan == nullptr ? 1.0 : static_cast<double>(single.plan->runs) / threads;
  StepTime time;
  time.total = share * prediction.seconds();
  time.again = share * prediction.again;
  time.begin = share * prediction.begin;
  for (const kernels::StageSeconds& stage : prediction.stages) {
    time.arithmetic += share * stage.arithmetic;
    time.cached += share * stage.cached;
    time.memory += share * stage.memory;
  }
  return time;
}

}  // namespace

std::vector<StepTime> StepTimes(const Plan& plan, int threads,
                                const kernels::MachineModel& machine) {
  std::vector<StepTime> times;
  for (const SingleStep& step : SingleSteps(plan)) times.push_back(TimeOf(step, threads, machine));
  return times;
}

}  // namespace kinglet
