// The compiled instruction set ("target") that kernels run on, chosen once. Targets follow from the
// features of the CPU (kernels/common/cpu.h).
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "kernels/common/cpu_features.h"

namespace kinglet::kernels {

// Name of the active target: "baseline", "avx2", "avx512" or "neon". The first call chooses the
// best runnable one, or the one that the environment variable KINGLET_TARGET names. Thread-safe.
std::string_view ActiveTarget() noexcept;

// The compiled targets whose features the active CPU has, and this machine as well, the best one
// first. What the compiler takes for granted can always run.
std::vector<std::string_view> RunnableTargets();

// Makes `name` the active target. False, and no change, when it is not compiled or not runnable.
// Function pointers resolved before keep their target: call it before the first plan is made (tests
// call it between plans).
bool ForceTarget(std::string_view name) noexcept;

// The active target's place in the tables of HWY_EXPORT (kernels/common/dispatch.h).
size_t ActiveTableIndex() noexcept;

// The features that a target needs; none for "baseline" and for what is no target.
CpuFeatures FeaturesOfTarget(std::string_view target) noexcept;
// The best target, compiled or not, for a CPU of these features.
std::string_view TargetOfFeatures(CpuFeatures features) noexcept;
// What is left of the features where `target` is forced: not those of better targets, nor what
// builds on them.
CpuFeatures FeaturesUnder(std::string_view target, CpuFeatures features) noexcept;
// What a kernel may use now: the features of the active CPU, and of this machine, under the active
// target.
CpuFeatures UsableFeatures() noexcept;

// Empty, or what is wrong with KINGLET_CPU or KINGLET_TARGET: a word that is unknown, or names what
// is not there. The variable then counts for nothing. An application asks once at start-up.
std::string EnvironmentProblem();

}  // namespace kinglet::kernels
