#include "kernels/common/cpu_target.h"

#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <mutex>
#include <string>

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

std::vector<int64_t> RunnableBits() {
  static const int64_t supported = hwy::SupportedTargets() | HWY_STATIC_TARGET;
  std::vector<int64_t> bits;
  for (int64_t rest = HWY_TARGETS & supported; rest != 0; rest &= rest - 1) {
    bits.push_back(rest & -rest);
  }
  return bits;
}

void Activate(int64_t bit) { Chosen().Update(bit); }

size_t TableIndex() { return Chosen().GetIndex(); }

std::string_view NameOf(int64_t bit) {
  if (bit == HWY_AVX2) return "avx2";
  if (bit == HWY_AVX3) return "avx512";
  return "baseline";
}

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

size_t ReadCacheBytes(int index, int wanted_level) {
  const std::string folder = "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(index);
  int level = 0;
  std::string type;
  size_t count = 0;
  char unit = ' ';
  std::ifstream(folder + "/level") >> level;
  std::ifstream(folder + "/type") >> type;
  std::ifstream(folder + "/size") >> count >> unit;
  if (level != wanted_level || type == "Instruction") return 0;
  return unit == 'K' ? count << 10 : unit == 'M' ? count << 20 : count;
}

size_t CacheBytes(int level, size_t otherwise) {
  for (int index = 0; index < 8; ++index) {
    if (const size_t bytes = ReadCacheBytes(index, level)) return bytes;
  }
  return otherwise;
}

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

bool EnvironmentTargetIsValid() noexcept { return EnsureChosen(); }

const CacheSizes& Caches() noexcept {
  static const CacheSizes sizes = {CacheBytes(1, size_t{32} << 10),
                                   CacheBytes(2, size_t{512} << 10),
                                   CacheBytes(3, size_t{8} << 20)};
  return sizes;
}

}  // namespace kinglet::kernels
#endif  // HWY_ONCE
