// What it costs to begin a step, and to meet behind it.
#pragma once

#include "engine/runtime/probe.h"
#include "kinglet/tuning.h"

namespace kinglet {

// Seconds of a step that does next to nothing, on one thread and on all: "step", "step_all".
Probes StepProbes(int threads);

void SetSteps(const Calibration::Figures& found, Calibration& calibration);

}  // namespace kinglet
