#include "characterize/common/sweep_point.h"

#include <gtest/gtest.h>

namespace kinglet::characterize {
namespace {

TEST(SweepKey, TextSaysWhatIsNotUsual) {
  EXPECT_EQ(KeyText({.network = "n", .batch = 8}), "n f32 batch 8 threads 1");
  EXPECT_EQ(KeyText({.network = "n",
                     .precision = "int8",
                     .threads = 2,
                     .instances = 2,
                     .kind = InstanceKind::kProcesses,
                     .rate = 2.5}),
            "n int8 batch 1 threads 2 instances 2 as processes rate 2.5");
}

}  // namespace
}  // namespace kinglet::characterize
