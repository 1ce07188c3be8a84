#include "kernels/common/work.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace kinglet::kernels::work_test {
namespace {

TEST(Work, OperationsOfAKindAreOneEntry) {
  WorkStage stage;
  stage.Add({.kind = WorkKind::kTile, .count = 2}).Add({.kind = WorkKind::kTileEdge, .count = 1});
  stage.Add({.kind = WorkKind::kTile, .count = 3});
  stage.Add({.kind = WorkKind::kTile, .type = ElementType::kInt8, .count = 4});
  EXPECT_EQ(stage.operations[0].count, 5);
  EXPECT_EQ(stage.operations[1].kind, WorkKind::kTileEdge);
  EXPECT_EQ(stage.operations[2].type, ElementType::kInt8);
  EXPECT_EQ(stage.operations[3].count, 0);
  EXPECT_EQ(SharedWork(stage, 1, 1).Count(WorkKind::kTile), 9);
}

TEST(Work, ActivationsThatRegistersClampToAreNone) {
  WorkStage stage;
  stage.AddActivation(Activation::kRelu, 100).AddActivation(Activation::kClip, 100);
  EXPECT_EQ(stage, WorkStage{});
  stage.AddActivation(Activation::kSwish, 100);
  EXPECT_EQ(stage.operations[0].kind, WorkKind::kActivation);
  EXPECT_EQ(stage.operations[0].count, 100.0 * ActivationOperations(Activation::kSwish));
  EXPECT_GT(ActivationOperations(Activation::kSwish), ActivationOperations(Activation::kHardSwish));
}

TEST(Work, IsAValue) {
  EXPECT_TRUE(Work{}.empty());
  const Work work = MoveWork(1, 2, 1);
  EXPECT_FALSE(work.empty());
  EXPECT_EQ(work, MoveWork(1, 2, 1));
  EXPECT_NE(work, MoveWork(1, 3, 1));
  EXPECT_NE(work, MoveWork(1, 2, 2));
  EXPECT_NE(LoopWork(1, 1), LoopWork(2, 1));
}

TEST(Work, SumsItsStages) {
  Work work;
  for (size_t i = 0; i < work.stages.size(); ++i) {
    work.stages[i].read_bytes = 1;
    work.stages[i].write_bytes = 10;
    work.stages[i].weight_bytes = 100;
  }
  EXPECT_EQ(work.read_bytes(), 3);
  EXPECT_EQ(work.write_bytes(), 30);
  EXPECT_EQ(work.weight_bytes(), 300);
}

TEST(Work, ItsTextSaysWhatIsThere) {
  Work work = MoveWork(8, 4, 2);
  work.stage().Add({WorkKind::kTile, ElementType::kInt8, InstructionFamily::kDot, 64});
  EXPECT_EQ(ToText(work),
            "tile int8 dot 64, reads 8 B, writes 4 B, units 128, threads 2, busiest 0.5");
  work.stage().weight_bytes = 32;
  work.weight_parts = 2;
  work.weight_passes = 3;
  EXPECT_THAT(ToText(work), ::testing::HasSubstr("weights 32 B in 2 parts in 3 passes"));
}

TEST(BusiestShare, IsThatOfWholeUnits) {
  EXPECT_EQ(BusiestShare(10, 1), 1);
  EXPECT_EQ(BusiestShare(1, 4), 1);
  EXPECT_EQ(BusiestShare(4, 4), 0.25);
  EXPECT_EQ(BusiestShare(5, 4), 0.4);
  EXPECT_EQ(BusiestShare(0, 4), 1);
  // Chunks of three.
  EXPECT_EQ(BusiestShare(50, 2), 0.54);
}

}  // namespace
}  // namespace kinglet::kernels::work_test
