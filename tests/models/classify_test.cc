#include "kinglet/classify.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "engine/graph/ir.h"
#include "kinglet/error.h"

namespace kinglet::classify_test {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::vector<std::size_t> Indices(std::vector<float> scores, std::size_t count) {
  std::vector<std::size_t> indices;
  for (const ClassScore& score : TopScores(scores, count)) {
    indices.push_back(score.index);
    EXPECT_TRUE(score.score == scores[score.index] || std::isnan(score.score));
  }
  return indices;
}

TEST(TopScoresTest, AreBestFirst) {
  EXPECT_THAT(Indices({0.1f, 0.7f, 0.2f}, 2), ElementsAre(1, 2));
  EXPECT_THAT(Indices({0.1f, 0.7f, 0.2f}, 9), ElementsAre(1, 2, 0));
  EXPECT_THAT(Indices({}, 3), ElementsAre());
  EXPECT_THAT(Indices({1.0f}, 0), ElementsAre());
}

TEST(TopScoresTest, TiesGoToTheLowerIndex) {
  EXPECT_THAT(Indices({0.5f, 0.25f, 0.5f, 0.25f, 0.5f}, 4), ElementsAre(0, 2, 4, 1));
  EXPECT_THAT(Indices({0.0f, -0.0f, 0.0f}, 3), ElementsAre(0, 1, 2));
}

TEST(TopScoresTest, NanIsLast) {
  const float nan = std::nanf("");
  const float inf = std::numeric_limits<float>::infinity();
  EXPECT_THAT(Indices({nan, -inf, nan, 1.0f, inf}, 5), ElementsAre(4, 3, 1, 0, 2));
}

TEST(SoftmaxTest, SumsToOneAndIsStable) {
  std::vector<float> scores = {1000.0f, 1001.0f, 998.0f};
  Softmax(scores);
  const double e = std::exp(1.0);
  const double sum = 1.0 + e + std::exp(-2.0);
  EXPECT_NEAR(scores[0], 1.0 / sum, 1e-6);
  EXPECT_NEAR(scores[1], e / sum, 1e-6);
  EXPECT_NEAR(scores[2], std::exp(-2.0) / sum, 1e-6);
  std::vector<float> none;
  Softmax(none);
  EXPECT_TRUE(none.empty());
}

TEST(ClassScoresTest, TakesBatchesAndSizesOfOne) {
  const std::vector<float> values = {1, 2, 3, 4, 5, 6};
  for (const Shape& shape : {Shape{2, 3}, Shape{2, 3, 1, 1}, Shape{2, 1, 1, 3}}) {
    const auto scores = ClassScores(Tensor::From<float>(shape, values), ScoreActivation::kNone);
    EXPECT_THAT(scores, ElementsAre(ElementsAre(1, 2, 3), ElementsAre(4, 5, 6)));
  }
  const auto scores =
      ClassScores(Tensor::From<double>({1, 2}, {0.0, 0.0}), ScoreActivation::kSoftmax);
  EXPECT_THAT(scores, ElementsAre(ElementsAre(0.5f, 0.5f)));
}

TEST(ClassScoresTest, ReadsHalfPrecision) {
  const std::uint16_t halves[] = {0x3C00, 0xC000, 0x0001, 0x7C00, 0x3555};
  const Tensor tensor = Tensor::Wrap(DataType::kFloat16, {1, 5}, halves, sizeof(halves), nullptr);
  const auto scores = ClassScores(tensor, ScoreActivation::kNone);
  EXPECT_EQ(scores[0][0], 1.0f);
  EXPECT_EQ(scores[0][1], -2.0f);
  EXPECT_EQ(scores[0][2], std::ldexp(1.0f, -24));
  EXPECT_EQ(scores[0][3], std::numeric_limits<float>::infinity());
  EXPECT_NEAR(scores[0][4], 1.0f / 3.0f, 1e-4f);
}

TEST(ClassScoresTest, RefusesOtherShapesAndTypes) {
  const auto refused = [](const Tensor& tensor) {
    EXPECT_THROW(ClassScores(tensor, ScoreActivation::kNone), Error);
  };
  refused(Tensor(DataType::kFloat32, {4}));
  refused(Tensor(DataType::kFloat32, {}));
  refused(Tensor(DataType::kFloat32, {1, 4, 4}));
  refused(Tensor(DataType::kFloat32, {0, 4}));
  refused(Tensor(DataType::kFloat32, {1, 0}));
  refused(Tensor(DataType::kInt64, {1, 4}));
}

// A chain of operators on one value, by name.
Graph Chain(const std::vector<std::string>& ops, const Shape& input = {-1, 3, 32, 48},
            const Shape& output = {-1, 1000}) {
  auto ir = std::make_unique<GraphIr>();
  const auto add = [&](const std::string& name, const Shape& dims) {
    Value value;
    value.name = name;
    value.type = DataType::kFloat32;
    value.has_shape = true;
    value.dims = dims;
    value.symbols.resize(dims.size());
    return ir->AddValue(std::move(value));
  };
  ValueId last = add("data", input);
  ir->inputs = {last};
  for (const std::string& op : ops) {
    Node node;
    node.name = node.op = op;
    node.inputs = {last};
    last = add(op + "_out", output);
    node.outputs = {last};
    ir->AddNode(std::move(node));
  }
  ir->outputs = {last};
  return Graph(std::move(ir));
}

ScoreActivation Resolved(const std::vector<std::string>& ops) {
  const Graph graph = Chain(ops);
  return ResolveActivation(ScoreActivation::kAuto, graph, graph.outputs().at(0).name);
}

TEST(RejectedTest, EveryMeasureHasItsSide) {
  const Tensors outputs = {{"logits", Tensor::From<float>({2, 3}, {4, 0, 0, 1, 1, 0.9f})},
                           {"distance", Tensor::From<float>({2, 1}, {1, 3})}};
  Descriptor descriptor;
  descriptor.output = "logits";
  descriptor.activation = ScoreActivation::kSoftmax;
  const auto scores = ClassScores(outputs.at("logits"), descriptor.activation);
  const auto rejected = [&](RejectionMeasure measure, float limit) {
    descriptor.rejection = {measure, "distance", limit};
    return Rejected(descriptor, outputs, scores);
  };
  using ::testing::ElementsAre;
  EXPECT_THAT(rejected(RejectionMeasure::kNone, 0), ElementsAre(false, false));
  EXPECT_THAT(rejected(RejectionMeasure::kScore, 0.5f), ElementsAre(false, true));
  EXPECT_THAT(rejected(RejectionMeasure::kEntropy, 1), ElementsAre(false, true));
  EXPECT_THAT(rejected(RejectionMeasure::kMaxLogit, 2), ElementsAre(false, true));
  EXPECT_THAT(rejected(RejectionMeasure::kMaxLogit, 5), ElementsAre(true, true));
  EXPECT_THAT(rejected(RejectionMeasure::kEnergy, 3), ElementsAre(false, true));
  EXPECT_THAT(rejected(RejectionMeasure::kOutput, 2), ElementsAre(false, true));
  EXPECT_THAT(rejected(RejectionMeasure::kOutput, 0.5f), ElementsAre(true, true));
  descriptor.rejection.output = "none";
  EXPECT_THROW(Rejected(descriptor, outputs, scores), Error);
}

TEST(ResolveActivationTest, LooksForASoftmaxAtTheEnd) {
  EXPECT_EQ(Resolved({"Conv", "Softmax"}), ScoreActivation::kNone);
  EXPECT_EQ(Resolved({"Softmax", "Reshape", "QuantizeLinear", "DequantizeLinear"}),
            ScoreActivation::kNone);
  EXPECT_EQ(Resolved({"Gemm", "Sigmoid"}), ScoreActivation::kNone);
  EXPECT_EQ(Resolved({"Softmax", "Gemm"}), ScoreActivation::kSoftmax);
  EXPECT_EQ(Resolved({"LogSoftmax"}), ScoreActivation::kSoftmax);  // exp(log p) / 1
  EXPECT_EQ(Resolved({}), ScoreActivation::kSoftmax);
  const Graph graph = Chain({"Softmax"});
  EXPECT_EQ(ResolveActivation(ScoreActivation::kSoftmax, graph, "Softmax_out"),
            ScoreActivation::kSoftmax);
  EXPECT_EQ(ResolveActivation(ScoreActivation::kAuto, graph, "no such output"),
            ScoreActivation::kSoftmax);
}

TEST(DraftDescriptorTest, TakesWhatTheGraphDeclares) {
  const Descriptor draft = DraftDescriptor(Chain({"Gemm", "Softmax"}), "my model");
  EXPECT_EQ(draft.name, "my_model");
  EXPECT_EQ(draft.input, "data");
  EXPECT_EQ(draft.output, "Softmax_out");
  EXPECT_EQ(draft.preprocess.height, 32);
  EXPECT_EQ(draft.preprocess.width, 48);
  EXPECT_EQ(draft.preprocess.layout, ImageLayout::kNchw);
  EXPECT_EQ(draft.activation, ScoreActivation::kNone);
  EXPECT_EQ(draft.labels, "imagenet");
  EXPECT_EQ(draft.preprocess.max_value, 1.0f);
  ASSERT_FALSE(draft.notes.empty());
  EXPECT_THAT(draft.notes[0], HasSubstr("'torch' is a guess"));
  EXPECT_NO_THROW(ParseDescriptor(DescriptorToJson(draft), "draft.json"));
}

TEST(DraftDescriptorTest, GuessesByTheNumberOfClasses) {
  const Descriptor slim = DraftDescriptor(Chain({"Gemm"}, {1, 3, 64, 64}, {1, 1001}), "a");
  EXPECT_EQ(slim.labels, "imagenet");
  EXPECT_EQ(slim.preprocess.mean[0], 127.5f);
  EXPECT_EQ(slim.activation, ScoreActivation::kSoftmax);
  const Descriptor own = DraftDescriptor(Chain({"Gemm"}, {1, 3, 64, 64}, {1, 17}), "a");
  EXPECT_EQ(own.labels, "");
  const Descriptor last = DraftDescriptor(Chain({"Gemm"}, {-1, 96, 64, 3}, {1, 17}), "a");
  EXPECT_EQ(last.preprocess.layout, ImageLayout::kNhwc);
  EXPECT_EQ(last.preprocess.height, 96);
  EXPECT_EQ(last.preprocess.width, 64);
}

TEST(DraftDescriptorTest, SaysWhatIsFree) {
  const Descriptor draft = DraftDescriptor(Chain({"Gemm"}, {-1, 3, -1, -1}, {-1, -1}), "a");
  EXPECT_EQ(draft.preprocess.width, 224);
  EXPECT_THAT(draft.notes, ::testing::Contains(HasSubstr("height of the input is free")));
}

Descriptor Slim224() { return FindDescriptor("mobilenet_v1"); }

TEST(FitDescriptorTest, TheGraphIsRightAboutItsSize) {
  const Descriptor fitted = FitDescriptor(Slim224(), Chain({"Gemm"}));
  EXPECT_EQ(fitted.preprocess.height, 32);
  EXPECT_EQ(fitted.preprocess.width, 48);
  EXPECT_EQ(fitted.input, "data");
  EXPECT_EQ(fitted.output, "Gemm_out");
  EXPECT_EQ(fitted.activation, ScoreActivation::kSoftmax);
  EXPECT_EQ(fitted.preprocess.mean, Slim224().preprocess.mean);
  const Descriptor free = FitDescriptor(Slim224(), Chain({"Softmax"}, {-1, 3, -1, -1}));
  EXPECT_EQ(free.preprocess.height, 224);
  EXPECT_EQ(free.activation, ScoreActivation::kNone);
}

TEST(FitDescriptorTest, TheGraphIsRightAboutItsLayout) {
  const Descriptor fitted = FitDescriptor(Slim224(), Chain({"Gemm"}, {1, 96, 64, 3}));
  EXPECT_EQ(fitted.preprocess.layout, ImageLayout::kNhwc);
  EXPECT_EQ(fitted.preprocess.height, 96);
  EXPECT_EQ(fitted.preprocess.width, 64);
}

TEST(FitDescriptorTest, ShortestSideScalesWithTheSize) {
  Descriptor descriptor = Slim224();
  descriptor.preprocess.fit = FitRule::kShortestSide;
  descriptor.preprocess.resize_shortest = 256;
  descriptor = FitDescriptor(descriptor, Chain({"Gemm"}, {1, 3, 112, 112}));
  EXPECT_EQ(descriptor.preprocess.resize_shortest, 128);
  EXPECT_NO_THROW(CheckPreprocess(descriptor.preprocess));
}

TEST(FitDescriptorTest, RefusesWhatTakesNoSinglePicture) {
  for (const Shape& shape :
       {Shape{1, 1, 28, 28}, Shape{8, 3, 32, 32}, Shape{1, 3, 32}, Shape{1, 3, 1 << 20, 32}}) {
    EXPECT_THROW(FitDescriptor(Slim224(), Chain({"Gemm"}, shape)), Error) << ShapeToString(shape);
  }
}

TEST(DraftDescriptorTest, RefusesWhatTakesNoPictures) {
  try {
    DraftDescriptor(Chain({"Gemm"}, {1, 1, 28, 28}), "gray");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
    EXPECT_THAT(error.what(), HasSubstr("'data' float32 1x1x28x28"));
  }
}

}  // namespace
}  // namespace kinglet::classify_test
