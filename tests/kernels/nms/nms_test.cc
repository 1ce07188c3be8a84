#include "kernels/nms/nms.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "kernels/common/aligned.h"
#include "kernels/nms/keys.h"
#include "tests/support/nms_reference.h"
#include "tests/support/random.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::nms_test {
namespace {

using testing::ForEachTarget;
using testing::Random;

constexpr float kInf = std::numeric_limits<float>::infinity();

std::vector<uint32_t> Select(const Nms& nms, const std::vector<float>& boxes,
                             const std::vector<float>& scores, const ScoreLimit& limit) {
  std::vector<uint64_t> keys(scores.size());
  const auto count = static_cast<int64_t>(scores.size());
  const int64_t passed = GetFilterScores()(scores.data(), count, limit, keys.data());
  keys.resize(static_cast<size_t>(passed));
  AlignedBuffer<std::byte> scratch(NmsScratchBytes(nms, passed));
  const int64_t selected = GetNms()(nms, boxes.data(), keys.data(), passed, scratch.data());
  std::vector<uint32_t> result;
  for (int64_t i = 0; i < selected; ++i) result.push_back(KeyIndex(keys[static_cast<size_t>(i)]));
  return result;
}

void ExpectReference(const Nms& nms, const std::vector<float>& boxes,
                     const std::vector<float>& scores, const ScoreLimit& limit) {
  ASSERT_EQ(Select(nms, boxes, scores, limit),
            testing::ReferenceNms(nms, boxes.data(), scores, limit));
}

// Integer coordinates, so that every area is exact; corners in any order; equal scores.
struct Case {
  std::vector<float> boxes, scores;
};
Case RandomCase(size_t count, uint64_t seed, int extent, int largest, int scores) {
  Random random(seed);
  const auto below = [&](int n) {
    return static_cast<float>(random.Next() % static_cast<uint64_t>(n));
  };
  Case c;
  for (size_t i = 0; i < count; ++i) {
    const float a = below(extent), b = below(extent), h = below(largest), w = below(largest);
    const bool flip_a = below(2) > 0, flip_b = below(2) > 0;
    for (const float v :
         {flip_a ? a + h : a, flip_b ? b + w : b, flip_a ? a : a + h, flip_b ? b : b + w}) {
      c.boxes.push_back(v);
    }
    c.scores.push_back((below(scores) - 3) / 8);
  }
  return c;
}

TEST(Nms, EveryCountOfBoxes) {
  ForEachTarget([] {
    for (size_t count = 0; count <= 34; ++count) {
      const Case c = RandomCase(count, count + 1, 12, 9, 12);
      for (const float t : {0.0f, 0.25f, 0.5f, 0.75f, 1.0f}) {
        for (const int64_t most : {int64_t{0}, int64_t{1}, int64_t{5}, INT64_MAX}) {
          ExpectReference({t, most, BoxForm::kCornersAnyOrder}, c.boxes, c.scores, {0.0f});
          ExpectReference({t, most, BoxForm::kCorners}, c.boxes, c.scores, {0.0f, true});
          ExpectReference({t, most, BoxForm::kCentreSize}, c.boxes, c.scores, {-kInf, true});
        }
      }
    }
  });
}

TEST(Nms, ManyBoxes) {
  ForEachTarget([] {
    for (const int extent : {30, 300, 3000}) {
      for (const int largest : {4, 40, 1000}) {
        const Case c = RandomCase(700, 7, extent, largest, 2000);
        for (const float t : {0.0f, 0.25f, 0.5f, 1.0f}) {
          ExpectReference({t, INT64_MAX, BoxForm::kCornersAnyOrder}, c.boxes, c.scores, {-1.0f});
        }
        // A few of many: the best ones may or may not do.
        for (const int64_t most : {3, 20, 300}) {
          ExpectReference({0.5f, most, BoxForm::kCornersAnyOrder}, c.boxes, c.scores, {-1.0f});
          ExpectReference({0.01f, most, BoxForm::kCornersAnyOrder}, c.boxes, c.scores, {-1.0f});
        }
      }
    }
  });
}

// One image whose classes were moved apart, as torchvision's batched_nms does.
TEST(Nms, ClassesMovedApart) {
  ForEachTarget([] {
    Case c = RandomCase(1500, 3, 320, 200, 1 << 20);
    for (size_t i = 0; i < c.boxes.size(); ++i) {
      c.boxes[i] += static_cast<float>(i / 4 % 90) * 512.0f;
    }
    ExpectReference({0.5f, INT64_MAX, BoxForm::kCornersAnyOrder}, c.boxes, c.scores, {-1.0f});
  });
}

// Sizes from 2^-20 to 2^20 at centres that are far from the origin or not.
TEST(Nms, SizesOfEveryMagnitude) {
  ForEachTarget([] {
    Random random(11);
    Case c;
    for (int i = 0; i < 1000; ++i) {
      const float size = std::ldexp(1.0f, static_cast<int>(random.Next() % 41) - 20);
      const float a = size * static_cast<float>(random.Next() % 8);
      const float b = size * static_cast<float>(random.Next() % 8);
      for (const float v : {a, b, a + size, b + size * 2}) c.boxes.push_back(v);
      c.scores.push_back(static_cast<float>(random.Next() % 4096));
    }
    for (const float t : {0.0f, 0.25f, 0.5f}) {
      ExpectReference({t, INT64_MAX, BoxForm::kCornersAnyOrder}, c.boxes, c.scores, {-1.0f});
    }
  });
}

TEST(Nms, MalformedBoxesAndScores) {
  ForEachTarget([] {
    const float nan = std::nanf("");
    const std::vector<float> odd = {nan, kInf, -kInf, 0, -1, 1, 3e38f, -3e38f, 1e-45f, 2};
    for (const size_t count : {size_t{40}, size_t{1200}}) {
      Random random(5);
      std::vector<float> boxes, scores;
      for (size_t i = 0; i < count * 4; ++i) boxes.push_back(odd[random.Next() % odd.size()]);
      for (size_t i = 0; i < count; ++i) scores.push_back(odd[random.Next() % odd.size()]);
      for (const BoxForm form :
           {BoxForm::kCornersAnyOrder, BoxForm::kCorners, BoxForm::kCentreSize}) {
        const auto selected = Select({0.5f, INT64_MAX, form}, boxes, scores, {-kInf, true});
        for (const uint32_t i : selected) EXPECT_FALSE(std::isnan(scores[i]));
        // std::min and std::max are not symmetric in NaN; such boxes have no area either way.
        ExpectReference({0.5f, INT64_MAX, form}, boxes, scores, {-kInf, true});
      }
    }
  });
}

TEST(Nms, NanThresholdLetsNothingPass) {
  ForEachTarget([] {
    const Case c = RandomCase(20, 1, 12, 9, 12);
    EXPECT_TRUE(Select({}, c.boxes, c.scores, {std::nanf("")}).empty());
    EXPECT_TRUE(Select({}, c.boxes, c.scores, {std::nanf(""), true}).empty());
  });
}

}  // namespace
}  // namespace kinglet::kernels::nms_test
