#include <cmath>

#include "tests/support/op_runner.h"
#include "tests/support/op_test.h"

namespace kinglet::test::loss_test {
namespace {

constexpr std::int64_t kNone = -1000;  // no label is ignored

struct Case {
  Shape scores;
  std::string reduction;
  bool weighted = false;
  std::int64_t ignored = kNone;
};

struct Expected {
  std::vector<double> losses;
  double sum = 0, weight = 0;
  std::vector<double> log;  // of all scores
};

// By the definition, place by place.
Expected Naive(const Case& c, const Tensor& x, const Tensor& labels, const Tensor& weights,
               bool softmax) {
  Expected e;
  const std::int64_t classes = c.scores[1],
                     places = labels.size() / std::max<std::int64_t>(c.scores[0], 1);
  e.log.resize(static_cast<std::size_t>(x.size()));
  for (std::int64_t i = 0; i < labels.size(); ++i) {
    const auto at = [&](std::int64_t k) {
      return (i / places * classes + k) * places + i % places;
    };
    double total = 0;
    for (std::int64_t k = 0; k < classes; ++k)
      total += std::exp(static_cast<double>(x.data<float>()[at(k)]));
    for (std::int64_t k = 0; k < classes; ++k) {
      e.log[static_cast<std::size_t>(at(k))] =
          static_cast<double>(x.data<float>()[at(k)]) - (softmax ? std::log(total) : 0);
    }
    const std::int64_t label = labels.data<std::int64_t>()[i];
    const bool counts = label != c.ignored;
    const double weight = !counts      ? 0
                          : c.weighted ? static_cast<double>(weights.data<float>()[label])
                                       : 1;
    e.losses.push_back(counts ? -e.log[static_cast<std::size_t>(at(label))] * weight : 0);
    e.sum += e.losses.back();
    e.weight += weight;
  }
  return e;
}

Attributes AttributesOf(const Case& c) {
  Attributes attributes = MakeAttributes({{"reduction", Attribute(c.reduction)}});
  if (c.ignored != kNone) attributes.Set("ignore_index", c.ignored);
  return attributes;
}

void ExpectLoss(const Case& c, bool softmax) {
  SCOPED_TRACE(ShapeToString(c.scores) + " " + c.reduction + (softmax ? " softmax" : ""));
  const Tensor x = Random(c.scores, 1, -3, 3), weights = Random({c.scores[1]}, 2, 0.1f, 1);
  Shape shape = c.scores;
  shape.erase(shape.begin() + 1);
  Tensor labels(DataType::kInt64, shape);
  for (std::int64_t i = 0; i < labels.size(); ++i) {
    labels.data<std::int64_t>()[i] =
        i % 4 == 3 && c.ignored != kNone ? c.ignored : (i * 3 + 1) % c.scores[1];
  }
  const Expected e = Naive(c, x, labels, weights, softmax);
  std::vector<Tensor> inputs{x, labels};
  if (c.weighted) inputs.push_back(weights);
  const char* op = softmax ? "SoftmaxCrossEntropyLoss" : "NegativeLogLikelihoodLoss";
  const auto outputs = EvaluateOp(op, inputs, AttributesOf(c), 13, softmax ? 2 : 1);
  if (softmax) {
    ASSERT_EQ(outputs[1].shape(), c.scores);
    for (std::int64_t i = 0; i < x.size(); ++i) {
      EXPECT_NEAR(outputs[1].data<float>()[i], e.log[static_cast<std::size_t>(i)], 1e-5);
    }
  }
  if (c.reduction == "none") {
    ASSERT_EQ(outputs[0].shape(), shape);
    for (std::int64_t i = 0; i < labels.size(); ++i) {
      EXPECT_NEAR(outputs[0].data<float>()[i], e.losses[static_cast<std::size_t>(i)], 1e-5);
    }
  } else {
    ASSERT_EQ(outputs[0].shape(), Shape{});
    EXPECT_NEAR(outputs[0].data<float>()[0], c.reduction == "sum" ? e.sum : e.sum / e.weight, 1e-4);
  }
}

TEST(Loss, EveryReductionWeightAndShape) {
  for (const Shape& shape :
       {Shape{3, 5}, Shape{3, 5, 2}, Shape{3, 5, 6, 6}, Shape{1, 2, 2, 1, 3, 2}}) {
    for (const char* reduction : {"none", "sum", "mean"}) {
      for (const bool weighted : {false, true}) {
        for (const std::int64_t ignored :
             {kNone, std::int64_t{0}, std::int64_t{-1}, std::int64_t{10}}) {
          ExpectLoss({shape, reduction, weighted, ignored}, false);
          ExpectLoss({shape, reduction, weighted, ignored}, true);
        }
      }
    }
  }
}

TEST(Loss, DoublesAndInt32ByHand) {
  const Tensor x = Of<double>({2, 3}, {-1, -2, -3, -4, -5, -6});
  const Tensor labels = Of<std::int32_t>({2}, {2, 0});
  EXPECT_EQ(ValuesOf<double>(RunOp("NegativeLogLikelihoodLoss", {x, labels}))[0], 3.5);
  EXPECT_EQ(ValuesOf<double>(
                RunOp("NegativeLogLikelihoodLoss", {x, labels}, {{"reduction", Text("none")}})),
            (std::vector<double>{3, 4}));
  const double log_sum = std::log(1 + std::exp(-1.0) + std::exp(-2.0));
  EXPECT_NEAR(RunOp("SoftmaxCrossEntropyLoss", {x, labels}).data<double>()[0],
              (2 + 2 * log_sum) / 2, 1e-14);
}

TEST(Loss, EmptyAndWrong) {
  const auto labels = [](Ints values) {
    const auto count = static_cast<std::int64_t>(values.size());
    return Of<std::int64_t>({count}, std::move(values));
  };
  EXPECT_EQ(RunOp("NegativeLogLikelihoodLoss", {Random({0, 3}, 1), labels({})},
                  {{"reduction", Text("none")}})
                .shape(),
            Shape{0});
  EXPECT_EQ(ValuesOf<float>(RunOp("NegativeLogLikelihoodLoss", {Random({0, 3}, 1), labels({})},
                                  {{"reduction", Text("sum")}})),
            Floats{0});
  const Tensor x = Random({2, 3}, 1);
  for (const char* op : {"NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"}) {
    const auto wrong = [&](const std::vector<Tensor>& inputs, AttributeList list = {}) {
      ExpectError(ErrorCode::kInvalidModel, [&] { RunOp(op, inputs, list); });
    };
    wrong({Random({3}, 1), labels({0, 1, 2})});
    wrong({x, labels({0})});
    wrong({x, labels({0, 1}), Random({2}, 1)});
    wrong({x, labels({0, 1}), Of<double>({3}, {1, 2, 3})});
    wrong({x, labels({0, 1})}, {{"reduction", Text("max")}});
    wrong({x, Random({2}, 1)});
    ExpectError(ErrorCode::kInvalidInput, [&] { RunOp(op, {x, labels({0, 3})}); });
    ExpectError(ErrorCode::kInvalidInput, [&] { RunOp(op, {x, labels({-1, 0})}); });
    ExpectError(ErrorCode::kInvalidInput, [&] { RunOp(op, {Random({1, 0}, 1), labels({0})}); });
  }
}

}  // namespace
}  // namespace kinglet::test::loss_test
