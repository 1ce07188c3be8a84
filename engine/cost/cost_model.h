// What kernels are chosen by.
#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <string>

#include "engine/cost/choice_key.h"
#include "kernels/common/machine_model.h"

namespace kinglet {

// What was measured of a kernel, and which revision of it that was.
struct MeasuredTime {
  double seconds = 0;
  int revision = 1;

  bool operator==(const MeasuredTime&) const = default;
};
// By kernel, for each choice among kernels.
using KernelTimes = std::map<std::string, MeasuredTime, std::less<>>;
using TuningTable = std::map<ChoiceKey, KernelTimes>;

struct CostModel {
  kernels::MachineModel machine = kernels::DefaultMachineModel();
  bool winograd = true;  // convolutions may be computed by Winograd's transforms
  std::shared_ptr<const TuningTable> tuning;  // null: nothing was measured
  int neighbours = 0;          // threads that are busy with steps of their own meanwhile
  bool deterministic = false;  // the same kernels for every number of threads: those of one
  // For the tuner: which candidate to take, 0 the best one, the last one where there are fewer;
  // measured times are not consulted.
  bool exploring = false;
  std::size_t candidate = 0;
};

// The number of threads that kernels are chosen for, where a step runs on `threads`.
inline int ThreadsToChooseFor(const CostModel& cost, int threads) {
  return cost.deterministic ? 1 : threads;
}

// Seconds of a step: measured where they were (above 0), else predicted of what it does.
double StepSeconds(const kernels::Work& work, double measured_seconds, const CostModel& cost);

}  // namespace kinglet
