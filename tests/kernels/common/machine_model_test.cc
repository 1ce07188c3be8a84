#include "kernels/common/machine_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <vector>

#include "kernels/common/cpu_target.h"
#include "tests/support/made_up_cpu.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::machine_model_test {
namespace {

TEST(MachineModel, FollowsTheTarget) {
  testing::ForEachTarget([] {
    const MachineModel model = DefaultMachineModel();
    EXPECT_EQ(model.Peak(ElementType::kFloat32) < 20, ActiveTarget() == "baseline");
    EXPECT_GT(model.dram_gbps, 0);
  });
}

TEST(MachineModel, IsBuiltInForAnyTargetAndCaches) {
  const CacheSizes small = {.l1d_bytes = 32 << 10, .l2_bytes = 256 << 10, .l3_bytes = 8 << 20};
  for (const char* target : {"baseline", "avx2", "avx512", "neon"}) {
    const MachineModel machine = BuiltInMachineModel({FeaturesOfTarget(target), small});
    EXPECT_EQ(TargetOfFeatures(machine.features), target);
    EXPECT_EQ(machine.l2_bytes, 256 << 10) << target;
    EXPECT_LE(machine.l3_bytes, 8 << 20) << target;
    EXPECT_GT(machine.Peak(ElementType::kFloat32), 0) << target;
    EXPECT_EQ(machine.Peak(ElementType::kInt8, InstructionFamily::kDot), 0) << "nobody measured it";
    for (size_t kind = 0; kind < kWorkKinds; ++kind) {
      EXPECT_GT(machine.share_of_peak[kind], 0) << target << " " << kWorkKindNames[kind];
    }
  }
}

// Vectors of 512 bits in two passes compute what those of 256 do; with AVX-VNNI they take one.
TEST(MachineModel, HalfUnitsComputeWhatAvx2Does) {
  const MachineModel halves = BuiltInMachineModel(testing::kZen4Cpu);
  Cpu cpu = testing::kZen4Cpu;
  cpu.features = cpu.features | CpuFeatures{CpuFeature::kAvxVnni};
  const MachineModel wholes = BuiltInMachineModel(cpu);
  const MachineModel avx2 = BuiltInMachineModel(testing::kAvx2Cpu);
  const auto peak = [](const MachineModel& machine) { return machine.Peak(ElementType::kFloat32); };
  EXPECT_NEAR(peak(halves), peak(avx2), 0.1 * peak(avx2));
  EXPECT_GT(peak(wholes), 1.8 * peak(halves));
  EXPECT_EQ(peak(BuiltInMachineModel(testing::kAvx512Cpu)), peak(wholes));
  EXPECT_EQ(halves.Peak(ElementType::kInt8, InstructionFamily::kDot), 4 * peak(halves));
}

TEST(MachineModel, PairsOfBFloat16HaveAPeakWhereTheCpuMultipliesThem) {
  const CacheSizes caches = {.l1d_bytes = 32 << 10, .l2_bytes = 1 << 20, .l3_bytes = 32 << 20};
  Cpu cpu = {.features = FeaturesOfTarget("avx512"), .caches = caches};
  const auto peak = [&] {
    return BuiltInMachineModel(cpu).Peak(ElementType::kBFloat16, InstructionFamily::kDot);
  };
  EXPECT_EQ(peak(), 0);
  cpu.features = WithFoundations({CpuFeature::kAvx512Bf16});
  EXPECT_EQ(peak(), 2 * BuiltInMachineModel(cpu).Peak(ElementType::kFloat32));
}

TEST(WorkKind, NamesAreDifferent) {
  std::vector<std::string_view> names(std::begin(kWorkKindNames), std::end(kWorkKindNames));
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
  EXPECT_EQ(NameOf(WorkKind::kTile), "tile");
  EXPECT_EQ(NameOf(WorkKind::kReference), "reference");
}

}  // namespace
}  // namespace kinglet::kernels::machine_model_test
