#include "kernels/tiles/mode.h"

#include <atomic>
#include <cstdlib>

#include "kernels/common/cpu_target.h"

namespace kinglet::kernels {
namespace {

constexpr TileMode kModes[] = {TileMode::kOff, TileMode::kEmulated, TileMode::kHardware};

std::atomic<const TileMode*> made_up{nullptr};

// Of this process, once. What KINGLET_CPU and tests take from the CPU is looked at later.
const TileChoice& EnvironmentChoice() {
  static const TileChoice choice =
      ChooseTiles(DetectedCpu().features, std::getenv("KINGLET_TILES"));
  return choice;
}

}  // namespace

std::string_view NameOf(TileMode mode) {
  switch (mode) {
    case TileMode::kOff:
      return "off";
    case TileMode::kEmulated:
      return "emulated";
    default:
      return "hardware";
  }
}

TileChoice ChooseTiles(CpuFeatures features, const char* wanted) {
  const bool there = features.Has(CpuFeature::kAmxTile);
  const TileMode natural = there ? TileMode::kHardware : TileMode::kOff;
  if (wanted == nullptr || *wanted == '\0') return {natural, {}};
  const std::string heading = std::string("KINGLET_TILES=") + wanted + ": ";
  for (const TileMode mode : kModes) {
    if (NameOf(mode) != wanted) continue;
    if (mode == TileMode::kHardware && !there) {
      return {natural, heading + "this CPU has no amx_tile, but " + ToString(features)};
    }
    return {mode, {}};
  }
  return {natural, heading + "expected off, emulated or hardware"};
}

TileMode ActiveTiles(CpuFeature feature) noexcept {
  if (const TileMode* mode = made_up.load(std::memory_order_acquire)) return *mode;
  const TileMode mode = WantedTiles(feature);
  return mode == TileMode::kHardware && !RequestTilePermission() ? TileMode::kOff : mode;
}

TileMode WantedTiles(CpuFeature feature) noexcept {
  const TileMode mode = EnvironmentChoice().mode;
  // A target without AVX-512 has only the emulation.
  const bool there = mode != TileMode::kHardware || UsableFeatures().Has(feature);
  return there ? mode : TileMode::kOff;
}

const std::string& EnvironmentTilesProblem() noexcept { return EnvironmentChoice().problem; }

void MakeUpActiveTiles(const TileMode* mode) noexcept {
  made_up.store(mode, std::memory_order_release);
}

}  // namespace kinglet::kernels
