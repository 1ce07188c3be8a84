#include "kernels/layout/pick.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "tests/support/guarded_buffer.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::pick_test {
namespace {

using testing::GuardedBuffer;

template <typename T, typename Index>
void Check(const Pick& pick, int64_t count) {
  std::vector<T> values(static_cast<size_t>((pick.size - 1) * pick.stride +
                                            (count == 0 ? 0 : count - 1) * pick.step + 1));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<T>(7 * i + 3);
  std::vector<Index> indices(static_cast<size_t>(count));
  for (size_t i = 0; i < indices.size(); ++i) {
    indices[i] = static_cast<Index>(static_cast<int64_t>(i * 5) % (2 * pick.size) - pick.size);
  }
  const GuardedBuffer<T> x(values, 1);
  const GuardedBuffer<Index> at(indices, 1);
  GuardedBuffer<T> y(indices.size(), 1);
  const PickFn run = GetPick(sizeof(T), sizeof(Index) == 8);
  ASSERT_TRUE(run(pick, x.data(), at.data(), count, y.data()));
  for (size_t i = 0; i < indices.size(); ++i) {
    const int64_t index = indices[i] < 0 ? indices[i] + pick.size : indices[i];
    ASSERT_EQ(
        y[i],
        values[static_cast<size_t>(static_cast<int64_t>(i) * pick.step + index * pick.stride)])
        << i << " of " << count;
  }
  ASSERT_TRUE(y.Intact());
  for (size_t i = 0; i < indices.size(); i += 9) {
    for (const int64_t wrong : {-pick.size - 1, pick.size}) {
      GuardedBuffer<Index> bad(indices, 1);
      bad[i] = static_cast<Index>(wrong);
      ASSERT_FALSE(run(pick, x.data(), bad.data(), count, y.data())) << i;
    }
  }
}

template <typename T>
void CheckElements() {
  for (int64_t count = 0; count <= 40; ++count) {
    for (const Pick& pick : {Pick{7, 1, 0}, Pick{5, 3, 1}, Pick{1, 4, 1}}) {
      Check<T, int32_t>(pick, count);
      Check<T, int64_t>(pick, count);
      if (::testing::Test::HasFatalFailure()) return;
    }
  }
}

TEST(Pick, EveryElementIndexAndCount) {
  testing::ForEachTarget([] {
    CheckElements<uint8_t>();
    CheckElements<uint16_t>();
    CheckElements<uint32_t>();
    CheckElements<uint64_t>();
  });
}

}  // namespace
}  // namespace kinglet::kernels::pick_test
