// Whether kernels on matrix tiles (kernels/tiles/tile.h) run here, and on what.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "kernels/common/cpu.h"

namespace kinglet::kernels {

enum class TileMode : uint8_t { kOff, kEmulated, kHardware };

// "off", "emulated", "hardware".
std::string_view NameOf(TileMode mode);

struct TileChoice {
  TileMode mode = TileMode::kOff;
  std::string problem;  // of the variable, which then counts for nothing
};
// How tiles are used where KINGLET_TILES has the value `wanted` (null or empty: is not set) and the
// CPU has `features`: on the hardware where it has tiles, off elsewhere, emulated where that is
// wanted. Asks for no permission.
TileChoice ChooseTiles(CpuFeatures features, const char* wanted);

// How kernels run that need `feature` (kAmxBf16, kAmxInt8), on the active CPU and target. Where
// that would be the hardware, the operating system is asked for permission, once in a process;
// where it says no, tiles are off. Thread-safe.
TileMode ActiveTiles(CpuFeature feature) noexcept;

// What KINGLET_TILES and the active CPU say of it before anybody asks for permission.
TileMode WantedTiles(CpuFeature feature) noexcept;

// Empty, or what is wrong with KINGLET_TILES.
const std::string& EnvironmentTilesProblem() noexcept;

// For tests: makes `mode` the active one, whatever the CPU has, until the next call; null: what it
// was. Not kHardware without permission.
void MakeUpActiveTiles(const TileMode* mode) noexcept;

}  // namespace kinglet::kernels
