#include "kinglet/machine.h"

#include "kernels/common/cpu_target.h"
#include "kernels/common/measure.h"
#include "kernels/tiles/mode.h"

namespace kinglet {

std::string Version() { return KINGLET_VERSION; }

std::string InstructionSet() { return std::string(kernels::ActiveTarget()); }

std::string EnvironmentProblem() {
  const std::string problem = kernels::EnvironmentProblem();
  return problem.empty() ? kernels::EnvironmentTilesProblem() : problem;
}

double MeasurePeakGflops() { return kernels::MeasurePeakGflops(); }

}  // namespace kinglet
