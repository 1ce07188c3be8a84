#include "kernels/eltwise/select.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "tests/support/targets.h"

namespace kinglet::kernels::select_test {
namespace {

using testing::ForEachTarget;

template <typename T>
void Check(size_t n) {
  const auto condition = std::make_unique<bool[]>(n + 1);
  std::vector<T> yes(n + 1), no(n + 1);
  for (size_t i = 0; i < n; ++i) {
    condition[i] = i * 7 % 5 < 2;
    yes[i] = static_cast<T>(3 * i + 1);
    no[i] = static_cast<T>(5 * i + 2);
  }
  yes[n] = no[n] = T{9};
  for (const bool yes_repeats : {false, true}) {
    for (const bool no_repeats : {false, true}) {
      std::vector<T> y(n + 1, T{77});
      GetSelect(sizeof(T))(condition.get(), {yes.data(), yes_repeats}, {no.data(), no_repeats},
                           y.data(), n);
      for (size_t i = 0; i < n; ++i) {
        ASSERT_EQ(y[i], condition[i] ? yes[yes_repeats ? 0 : i] : no[no_repeats ? 0 : i])
            << i << " of " << n;
      }
      ASSERT_EQ(y[n], T{77});
    }
  }
}

TEST(Select, EveryLengthAndElementSize) {
  ForEachTarget([] {
    for (size_t n = 0; n <= 70; ++n) {
      Check<uint8_t>(n);
      Check<uint16_t>(n);
      Check<uint32_t>(n);
      Check<uint64_t>(n);
      if (::testing::Test::HasFatalFailure()) return;
    }
  });
}

}  // namespace
}  // namespace kinglet::kernels::select_test
