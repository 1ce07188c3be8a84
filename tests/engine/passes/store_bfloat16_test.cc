// Which values are stored as bfloat16.
#include "engine/passes/store_bfloat16.h"

#include <gtest/gtest.h>

#include "tests/support/graph_builder.h"

namespace kinglet::store_bfloat16_test {
namespace {

using testing::GraphBuilder;
using testing::RandomTensor;

ValueId Conv(GraphBuilder& b, ValueId x, std::int64_t ic, std::int64_t oc,
             std::int64_t groups = 1) {
  Attributes attributes;
  attributes.Set("group", groups);
  return b.Op("Conv", {x, b.Constant(RandomTensor({oc, ic / groups, 1, 1}))}, attributes);
}

bool IsNarrow(GraphBuilder& b, ValueId id) {
  return b.ir().value(id).storage == ElementType::kBFloat16;
}

TEST(StoreBFloat16, BetweenTheFirstConvolutionAndTheLastOfEveryPath) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {1, 3, 8, 8});
  const ValueId before = b.Op("Relu", {x});  // prepares the picture
  const ValueId first = Conv(b, before, 3, 32);
  const ValueId middle = b.Op("Relu", {first});
  const ValueId last = Conv(b, middle, 32, 8);
  const ValueId behind = b.Op("Sigmoid", {last});
  b.Output(behind, "y");
  EXPECT_EQ(StoreBFloat16(b.ir()), 2);
  EXPECT_FALSE(IsNarrow(b, x) || IsNarrow(b, before));
  EXPECT_TRUE(IsNarrow(b, first) && IsNarrow(b, middle));
  EXPECT_FALSE(IsNarrow(b, last) || IsNarrow(b, behind));
}

TEST(StoreBFloat16, NotWhatSomebodyReadsWithoutAKernel) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {1, 32, 8, 8});
  const ValueId shared = Conv(b, x, 32, 32);
  const ValueId other = b.Op("Softplus", {shared});
  const ValueId grouped = Conv(b, Conv(b, other, 32, 32), 32, 32, 4);  // groups of 8 channels
  const ValueId out = Conv(b, grouped, 32, 32);
  b.Output(Conv(b, b.Op("Add", {out, out}), 32, 8), "y");
  StoreBFloat16(b.ir());
  EXPECT_FALSE(IsNarrow(b, shared) || IsNarrow(b, other) || IsNarrow(b, grouped));
  EXPECT_TRUE(IsNarrow(b, out));
}

TEST(StoreBFloat16, NotWhatTheGraphHandsOutOrADenseTailReads) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {1, 32, 8, 8});
  const ValueId handed = b.Op("Relu", {Conv(b, x, 32, 32)});
  b.Output(handed, "features");
  const ValueId next = Conv(b, handed, 32, 32);
  const ValueId pooled = b.Op("GlobalAveragePool", {next});
  const ValueId flat = b.Op("Flatten", {pooled});
  b.Output(b.Op("MatMul", {flat, b.Constant(RandomTensor({32, 4}))}), "y");
  StoreBFloat16(b.ir());
  EXPECT_FALSE(IsNarrow(b, handed));
  EXPECT_TRUE(IsNarrow(b, next));
  EXPECT_FALSE(IsNarrow(b, pooled) || IsNarrow(b, flat));
}

}  // namespace
}  // namespace kinglet::store_bfloat16_test
