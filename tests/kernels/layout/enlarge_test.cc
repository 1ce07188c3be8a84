#include "kernels/layout/enlarge.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <type_traits>
#include <vector>

#include "kernels/common/blocked.h"
#include "tests/support/guarded_buffer.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::enlarge_test {
namespace {

using testing::GuardedBuffer;
using Pixel = std::array<uint8_t, kPixelBytes>;

template <typename T>
T ValueOf(size_t i) {
  if constexpr (std::is_same_v<T, Pixel>) {
    Pixel pixel;
    for (size_t k = 0; k < pixel.size(); ++k) pixel[k] = static_cast<uint8_t>(7 * i + k);
    return pixel;
  } else {
    return static_cast<T>(7 * i + 3);
  }
}

template <typename T>
void Check(const Enlarge& e, int64_t rows) {
  ASSERT_TRUE(e.width >= 0 && e.columns_by > 0 && e.rows_by > 0 && rows >= 0);  // for the compiler
  std::vector<T> values(static_cast<size_t>(e.width) * static_cast<size_t>(rows));
  for (size_t i = 0; i < values.size(); ++i) values[i] = ValueOf<T>(i);
  const GuardedBuffer<T> x(values, 1);
  GuardedBuffer<T> y(values.size() * static_cast<size_t>(e.columns_by * e.rows_by), 1);
  GetEnlarge(sizeof(T))(e, x.data(), rows, y.data());
  const int64_t columns = e.width * e.columns_by;
  for (int64_t r = 0; r < rows * e.rows_by; ++r) {
    for (int64_t i = 0; i < columns; ++i) {
      const int64_t from = r / e.rows_by * e.width + i / e.columns_by;
      ASSERT_EQ(y[static_cast<size_t>(r * columns + i)], values[static_cast<size_t>(from)])
          << "row " << r << ", column " << i << " of " << columns << ", elements of " << sizeof(T);
    }
  }
  ASSERT_TRUE(y.Intact());
}

template <typename T>
void CheckSizes() {
  for (const int64_t width : {0, 1, 3, 4, 7, 8, 15, 16, 17, 31, 33, 64, 70, 130}) {
    for (int64_t columns_by = 1; columns_by <= 5; ++columns_by) {
      for (int64_t rows_by = 1; rows_by <= 3; ++rows_by) {
        Check<T>({width, columns_by, rows_by}, 2);
        if (::testing::Test::HasFatalFailure()) return;
      }
    }
  }
}

TEST(Enlarge, EveryElementWidthAndFactor) {
  testing::ForEachTarget([] {
    CheckSizes<uint8_t>();
    CheckSizes<uint16_t>();
    CheckSizes<uint32_t>();
    CheckSizes<uint64_t>();
    CheckSizes<Pixel>();
  });
}

}  // namespace
}  // namespace kinglet::kernels::enlarge_test
