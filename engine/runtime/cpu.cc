#include "kinglet/cpu.h"

#include "kernels/common/cpu_target.h"
#include "kernels/tiles/mode.h"
#include "kinglet/machine.h"

namespace kinglet {

CpuInfo DescribeCpu() {
  const auto tiles = [](kernels::CpuFeature feature) {
    return std::string(NameOf(kernels::ActiveTiles(feature)));
  };
  return {.name = CpuName(),
          .features = ToString(kernels::DetectedCpu().features),
          .used = ToString(kernels::UsableFeatures()),
          .instructions = InstructionSet(),
          .tiles_bf16 = tiles(kernels::CpuFeature::kAmxBf16),
          .tiles_int8 = tiles(kernels::CpuFeature::kAmxInt8)};
}

}  // namespace kinglet
