#include <algorithm>
#include <cmath>
#include <limits>

#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test::threshold_top_k_test {
namespace {

struct Found {
  Floats values;
  Ints rows, labels;
};

Found RunColumns(const Tensor& x, AttributeList list) {
  const Node node =
      kinglet::testing::MakeNode("ThresholdTopK", 1, MakeAttributes(list), 17, 3, "kinglet");
  const std::vector<const Tensor*> inputs = {&x};
  const std::vector<Tensor> outputs = EvaluateNode(node, inputs, {});
  return {ValuesOf<float>(outputs[0]), ValuesOf<std::int64_t>(outputs[1]),
          ValuesOf<std::int64_t>(outputs[2])};
}

// Column by column, the rows above the threshold, best first.
Found Expected(const Tensor& x, std::int64_t first, std::int64_t columns, std::int64_t k,
               float threshold) {
  const std::int64_t rows = x.shape()[0];
  const std::int64_t stride = x.shape().size() == 2 ? x.shape()[1] : 1;
  Found found;
  for (std::int64_t c = 0; c < columns; ++c) {
    const auto at = [&](std::int64_t row) { return x.data<float>()[row * stride + first + c]; };
    Ints passed;
    for (std::int64_t row = 0; row < rows; ++row) {
      if (at(row) > threshold) passed.push_back(row);
    }
    std::stable_sort(passed.begin(), passed.end(),
                     [&](std::int64_t a, std::int64_t b) { return at(a) > at(b); });
    passed.resize(static_cast<std::size_t>(std::min(k, static_cast<std::int64_t>(passed.size()))));
    for (const std::int64_t row : passed) {
      found.values.push_back(at(row));
      found.rows.push_back(row);
      found.labels.push_back(5 + c);
    }
  }
  return found;
}

// Multiples of 1/64, so that there are equal ones, and some that are no scores.
Tensor Scores(Shape shape) {
  Tensor x = Random(std::move(shape), 3);
  float* data = x.data<float>();
  for (std::int64_t i = 0; i < x.size(); ++i) {
    data[i] = std::floor(64 * data[i]) / 64;
    if (i % 37 == 5) data[i] = std::nanf("");
    if (i % 41 == 7) data[i] = -0.0f;
    if (i % 43 == 9) data[i] = -std::numeric_limits<float>::infinity();
  }
  return x;
}

TEST(ThresholdTopK, ColumnsOfEverySize) {
  for (const std::int64_t rows : {0, 1, 7, 100, 2500}) {
    for (const std::int64_t columns : {1, 16, 17, 40}) {
      const Tensor x = Scores({rows, columns + 3});
      for (const std::int64_t k : {0, 1, 30, 5000}) {
        for (const float threshold : {-2.0f, -1.0f / 64, 0.25f, 2.0f}) {
          const Found found = RunColumns(x, {{"first_column", Int(2)},
                                             {"columns", Int(columns)},
                                             {"first_label", Int(5)},
                                             {"k", Int(k)},
                                             {"threshold", Float(threshold)}});
          const Found expected = Expected(x, 2, columns, k, threshold);
          ASSERT_EQ(found.values, expected.values) << rows << " x " << columns << ", k " << k;
          ASSERT_EQ(found.rows, expected.rows);
          ASSERT_EQ(found.labels, expected.labels);
        }
      }
    }
  }
}

TEST(ThresholdTopK, AnyOrder) {
  const Tensor x = Scores({900, 20});
  const Found found = RunColumns(x, {{"columns", Int(20)},
                                     {"first_label", Int(5)},
                                     {"k", Int(50)},
                                     {"threshold", Float(0.1f)},
                                     {"sorted", Int(0)}});
  const Found expected = Expected(x, 0, 20, 50, 0.1f);
  ASSERT_EQ(found.rows.size(), expected.rows.size());
  EXPECT_EQ(found.labels, expected.labels);
  for (std::size_t i = 0; i < found.rows.size(); i += 50) {
    // The same rows of each column; the lower ones of equals.
    const auto rows = [&](const Found& f) {
      const auto begin = f.rows.begin() + static_cast<std::ptrdiff_t>(i);
      Ints sorted(begin, begin + 50);
      std::sort(sorted.begin(), sorted.end());
      return sorted;
    };
    EXPECT_EQ(rows(found), rows(expected));
  }
}

TEST(ThresholdTopK, Lists) {
  for (const std::int64_t rows : {0, 5, 40000}) {
    const Tensor x = Scores({rows});
    for (const bool sorted : {true, false}) {
      const Found found = RunColumns(x, {{"first_label", Int(5)},
                                         {"k", Int(1000)},
                                         {"threshold", Float(0.0f)},
                                         {"sorted", Int(sorted)}});
      const Found expected = Expected(x, 0, 1, 1000, 0);
      ASSERT_EQ(found.rows.size(), expected.rows.size());
      if (sorted) {
        EXPECT_EQ(found.rows, expected.rows);
      }
    }
  }
}

TEST(ThresholdTopK, WrongInputs) {
  const Tensor x = Scores({4, 3});
  const auto fails = [](const Tensor& t, AttributeList list) {
    ExpectError(ErrorCode::kInvalidModel, [&] { RunColumns(t, list); });
  };
  fails(x, {{"columns", Int(4)}});
  fails(x, {{"first_column", Int(-1)}});
  fails(x, {{"first_column", Int(3)}});
  fails(x, {{"columns", Int(std::numeric_limits<std::int64_t>::max())}, {"first_column", Int(1)}});
  fails(x, {{"columns", Int(-1)}});
  fails(x, {{"k", Int(-1)}});
  fails(Scores({}), {});
  fails(Scores({2, 2, 2}), {});
  fails(Of<std::int64_t>({2}, {1, 2}), {});
  const Found found =
      RunColumns(x, {{"k", Int(9)},
                     {"columns", Int(3)},
                     {"first_label", Int(std::numeric_limits<std::int64_t>::max())}});
  EXPECT_FALSE(found.labels.empty());
}

}  // namespace
}  // namespace kinglet::test::threshold_top_k_test
