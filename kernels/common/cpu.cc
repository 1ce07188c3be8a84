#include "kernels/common/cpu.h"

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__linux__)
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace kinglet::kernels {
namespace {

#if defined(__x86_64__)

#if defined(__linux__)
// arch_prctl of Linux 5.16 and later; others do not know the codes.
constexpr int kGetSupported = 0x1021;
constexpr int kRequestPermission = 0x1023;
constexpr int kTileData = 18;  // the state component of XCR0

bool MayPermitTiles() {
  uint64_t supported = 0;
  return syscall(SYS_arch_prctl, kGetSupported, &supported) == 0 && (supported >> kTileData & 1);
}
bool AskForTiles() { return syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0; }
#else
bool MayPermitTiles() { return false; }
bool AskForTiles() { return false; }
#endif

uint64_t ReadXcr0() {
  uint32_t low = 0;
  uint32_t high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return uint64_t{high} << 32 | low;
}

CpuFeatures DetectFeatures() {
  X86Answers answers;
  unsigned eax = 0;
  unsigned ebx = 0;
  unsigned ecx = 0;
  unsigned edx = 0;
  if (__get_cpuid(1, &eax, &ebx, &ecx, &edx) == 0) return {};
  answers.leaf1_ecx = ecx;
  const bool tells_xcr0 = (ecx >> 27 & 1) != 0;
  if (__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx) != 0) {
    answers.leaf7_ebx = ebx;
    answers.leaf7_ecx = ecx;
    answers.leaf7_edx = edx;
    const unsigned last_subleaf = eax;
    if (last_subleaf >= 1 && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx) != 0) {
      answers.leaf7_1_eax = eax;
    }
  }
  if (tells_xcr0) answers.xcr0 = ReadXcr0();
  answers.tiles_on_request = MayPermitTiles();
  return FeaturesOf(answers);
}

#else

bool AskForTiles() { return false; }

CpuFeatures DetectFeatures() {
#if defined(__aarch64__) && defined(__linux__)
  return FeaturesOfArm(getauxval(AT_HWCAP), getauxval(AT_HWCAP2));
#elif defined(__aarch64__)
  return {CpuFeature::kNeon};
#else
  return {};
#endif
}

#endif

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

// Of this process, once.
const CpuChoice& EnvironmentChoice() {
  static const CpuChoice choice = ChooseCpu(DetectedCpu(), std::getenv("KINGLET_CPU"));
  return choice;
}

std::atomic<const Cpu*> made_up{nullptr};

}  // namespace

const Cpu& DetectedCpu() noexcept {
  static const Cpu cpu = {DetectFeatures(),
                          {CacheBytes(1, size_t{32} << 10), CacheBytes(2, size_t{512} << 10),
                           CacheBytes(3, size_t{8} << 20)}};
  return cpu;
}

CpuChoice ChooseCpu(const Cpu& detected, const char* wanted) {
  if (wanted == nullptr || *wanted == '\0') return {detected, {}};
  const std::string heading = std::string("KINGLET_CPU=") + wanted + ": ";
  const ParsedCpuFeatures parsed = ParseCpuFeatures(wanted);
  if (!parsed.problem.empty()) return {detected, heading + parsed.problem};
  const CpuFeatures features = WithFoundations(parsed.features);
  const CpuFeatures absent = features - detected.features;
  if (!absent.empty()) {
    return {detected, heading + "this CPU has no " + ToString(absent) + ", but " +
                          ToString(detected.features)};
  }
  return {{features, detected.caches}, {}};
}

const Cpu& ActiveCpu() noexcept {
  const Cpu* cpu = made_up.load(std::memory_order_acquire);
  return cpu != nullptr ? *cpu : EnvironmentChoice().cpu;
}

const std::string& EnvironmentCpuProblem() noexcept { return EnvironmentChoice().problem; }

void MakeUpActiveCpu(const Cpu* cpu) noexcept { made_up.store(cpu, std::memory_order_release); }

bool RequestTilePermission() noexcept {
  static const bool permitted = DetectedCpu().features.Has(CpuFeature::kAmxTile) && AskForTiles();
  return permitted;
}

}  // namespace kinglet::kernels
