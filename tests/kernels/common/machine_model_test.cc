#include "kernels/common/machine_model.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <iterator>
#include <string_view>
#include <vector>

#include "kernels/common/cpu_target.h"
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

TEST(WorkKind, NamesAreDifferent) {
  std::vector<std::string_view> names(std::begin(kWorkKindNames), std::end(kWorkKindNames));
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
  EXPECT_EQ(NameOf(WorkKind::kTile), "tile");
  EXPECT_EQ(NameOf(WorkKind::kReference), "reference");
}

}  // namespace
}  // namespace kinglet::kernels::machine_model_test
