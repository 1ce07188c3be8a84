#include "kernels/sample/sample.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

#include "kernels/common/aligned.h"
#include "tests/support/guarded_buffer.h"
#include "tests/support/sample_reference.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::sample_test {
namespace {

using testing::ForEachTarget;
using testing::GuardedBuffer;
using testing::SampleReference;

constexpr auto kAtOnce = static_cast<size_t>(kSamplesAtOnce);

// The tables of kSamplesAtOnce places of a map.
template <typename T>
struct Tables {
  explicit Tables(const SampleMap& map)
      : places(static_cast<size_t>(map.rank) * kAtOnce),
        factors(kAtOnce),
        weights(static_cast<size_t>(TapCount(map)) * kAtOnce),
        offsets(static_cast<size_t>(TapCount(map)) * kAtOnce) {}
  GuardedBuffer<T> places, factors, weights;
  GuardedBuffer<SampleOffset<T>> offsets;
};

std::vector<SampleMap> AllMaps() {
  std::vector<SampleMap> maps;
  for (const auto mode : {SampleMode::kNearest, SampleMode::kLinear, SampleMode::kCubic}) {
    for (const auto outside :
         {SampleOutside::kZero, SampleOutside::kBorder, SampleOutside::kReflect}) {
      for (const bool align : {false, true}) {
        maps.push_back({1, {7, 0, 0}, mode, outside, align});
        maps.push_back({2, {5, 6, 0}, mode, outside, align});
        maps.push_back({2, {1, 2, 0}, mode, outside, align});
        maps.push_back({3, {3, 4, 2}, mode, outside, align});
      }
    }
  }
  return maps;
}

int64_t Elements(const SampleMap& map) {
  int64_t count = 1;
  for (int axis = 0; axis < map.rank; ++axis) count *= map.sizes[axis];
  return count;
}

template <typename T>
void ExpectSamples(const SampleMap& map, bool factors,
                   decltype(SampleFunctions<T>::gather) gather) {
  std::mt19937 generator(7);
  std::uniform_real_distribution<T> place(T{-9}, T{14}), value(T{-1}, T{1});
  Tables<T> t(map);
  for (size_t i = 0; i < t.places.size(); ++i) {
    t.places.data()[i] = i % 7 == 0 ? std::floor(place(generator)) : place(generator);
  }
  for (size_t i = 0; i < kAtOnce; ++i) t.factors.data()[i] = value(generator);
  std::vector<T> elements(static_cast<size_t>(Elements(map)));
  for (T& x : elements) x = value(generator);
  const SampleFunctions<T>& functions = SampleFunctionsOf<T>(GetSampleTable());
  functions.fill(map, t.places.data(), factors ? t.factors.data() : nullptr, t.offsets.data(),
                 t.weights.data());
  ASSERT_TRUE(t.offsets.Intact() && t.weights.Intact());
  for (const int64_t count : {kSamplesAtOnce, int64_t{1}, int64_t{13}, int64_t{0}}) {
    GuardedBuffer<T> y(static_cast<size_t>(count), 1);
    gather(t.offsets.data(), t.weights.data(), TapCount(map), count, elements.data(), y.data());
    ASSERT_TRUE(y.Intact());
    for (int64_t p = 0; p < count; ++p) {
      double places[kSampleRank] = {};
      for (int axis = 0; axis < map.rank; ++axis) {
        places[axis] = static_cast<double>(
            t.places[static_cast<size_t>(axis) * kAtOnce + static_cast<size_t>(p)]);
      }
      const double factor = factors ? static_cast<double>(t.factors[static_cast<size_t>(p)]) : 1.0;
      const double expected = factor * SampleReference(map).At(places, [&](int64_t offset) {
        return static_cast<double>(elements[static_cast<size_t>(offset)]);
      });
      // The coordinates' rounding counts as well as that of the sum.
      ASSERT_NEAR(static_cast<double>(y[static_cast<size_t>(p)]), expected,
                  static_cast<double>(TapCount(map) + 16) *
                      static_cast<double>(std::numeric_limits<T>::epsilon()) * 8)
          << "mode " << static_cast<int>(map.mode) << " outside " << static_cast<int>(map.outside)
          << " align " << map.align_corners << " rank " << map.rank << " place " << places[0] << " "
          << places[1];
    }
  }
}

TEST(Sample, EveryModeAsDefined) {
  ForEachTarget([] {
    for (const SampleMap& map : AllMaps()) {
      for (const bool factors : {false, true}) {
        const SampleTable& table = GetSampleTable();
        ExpectSamples<float>(map, factors, table.float32.gather);
        ExpectSamples<double>(map, factors, table.float64.gather);
        ExpectSamples<float>(map, factors, GatherOf<float>(table, map));
        ExpectSamples<double>(map, factors, GatherOf<double>(table, map));
        if (::testing::Test::HasFatalFailure()) return;
      }
    }
  });
}

TEST(Sample, BlockedReadsSixteenChannels) {
  ForEachTarget([] {
    const SampleMap map{2, {5, 6, 0}, SampleMode::kLinear, SampleOutside::kZero, false};
    Tables<float> t(map);
    for (size_t i = 0; i < t.places.size(); ++i) {
      t.places.data()[i] = static_cast<float>(i % 41) * 0.37f - 3;
    }
    const SampleTable& table = GetSampleTable();
    table.float32.fill(map, t.places.data(), nullptr, t.offsets.data(), t.weights.data());
    std::vector<float> blocked(30 * 16), plain(16 * 30);
    for (size_t i = 0; i < blocked.size(); ++i) {
      blocked[i] = static_cast<float>(i * 7919 % 101) - 50;
      plain[i % 16 * 30 + i / 16] = blocked[i];
    }
    for (const int64_t count : {int64_t{0}, int64_t{1}, int64_t{37}, kSamplesAtOnce}) {
      GuardedBuffer<float> y(static_cast<size_t>(count) * 16, 1),
          channel(static_cast<size_t>(count));
      table.gather_blocked(t.offsets.data(), t.weights.data(), 4, count, blocked.data(), y.data());
      ASSERT_TRUE(y.Intact());
      for (size_t c = 0; c < 16; ++c) {
        table.float32.gather(t.offsets.data(), t.weights.data(), 4, count, plain.data() + c * 30,
                             channel.data());
        for (size_t p = 0; p < channel.size(); ++p) {
          ASSERT_NEAR(y[p * 16 + c], channel[p], 1e-4f);
        }
      }
    }
  });
}

// Nothing is read that is not there, whatever the coordinates; and an element that is not read does
// not show, infinite or not.
TEST(Sample, AnyCoordinate) {
  ForEachTarget([] {
    const float inf = std::numeric_limits<float>::infinity();
    const float odd[] = {std::nanf(""), inf, -inf, 1e30f, -1e30f, 3e9f, -3e9f, 0x1p30f, 0.0f};
    for (const SampleMap& map : AllMaps()) {
      Tables<float> t(map);
      for (size_t i = 0; i < t.places.size(); ++i) t.places.data()[i] = odd[i % std::size(odd)];
      GetSampleTable().float32.fill(map, t.places.data(), nullptr, t.offsets.data(),
                                    t.weights.data());
      for (size_t i = 0; i < t.offsets.size(); ++i) {
        ASSERT_GE(t.offsets[i], 0);
        ASSERT_LT(t.offsets[i], Elements(map));
        ASSERT_TRUE(std::isfinite(t.weights[i]));
      }
    }
    const SampleMap map{1, {2, 0, 0}, SampleMode::kLinear, SampleOutside::kZero, false};
    Tables<float> t(map);
    std::fill_n(t.places.data(), kAtOnce, -5.0f);
    GetSampleTable().float32.fill(map, t.places.data(), nullptr, t.offsets.data(),
                                  t.weights.data());
    const float elements[] = {inf, std::nanf("")};
    const SampleTable& table = GetSampleTable();
    for (const auto gather : {table.float32.gather, table.gather_pairs}) {
      float y[3] = {1, 1, 1};
      gather(t.offsets.data(), t.weights.data(), 2, 3, elements, y);
      for (const float v : y) EXPECT_EQ(v, 0.0f);
    }
  });
}

}  // namespace
}  // namespace kinglet::kernels::sample_test
