#include <cmath>
#include <limits>
#include <numeric>

#include "tests/support/nms_reference.h"
#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test::batched_nms_test {
namespace {

constexpr std::int64_t kAll = std::numeric_limits<std::int64_t>::max();

Ints RunBatched(const Tensor& boxes, const Tensor& scores, const Tensor& groups, float threshold,
                std::int64_t most) {
  const Node node = kinglet::testing::MakeNode(
      "BatchedNonMaxSuppression", 3,
      MakeAttributes({{"iou_threshold", Float(threshold)}, {"max_output", Int(most)}}), 17, 1,
      "kinglet");
  const std::vector<const Tensor*> inputs = {&boxes, &scores, &groups};
  return ValuesOf<std::int64_t>(EvaluateNode(node, inputs, {})[0]);
}

struct Case {
  Tensor boxes, scores, groups;
};

// On a grid, so that every area is exact; equal scores.
Case MakeCase(std::int64_t count, std::int64_t groups, float extent) {
  Case c{Random({count, 4}, 5, -3, extent), Random({count}, 6, 0, 64),
         Tensor(DataType::kInt64, {count})};
  for (std::int64_t i = 0; i < count; ++i) {
    float* box = c.boxes.data<float>() + 4 * i;
    for (int k = 0; k < 4; ++k) box[k] = std::floor(box[k]);
    c.scores.data<float>()[i] = std::floor(c.scores.data<float>()[i]) / 64;
    c.groups.data<std::int64_t>()[i] = i * 7 % groups;
  }
  return c;
}

Ints Expected(const Case& c, float threshold, std::int64_t most) {
  const std::int64_t count = c.scores.size();
  Floats moved = ValuesOf<float>(c.boxes);
  const float greatest = count == 0 ? 0 : *std::max_element(moved.begin(), moved.end());
  for (std::size_t i = 0; i < moved.size(); ++i) {
    moved[i] += static_cast<float>(c.groups.data<std::int64_t>()[i / 4]) * (greatest + 1);
  }
  const auto selected = kinglet::testing::ReferenceNms(
      {threshold, most, kernels::BoxForm::kCornersAnyOrder}, moved.data(),
      ValuesOf<float>(c.scores), {-std::numeric_limits<float>::infinity(), true});
  return Ints(selected.begin(), selected.end());
}

TEST(BatchedNonMaxSuppression, EveryCountAndLimit) {
  for (const std::int64_t count : {0, 1, 2, 5, 100, 3000}) {
    for (const float extent : {9.0f, 60.0f}) {
      const Case c = MakeCase(count, 5, extent);
      for (const std::int64_t most :
           {std::int64_t{0}, std::int64_t{-1}, std::int64_t{3}, std::int64_t{150}, kAll}) {
        EXPECT_EQ(RunBatched(c.boxes, c.scores, c.groups, 0.5f, most), Expected(c, 0.5f, most))
            << count << " boxes, " << most;
      }
    }
  }
}

TEST(BatchedNonMaxSuppression, TypesOfGroups) {
  const Case c = MakeCase(80, 4, 12);
  Tensor ints(DataType::kInt32, {80}), floats(DataType::kFloat32, {80});
  for (std::int64_t i = 0; i < 80; ++i) {
    ints.data<std::int32_t>()[i] = static_cast<std::int32_t>(c.groups.data<std::int64_t>()[i]);
    floats.data<float>()[i] = static_cast<float>(c.groups.data<std::int64_t>()[i]);
  }
  const Ints expected = Expected(c, 0.3f, kAll);
  EXPECT_EQ(RunBatched(c.boxes, c.scores, ints, 0.3f, kAll), expected);
  EXPECT_EQ(RunBatched(c.boxes, c.scores, floats, 0.3f, kAll), expected);
  ExpectError(ErrorCode::kUnsupported,
              [&] { RunBatched(c.boxes, c.scores, Tensor(DataType::kBool, {80}), 0.3f, kAll); });
}

TEST(BatchedNonMaxSuppression, BoxesThatAreNone) {
  Case c = MakeCase(20, 2, 12);
  c.boxes.data<float>()[13] = std::nanf("");
  // With a greatest coordinate that is none, no box is one, and all are selected.
  EXPECT_EQ(RunBatched(c.boxes, c.scores, c.groups, 0.3f, kAll).size(), 20u);
  c.boxes.data<float>()[13] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(RunBatched(c.boxes, c.scores, c.groups, 0.3f, kAll).size(), 20u);
}

TEST(BatchedNonMaxSuppression, WrongInputs) {
  const Case c = MakeCase(20, 2, 12);
  const auto fails = [&](const Tensor& boxes, const Tensor& scores, float threshold) {
    ExpectError(ErrorCode::kInvalidModel,
                [&] { RunBatched(boxes, scores, c.groups, threshold, kAll); });
  };
  fails(Random({20, 5}, 1), c.scores, 0.5f);
  fails(Random({21, 4}, 1), c.scores, 0.5f);
  fails(c.boxes, Random({20, 1}, 1), 0.5f);
  fails(c.boxes, c.groups, 0.5f);
  fails(c.boxes, c.scores, 1.5f);
  fails(c.boxes, c.scores, std::nanf(""));
}

}  // namespace
}  // namespace kinglet::test::batched_nms_test
