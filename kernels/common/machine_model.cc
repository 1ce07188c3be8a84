#include "kernels/common/machine_model.h"

#include <algorithm>
#include <string_view>

#include "kernels/common/cpu_target.h"

namespace kinglet::kernels {
namespace {

// With AVX-512, cores of this much second-level cache are those of servers whose third-level cache
// is spread over a mesh: slow for one core, and a virtual machine is told of all of it but has a
// part.
constexpr size_t kMeshL2Bytes = size_t{2} << 20;

// Whether vectors of AVX-512 go through units of half their width, two passes each. AMD's Zen 4 has
// bfloat16 and lacks AVX-VNNI; whole units with bfloat16 came with it, but for one of Intel's
// (Cooper Lake), which is taken for one of these.
bool HasHalfUnits(const CpuFeatures& features) {
  return features.Has(CpuFeature::kAvx512Bf16) && !features.Has(CpuFeature::kAvxVnni) &&
         !features.Has(CpuFeature::kAmxTile);
}

// So arithmetic is no faster than with AVX2, and what waits for something else is nearer to the
// peak. What threads lose where they meet has in it what they wait for each other's lines.
void UseHalfUnitFigures(MachineModel& machine) {
  machine.l2_gbps = 115;
  machine.l3_gbps = 95;
  machine.l3_all_gbps = 190;
  machine.dram_gbps = 40;
  machine.dram_all_gbps = 70;
  machine.handover_seconds = 5e-6;
  machine.Share(WorkKind::kTile) = 0.98;
  machine.Share(WorkKind::kTileEdge) = 0.17;
  machine.Share(WorkKind::kPlane) = 0.92;
  machine.Share(WorkKind::kDepthwise) = 0.75;
  machine.Share(WorkKind::kDepthwiseStrided) = 0.75;
  machine.Share(WorkKind::kWinograd) = 1.05;
  machine.Share(WorkKind::kWinogradTransform) = 0.055;
  machine.Share(WorkKind::kActivation) = 0.49;
  machine.Share(WorkKind::kBlas) = 0.92;
  machine.Share(WorkKind::kBlasPack) = 0.085;
  machine.Share(WorkKind::kPoolAverage) = 0.6;
  machine.Share(WorkKind::kPoolMax) = 0.65;
}

void UseMeshFigures(MachineModel& machine) {
  machine.l3_bytes = std::min(machine.l3_bytes, 200e6);
  machine.l2_gbps = 170;
  machine.l3_gbps = 28;
  machine.l3_all_gbps = 56;
  machine.dram_gbps = 16;
  machine.dram_all_gbps = 30;
  machine.Share(WorkKind::kTile) = 0.95;
  machine.Share(WorkKind::kPlane) = 0.64;
  machine.Share(WorkKind::kDepthwise) = 0.5;
  machine.Share(WorkKind::kDepthwiseStrided) = 0.3;
  machine.Share(WorkKind::kWinograd) = 0.85;
  machine.Share(WorkKind::kBlas) = 0.8;
}

}  // namespace

MachineModel BuiltInMachineModel(const Cpu& cpu) noexcept {
  const std::string_view target = TargetOfFeatures(cpu.features);
  const CacheSizes& caches = cpu.caches;
  const bool halves = target == "avx512" && HasHalfUnits(cpu.features);
  const double peak = halves               ? 118
                      : target == "avx512" ? 230
                      : target == "avx2"   ? 115
                      : target == "neon"   ? 45
                                           : 8;
  MachineModel machine;
  machine.features = cpu.features;
  machine.Peak(ElementType::kFloat32) = peak;
  // Two multiply-adds of int16 are a product and a sum, which take turns with others where there
  // are two units for all.
  const double pairs = halves ? 1.7 : target == "avx512" ? 1.5 : target == "avx2" ? 2 : 1;
  machine.Peak(ElementType::kInt16) = pairs * peak;
  const bool quads = cpu.features.Has(CpuFeature::kAvx512Vnni) ||
                     (target == "avx2" && cpu.features.Has(CpuFeature::kAvxVnni));
  if (quads) machine.Peak(ElementType::kInt8, InstructionFamily::kDot) = 4 * peak;
  if (cpu.features.Has(CpuFeature::kAvx512Bf16)) {
    machine.Peak(ElementType::kBFloat16, InstructionFamily::kDot) = 2 * peak;
  }
  // What products of tiles reach with their operands on the way. Of every CPU: where they are
  // emulated, that is to be as if it had them.
  machine.Peak(ElementType::kBFloat16, InstructionFamily::kMatrix) = 10 * peak;
  machine.Peak(ElementType::kInt8, InstructionFamily::kMatrix) = 20 * peak;
  machine.l2_bytes = static_cast<double>(caches.l2_bytes);
  machine.l3_bytes = static_cast<double>(caches.l3_bytes) / 2;  // others use it as well
  machine.l2_gbps = peak * 0.8;
  machine.l3_gbps = 60;
  machine.l3_all_gbps = 120;
  machine.dram_gbps = 35;
  machine.dram_all_gbps = 50;
  machine.step_seconds = 0.5e-6;
  machine.handover_seconds = 1.5e-6;
  machine.Share(WorkKind::kTile) = 0.96;
  machine.Share(WorkKind::kTileEdge) = 0.08;
  machine.Share(WorkKind::kPlane) = 0.89;
  machine.Share(WorkKind::kDepthwise) = 0.55;
  machine.Share(WorkKind::kDepthwiseStrided) = 0.33;
  machine.Share(WorkKind::kWinograd) = 0.9;
  machine.Share(WorkKind::kWinogradTransform) = 0.9 / 16;
  machine.Share(WorkKind::kActivation) = 0.3;
  machine.Share(WorkKind::kBlas) = 0.85;
  machine.Share(WorkKind::kBlasPack) = 0.053;
  machine.Share(WorkKind::kPoolAverage) = 0.275;
  machine.Share(WorkKind::kPoolMax) = 0.16;
  machine.Share(WorkKind::kScalar) = 0.02;
  machine.Share(WorkKind::kReference) = 1 / peak;  // no vectors, so no faster where those are wide
  if (halves) UseHalfUnitFigures(machine);
  if (target == "avx512" && caches.l2_bytes >= kMeshL2Bytes) UseMeshFigures(machine);
  return machine;
}

MachineModel DefaultMachineModel() noexcept {
  return BuiltInMachineModel({UsableFeatures(), ActiveCpu().caches});
}

}  // namespace kinglet::kernels
