// The ends of detectors as PyTorch's exporter writes them.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "engine/passes/passes.h"
#include "kinglet/model.h"
#include "tests/support/graph_builder.h"
#include "tests/support/subgraph.h"

namespace kinglet::detectors_test {
namespace {

using testing::CaptureOf;
using testing::GraphBuilder;
using testing::RandomTensor;
using testing::Subgraph;

constexpr std::int64_t kAll = std::numeric_limits<std::int64_t>::max();

int CountOf(const GraphIr& graph, const std::string& op) {
  return static_cast<int>(std::count_if(graph.nodes.begin(), graph.nodes.end(),
                                        [&](const Node& node) { return node.op == op; }));
}

const Node& Only(const GraphIr& graph, const std::string& op) {
  EXPECT_EQ(CountOf(graph, op), 1) << op;
  return *std::find_if(graph.nodes.begin(), graph.nodes.end(),
                       [&](const Node& node) { return node.op == op; });
}

Attributes With(const std::string& name, Attribute value) {
  Attributes attributes;
  attributes.Set(name, std::move(value));
  return attributes;
}
Attributes Axis(std::int64_t axis) { return With("axis", axis); }

ValueId Scalar(GraphBuilder& b, std::int64_t value) {
  return b.Constant(Tensor::From<std::int64_t>({}, {value}));
}

// Positions {count, 1} of what a mask lets pass.
ValueId Positions(GraphBuilder& b, ValueId mask) {
  return b.Op("Transpose", {b.Op("NonZero", {mask})},
              With("perm", std::vector<std::int64_t>{1, 0}));
}
ValueId FlatPositions(GraphBuilder& b, ValueId mask) {
  const ValueId part = b.Op("Split", {Positions(b, mask), b.Ints({1})}, Axis(1));
  return b.Op("Squeeze", {part, b.Ints({1})});
}

ValueId LeastOf(GraphBuilder& b, std::int64_t k, ValueId list) {
  const ValueId size = b.Op("Gather", {b.Op("Shape", {list}), Scalar(b, 0)}, Axis(0));
  const ValueId both =
      b.Op("Concat", {b.Ints({k}), b.Op("Unsqueeze", {size, b.Ints({0})})}, Axis(0));
  const ValueId least = b.Op("ReduceMin", {both}, With("keepdims", std::int64_t{0}));
  return b.Op("Reshape", {least, b.Ints({1})});
}

struct Candidates {
  ValueId boxes, scores, labels;
};

// The k best above a threshold of columns [1, columns) of `scores`, as SSD chooses them.
Candidates BestOfClasses(GraphBuilder& b, ValueId boxes, ValueId scores, std::int64_t columns,
                         std::int64_t k, float threshold, std::int64_t label_step = 1) {
  std::vector<ValueId> all[3];
  for (std::int64_t c = 1; c < columns; ++c) {
    const ValueId score = b.Op("Gather", {scores, Scalar(b, c)}, Axis(1));
    const ValueId mask = b.Op("Greater", {score, b.Floats({}, {threshold})});
    const ValueId passed = b.Op("GatherND", {score, Positions(b, mask)});
    const ValueId box = b.Op("GatherND", {boxes, Positions(b, mask)});
    const auto best = b.Node("TopK", {passed, LeastOf(b, k, passed)}, 2, Axis(-1));
    all[0].push_back(b.Op("Gather", {box, best[1]}, Axis(0)));
    all[1].push_back(best[0]);
    all[2].push_back(b.Op("ConstantOfShape", {b.Op("Shape", {best[0]})},
                          With("value", Tensor::From<std::int64_t>({1}, {c * label_step}))));
  }
  return {b.Op("Concat", all[0], Axis(0)), b.Op("Concat", all[1], Axis(0)),
          b.Op("Concat", all[2], Axis(0))};
}

// batched_nms of torchvision.
ValueId Suppress(GraphBuilder& b, const Candidates& c, float threshold, float margin = 1) {
  const ValueId size =
      b.Op("ReduceProd", {b.Op("Shape", {c.boxes})}, With("keepdims", std::int64_t{0}));
  const ValueId empty =
      b.Op("Cast", {b.Op("Equal", {size, Scalar(b, 0)})}, With("to", std::int64_t{9}));
  GraphBuilder none, some;
  none.Output(none.Constant(Tensor(DataType::kInt64, {0})));
  const ValueId boxes = CaptureOf(some, b, c.boxes);
  const ValueId most = some.Op("ReduceMax", {boxes}, With("keepdims", std::int64_t{0}));
  const ValueId group =
      some.Op("Cast", {CaptureOf(some, b, c.labels)}, With("to", std::int64_t{1}));
  const ValueId offset = some.Op("Mul", {group, some.Op("Add", {most, some.Floats({}, {margin})})});
  const ValueId whole =
      some.Op("Slice", {offset, some.Ints({0}), some.Ints({kAll}), some.Ints({0}), some.Ints({1})});
  const ValueId moved = some.Op("Add", {boxes, some.Op("Unsqueeze", {whole, some.Ints({1})})});
  const ValueId scores = some.Op("Unsqueeze", {CaptureOf(some, b, c.scores), some.Ints({0})});
  const ValueId selected = some.Op(
      "NonMaxSuppression", {some.Op("Unsqueeze", {moved, some.Ints({0})}),
                            some.Op("Cast", {some.Op("Unsqueeze", {scores, some.Ints({0})})},
                                    With("to", std::int64_t{1})),
                            some.Ints({kAll}), some.Floats({1}, {threshold})});
  const ValueId column = some.Op("Gather", {selected, some.Ints({2})}, Axis(1));
  some.Output(some.Op("Squeeze", {column, some.Ints({1})}));
  Attributes branches;
  branches.Set("then_branch", Subgraph(none));
  branches.Set("else_branch", Subgraph(some));
  return b.Op("If", {empty}, branches);
}

ValueId FirstOf(GraphBuilder& b, ValueId list, std::int64_t count) {
  return b.Op("Slice", {list, b.Ints({0}), b.Ints({count}), b.Ints({0}), b.Ints({1})});
}

void Outputs(GraphBuilder& b, const Candidates& c, ValueId kept) {
  b.Output(b.Op("Gather", {c.boxes, kept}, Axis(0)), "boxes");
  b.Output(b.Op("Gather", {c.scores, kept}, Axis(0)), "scores");
  b.Output(b.Op("Gather", {c.labels, kept}, Axis(0)), "labels");
}

struct SsdCase {
  std::int64_t anchors, columns, k, most;
  float threshold;
};

void BuildSsd(GraphBuilder& b, const SsdCase& c) {
  const ValueId boxes = b.Input("boxes", {-1, 4});
  const ValueId scores = b.Input("scores", {-1, c.columns});
  const Candidates best = BestOfClasses(b, boxes, scores, c.columns, c.k, c.threshold);
  Outputs(b, best, FirstOf(b, Suppress(b, best, 0.5f), c.most));
}

// Boxes with corners in order that overlap, and scores among which are equal ones.
Tensors SsdInputs(const SsdCase& c) {
  Tensor boxes = RandomTensor({c.anchors, 4}, 3);
  for (std::int64_t i = 0; i < c.anchors; ++i) {
    float* box = boxes.data<float>() + 4 * i;
    for (int k = 0; k < 2; ++k) {
      box[k] = std::floor(40 * (box[k] + 1));
      box[k + 2] = box[k] + std::floor(20 * (box[k + 2] + 1));
    }
  }
  Tensor scores = RandomTensor({c.anchors, c.columns}, 4);
  for (std::int64_t i = 0; i < scores.size(); ++i) {
    scores.data<float>()[i] = std::floor(256 * scores.data<float>()[i]) / 256;
  }
  return {{"boxes", boxes}, {"scores", scores}};
}

template <typename F>
Tensors RunBuilt(F&& build, const Tensors& inputs, bool optimize, int threads = 1) {
  GraphBuilder b;
  build(b);
  const Model model = Model::Compile(b.Take(), {.threads = threads, .optimize = optimize});
  Session session = model.NewSession();
  Tensors outputs;
  for (const auto& [name, tensor] : session.Run(inputs)) outputs.emplace(name, tensor.Clone());
  return outputs;
}

template <typename F>
void ExpectSame(F&& build, const Tensors& inputs) {
  const Tensors expected = RunBuilt(build, inputs, false);
  for (const int threads : {1, 2}) {
    const Tensors found = RunBuilt(build, inputs, true, threads);
    ASSERT_EQ(found.size(), expected.size());
    for (const auto& [name, tensor] : expected) {
      const Tensor& other = found.at(name);
      ASSERT_EQ(other.shape(), tensor.shape()) << name;
      const auto bytes = [](const Tensor& t) {
        const auto* data = static_cast<const char*>(t.raw());
        return std::string(data, data + t.bytes());
      };
      EXPECT_EQ(bytes(other), bytes(tensor)) << name;
    }
  }
}

template <typename F>
GraphIr Passed(F&& build) {
  GraphBuilder b;
  build(b);
  RunPasses(b.ir(), {});
  return std::move(b.ir());
}

TEST(FuseDetectors, ClassesOfAnSsdAreTwoOperators) {
  for (const SsdCase& c : {SsdCase{300, 22, 20, 10, 0.0f}, SsdCase{300, 22, 20, 1000, -2.0f},
                           SsdCase{900, 91, 300, 40, 0.5f}, SsdCase{50, 2, 60, 7, 0.25f},
                           SsdCase{40, 5, 9, 7, 1.0f}, SsdCase{0, 3, 9, 7, 0.0f}}) {
    const auto build = [&](GraphBuilder& b) { BuildSsd(b, c); };
    ExpectSame(build, SsdInputs(c));
    const GraphIr ir = Passed(build);
    if (c.columns == 2) continue;  // Concats of one input go first
    EXPECT_EQ(ir.nodes.size(), 6u);
    const Node& candidates = Only(ir, "ThresholdTopK");
    EXPECT_EQ(candidates.attributes.Int("columns", 0), c.columns - 1);
    EXPECT_EQ(candidates.attributes.Int("sorted", 1), 0);
    EXPECT_EQ(Only(ir, "BatchedNonMaxSuppression").attributes.Int("max_output", 0), c.most);
  }
}

TEST(FuseDetectors, CandidatesThatAreSeenStaySorted) {
  const SsdCase c{200, 6, 15, 10, 0.0f};
  const auto build = [&](GraphBuilder& b) {
    BuildSsd(b, c);
    const ValueId all = b.ir().nodes.back().inputs[0];
    b.Output(b.Op("Identity", {all}), "all");
  };
  ExpectSame(build, SsdInputs(c));
  EXPECT_EQ(Only(Passed(build), "ThresholdTopK").attributes.Int("sorted", 1), 1);
}

TEST(FuseDetectors, LabelsThatSkipNumbersStayLists) {
  const SsdCase c{200, 6, 15, 10, 0.0f};
  const auto build = [&](GraphBuilder& b) {
    const ValueId boxes = b.Input("boxes", {-1, 4});
    const ValueId scores = b.Input("scores", {-1, c.columns});
    const Candidates best = BestOfClasses(b, boxes, scores, c.columns, c.k, c.threshold, 2);
    Outputs(b, best, Suppress(b, best, 0.5f));
  };
  ExpectSame(build, SsdInputs(c));
  EXPECT_EQ(CountOf(Passed(build), "ConstantOfShape"), 5);
}

TEST(FuseDetectors, AnotherDistanceIsNoSuppressionInGroups) {
  const SsdCase c{100, 4, 15, 10, 0.0f};
  const auto build = [&](GraphBuilder& b) {
    const ValueId boxes = b.Input("boxes", {-1, 4});
    const ValueId scores = b.Input("scores", {-1, c.columns});
    const Candidates best = BestOfClasses(b, boxes, scores, c.columns, c.k, c.threshold);
    Outputs(b, best, Suppress(b, best, 0.5f, -20));
  };
  ExpectSame(build, SsdInputs(c));
  EXPECT_EQ(CountOf(Passed(build), "If"), 1);
}

// RetinaNet: one list for each level, whose positions are numbers themselves.
void BuildList(GraphBuilder& b, bool filtered_seen) {
  const ValueId x = b.Op("Sigmoid", {b.Input("x", {-1})});
  const ValueId mask = b.Op("Greater", {x, b.Floats({}, {0.5f})});
  const ValueId passed = b.Op("GatherND", {x, Positions(b, mask)});
  const ValueId positions = FlatPositions(b, mask);
  const auto best = b.Node("TopK", {passed, LeastOf(b, 30, positions)}, 2, Axis(-1));
  const ValueId rows = b.Op("Gather", {positions, best[1]}, Axis(0));
  b.Output(best[0], "values");
  b.Output(b.Op("Div", {rows, Scalar(b, 7)}), "boxes");
  if (filtered_seen) b.Output(best[1], "best");
}

TEST(FuseDetectors, OneList) {
  for (const bool seen : {false, true}) {
    const auto build = [&](GraphBuilder& b) { BuildList(b, seen); };
    for (const std::int64_t size : {0, 1, 50, 5000}) {
      ExpectSame(build, {{"x", RandomTensor({size}, 8)}});
    }
    EXPECT_EQ(CountOf(Passed(build), "ThresholdTopK"), seen ? 0 : 1);
    EXPECT_EQ(CountOf(Passed(build), "NonZero"), seen ? 2 : 0);
  }
}

}  // namespace
}  // namespace kinglet::detectors_test
