#include "kernels/eltwise/rows.h"

#include <gtest/gtest.h>

#include <vector>

#include "tests/support/guarded_buffer.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::rows_test {
namespace {

using testing::GuardedBuffer;
using testing::RandomFloats;

TEST(Rows, AddEveryCountAndStride) {
  testing::ForEachTarget([] {
    for (int64_t count = 0; count <= 70; ++count) {
      const int64_t rows = 3, x_stride = count + 2, y_stride = count + 1;
      const auto size = [&](int64_t stride) {
        return static_cast<size_t>((rows - 1) * stride + count);
      };
      const GuardedBuffer<float> x(RandomFloats(size(x_stride), 1), 1);
      GuardedBuffer<float> y(RandomFloats(size(y_stride), 2), 1);
      std::vector<float> want = y.values();
      for (int64_t r = 0; r < rows; ++r) {
        for (int64_t i = 0; i < count; ++i) {
          want[static_cast<size_t>(r * y_stride + i)] += x[static_cast<size_t>(r * x_stride + i)];
        }
      }
      GetRowsTable().add(x.data(), x_stride, rows, count, y.data(), y_stride);
      ASSERT_EQ(y.values(), want) << count;
      ASSERT_TRUE(y.Intact());
    }
  });
}

TEST(Rows, InterleaveEveryCountAndNumber) {
  testing::ForEachTarget([] {
    for (int64_t count = 0; count <= 70; ++count) {
      for (int64_t phases = 1; phases <= 4; ++phases) {
        for (const int64_t stride : {int64_t{0}, count + 3}) {
          const auto size = static_cast<size_t>((phases - 1) * stride + count);
          const GuardedBuffer<float> x(RandomFloats(size, 3), 1);
          GuardedBuffer<float> y(static_cast<size_t>(count * phases), 1);
          GetRowsTable().interleave(x.data(), phases, stride, count, y.data());
          for (int64_t i = 0; i < count; ++i) {
            for (int64_t p = 0; p < phases; ++p) {
              ASSERT_EQ(y[static_cast<size_t>(i * phases + p)],
                        x[static_cast<size_t>(p * stride + i)])
                  << count << ' ' << phases << ' ' << stride;
            }
          }
          ASSERT_TRUE(y.Intact());
        }
      }
    }
  });
}

}  // namespace
}  // namespace kinglet::kernels::rows_test
