#include <limits>

#include "tests/support/nms_reference.h"
#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test::non_max_suppression_test {
namespace {

struct Case {
  Tensor boxes, scores;
};

// Corners in any order, on a grid, so that every area is exact.
Case MakeCase(std::int64_t images, std::int64_t classes, std::int64_t count) {
  Case c{Random({images, count, 4}, 5, 0, 20), Random({images, classes, count}, 6, 0, 8)};
  for (std::int64_t i = 0; i < c.boxes.size(); ++i) {
    c.boxes.data<float>()[i] = std::floor(c.boxes.data<float>()[i]);
  }
  for (std::int64_t i = 0; i < c.scores.size(); ++i) {
    c.scores.data<float>()[i] = std::floor(c.scores.data<float>()[i]) / 8;
  }
  return c;
}

Ints Expected(const Case& c, const kernels::Nms& nms, const kernels::ScoreLimit& limit) {
  const std::int64_t classes = c.scores.shape()[1], count = c.scores.shape()[2];
  Ints triples;
  for (std::int64_t n = 0; n < c.scores.shape()[0]; ++n) {
    for (std::int64_t k = 0; k < classes; ++k) {
      const float* scores = c.scores.data<float>() + (n * classes + k) * count;
      const auto selected = kinglet::testing::ReferenceNms(
          nms, c.boxes.data<float>() + n * count * 4, Floats(scores, scores + count), limit);
      for (const std::uint32_t box : selected) triples.insert(triples.end(), {n, k, box});
    }
  }
  return triples;
}

TEST(NonMaxSuppression, ImagesAndClasses) {
  for (const bool centre : {false, true}) {
    for (const std::int64_t count : {1, 60, 3000}) {
      const Case c = MakeCase(2, 3, count);
      for (const std::int64_t most : {std::int64_t{3}, std::numeric_limits<std::int64_t>::max()}) {
        const Tensor found = RunOp("NonMaxSuppression",
                                   {c.boxes, c.scores, Of<std::int64_t>({1}, {most}),
                                    Of<float>({1}, {0.5f}), Of<float>({}, {0.25f})},
                                   {{"center_point_box", Int(centre ? 1 : 0)}}, 11);
        const auto form =
            centre ? kernels::BoxForm::kCentreSize : kernels::BoxForm::kCornersAnyOrder;
        const Ints expected = Expected(c, {0.5f, most, form}, {0.25f});
        EXPECT_EQ(ValuesOf<std::int64_t>(found), expected) << count << ", " << most;
        EXPECT_EQ(found.shape(), (Shape{static_cast<std::int64_t>(expected.size()) / 3, 3}));
      }
    }
  }
}

TEST(NonMaxSuppression, OptionalInputs) {
  const Case c = MakeCase(1, 2, 40);
  EXPECT_EQ(RunOp("NonMaxSuppression", {c.boxes, c.scores}, {}, 10).shape(), (Shape{0, 3}));
  const auto with = [&](std::int64_t most) {
    return RunOp("NonMaxSuppression", {c.boxes, c.scores, Of<std::int64_t>({}, {most})});
  };
  EXPECT_EQ(with(0).shape(), (Shape{0, 3}));
  EXPECT_EQ(with(-5).shape(), (Shape{0, 3}));
  const kernels::Nms nms = {0.0f, 40, kernels::BoxForm::kCornersAnyOrder};
  EXPECT_EQ(ValuesOf<std::int64_t>(with(40)), Expected(c, nms, {-1.0f}));
  const Tensor none = RunOp("NonMaxSuppression",
                            {Tensor(DataType::kFloat32, {1, 0, 4}),
                             Tensor(DataType::kFloat32, {1, 2, 0}), Of<std::int64_t>({}, {5})});
  EXPECT_EQ(none.shape(), (Shape{0, 3}));
}

TEST(NonMaxSuppression, WrongInputs) {
  const Case c = MakeCase(1, 2, 40);
  const Tensor most = Of<std::int64_t>({}, {5});
  const auto run = [&](const Tensor& boxes, const Tensor& scores, const Tensor& threshold) {
    RunOp("NonMaxSuppression", {boxes, scores, most, threshold});
  };
  const Tensor half = Of<float>({}, {0.5f});
  ExpectError(ErrorCode::kInvalidInput, [&] { run(c.boxes, c.scores, Of<float>({}, {1.5f})); });
  ExpectError(ErrorCode::kInvalidInput,
              [&] { run(c.boxes, c.scores, Of<float>({}, {std::nanf("")})); });
  ExpectError(ErrorCode::kInvalidModel, [&] {
    run(c.boxes, c.scores, Of<float>({2}, {0.5f, 0.5f}));
  });
  ExpectError(ErrorCode::kInvalidModel, [&] { run(c.boxes, c.boxes, half); });
  ExpectError(ErrorCode::kInvalidModel, [&] { run(c.scores, c.scores, half); });
  ExpectError(ErrorCode::kInvalidModel, [&] {
    run(c.boxes, Tensor(DataType::kFloat64, {1, 2, 40}), half);
  });
}

}  // namespace
}  // namespace kinglet::test::non_max_suppression_test
