#include "kinglet/machine.h"

#include "kernels/common/cpu_target.h"
#include "kernels/common/measure.h"

namespace kinglet {

std::string Version() { return KINGLET_VERSION; }

std::string InstructionSet() { return std::string(kernels::ActiveTarget()); }

std::string EnvironmentProblem() { return kernels::EnvironmentProblem(); }

double MeasurePeakGflops() { return kernels::MeasurePeakGflops(); }

}  // namespace kinglet
