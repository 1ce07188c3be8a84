#include "kernels/common/cpu_target.h"

#include <cstdint>
#include <cstdlib>
#include <string>

#include "kernels/common/cpu.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/common/cpu_target.cc"
#include "kernels/common/dispatch.h"

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(CpuTarget);

namespace {

#if (HWY_TARGETS & (HWY_TARGETS - 1)) == 0  // one target: nothing to choose

std::vector<int64_t> RunnableBits() { return {HWY_TARGETS}; }
void Activate(int64_t) {}
size_t TableIndex() { return 0; }
std::string_view NameOf(int64_t) { return HWY_STATIC_DISPATCH(CompiledTarget)(); }

#else

// Kinglet's own: Highway's belongs to the process, and others choose there as well.
hwy::ChosenTarget& Chosen() {
  static hwy::ChosenTarget chosen;
  return chosen;
}

std::string_view NameOf(int64_t bit) {
  if (bit == HWY_AVX2) return "avx2";
  if (bit == HWY_AVX3) return "avx512";
  return "baseline";
}

// Highway is asked too: its targets may need more than their features say.
std::vector<int64_t> RunnableBits() {
  static const int64_t supported = hwy::SupportedTargets();
  const CpuFeatures features = ActiveCpu().features & DetectedCpu().features;
  std::vector<int64_t> bits;
  for (int64_t rest = HWY_TARGETS; rest != 0; rest &= rest - 1) {
    const int64_t bit = rest & -rest;
    const bool runs = (bit & supported) != 0 && features.Contains(FeaturesOfTarget(NameOf(bit)));
    if (runs || bit == HWY_STATIC_TARGET) bits.push_back(bit);
  }
  return bits;
}

void Activate(int64_t bit) { Chosen().Update(bit); }

size_t TableIndex() { return Chosen().GetIndex(); }

#endif

bool ActivateByName(std::string_view name) {
  for (const int64_t bit : RunnableBits()) {
    if (NameOf(bit) != name) continue;
    Activate(bit);
    return true;
  }
  return false;
}

// Runs once; true when KINGLET_TARGET is unset, empty or runnable.
bool ChooseInitialTarget() {
  Activate(RunnableBits().front());
  const char* name = std::getenv("KINGLET_TARGET");
  return name == nullptr || *name == '\0' || ActivateByName(name);
}

bool EnsureChosen() {
  static const bool environment_is_valid = ChooseInitialTarget();
  return environment_is_valid;
}

// Targets that need features, the best one first.
struct TargetFeatures {
  std::string_view target;
  CpuFeatures features;
};
constexpr TargetFeatures kTargetFeatures[] = {
    {"avx512", {CpuFeature::kAvx2, CpuFeature::kAvx512}},
    {"avx2", {CpuFeature::kAvx2}},
    {"neon", {CpuFeature::kNeon}},
};

}  // namespace

size_t ActiveTableIndex() noexcept {
  EnsureChosen();
  return TableIndex();
}

std::string_view ActiveTarget() noexcept { return TargetOfCpuTarget(); }

std::vector<std::string_view> RunnableTargets() {
  std::vector<std::string_view> names;
  for (const int64_t bit : RunnableBits()) names.push_back(NameOf(bit));
  return names;
}

bool ForceTarget(std::string_view name) noexcept {
  EnsureChosen();
  return ActivateByName(name);
}

CpuFeatures FeaturesOfTarget(std::string_view target) noexcept {
  for (const TargetFeatures& each : kTargetFeatures) {
    if (each.target == target) return each.features;
  }
  return {};
}

std::string_view TargetOfFeatures(CpuFeatures features) noexcept {
  for (const TargetFeatures& each : kTargetFeatures) {
    if (features.Contains(each.features)) return each.target;
  }
  return "baseline";
}

CpuFeatures FeaturesUnder(std::string_view target, CpuFeatures features) noexcept {
  const CpuFeatures own = FeaturesOfTarget(target);
  for (const TargetFeatures& each : kTargetFeatures) features = features - (each.features - own);
  return WithoutUnfounded(features | own);
}

CpuFeatures UsableFeatures() noexcept {
  return FeaturesUnder(ActiveTarget(), ActiveCpu().features & DetectedCpu().features);
}

std::string EnvironmentProblem() {
  if (!EnvironmentCpuProblem().empty()) return EnvironmentCpuProblem();
  if (EnsureChosen()) return "";
  std::string names;
  for (const std::string_view name : RunnableTargets()) {
    names += (names.empty() ? "" : ", ") + std::string(name);
  }
  return std::string("KINGLET_TARGET=") + std::getenv("KINGLET_TARGET") +
         ": names no compiled instruction set that can run here; those are " + names;
}

}  // namespace kinglet::kernels
#endif  // HWY_ONCE
