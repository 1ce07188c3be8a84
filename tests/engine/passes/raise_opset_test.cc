// Graphs of old operator sets compute the same in the form of set 13.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "engine/passes/portable.h"
#include "kinglet/model.h"
#include "tests/support/graph_builder.h"
#include "tests/support/op_runner.h"

namespace kinglet::raise_opset_test {
namespace {

using testing::Catch;
using testing::GraphBuilder;
using ::testing::HasSubstr;
using testing::RandomTensor;
using testing::SameTensor;

using Ints = std::vector<std::int64_t>;

Attributes With(const std::string& name, Attribute value) {
  Attributes attributes;
  attributes.Set(name, std::move(value));
  return attributes;
}

struct OldForm {
  const char* name;
  int opset;
  std::function<ValueId(GraphBuilder& b, ValueId x)> make;  // of x, {2, 3, 4, 4}
};

const OldForm kForms[] = {
    {"clip_9", 9,
     [](GraphBuilder& b, ValueId x) {
       Attributes limits = With("min", -0.25f);
       limits.Set("max", 0.5f);
       return b.Op("Clip", {x}, limits);
     }},
    {"clip_9_below", 9,
     [](GraphBuilder& b, ValueId x) { return b.Op("Clip", {x}, With("min", -0.25f)); }},
    {"clip_9_above", 9,
     [](GraphBuilder& b, ValueId x) { return b.Op("Clip", {x}, With("max", 0.25f)); }},
    {"pad_9", 9,
     [](GraphBuilder& b, ValueId x) {
       Attributes pads = With("pads", Ints{0, 0, 1, 2, 0, 0, 0, 1});
       pads.Set("value", 0.5f);
       return b.Op("Pad", {x}, pads);
     }},
    {"unsqueeze_squeeze_11", 11,
     [](GraphBuilder& b, ValueId x) {
       return b.Op("Squeeze", {b.Op("Unsqueeze", {x}, With("axes", Ints{0, 3}))},
                   With("axes", Ints{0}));
     }},
    {"reduce_sum_11", 11,
     [](GraphBuilder& b, ValueId x) {
       return b.Op("ReduceSum", {x}, With("axes", Ints{2, 3}));
     }},
    {"split_11", 11,
     [](GraphBuilder& b, ValueId x) {
       Attributes parts = With("split", Ints{1, 2});
       parts.Set("axis", std::int64_t{1});
       return b.Node("Split", {x}, 2, parts)[1];
     }},
    {"softmax_11_of_flat", 11,
     [](GraphBuilder& b, ValueId x) {
       return b.Op("Softmax", {b.Op("GlobalAveragePool", {x})}, With("axis", std::int64_t{1}));
     }},
    {"upsample_7", 7,
     [](GraphBuilder& b, ValueId x) {
       return b.Op("Upsample", {x}, With("scales", std::vector<float>{1, 1, 2, 2}));
     }},
    {"upsample_9_linear", 9,
     [](GraphBuilder& b, ValueId x) {
       return b.Op("Upsample", {x, b.Floats({4}, {1, 1, 2, 3})},
                   With("mode", std::string("linear")));
     }},
    {"resize_10", 10,
     [](GraphBuilder& b, ValueId x) {
       return b.Op("Resize", {x, b.Floats({4}, {1, 1, 1.5f, 2})});
     }},
    {"slice_9", 9,
     [](GraphBuilder& b, ValueId x) {
       Attributes bounds = With("starts", Ints{1, 0});
       bounds.Set("ends", Ints{3, 2});
       bounds.Set("axes", Ints{1, 2});
       return b.Op("Slice", {x}, bounds);
     }},
    {"top_k_9", 9,
     [](GraphBuilder& b, ValueId x) {
       return b.Node("TopK", {x}, 2, With("k", std::int64_t{2}))[0];
     }},
    {"dropout_9", 9,
     [](GraphBuilder& b, ValueId x) { return b.Node("Dropout", {x}, 2, With("ratio", 0.3f))[0]; }},
    {"batch_norm_9", 9,
     [](GraphBuilder& b, ValueId x) {
       return b.Op("BatchNormalization",
                   {x, b.Floats({3}, {1, 2, 3}), b.Floats({3}, {0, 1, 2}),
                    b.Floats({3}, {0.1f, 0.2f, 0.3f}), b.Floats({3}, {1, 2, 3})});
     }},
};

Tensor AnswerOf(Graph graph, const Tensor& input) {
  const Model model =
      Model::Compile(std::move(graph), {.threads = 1, .optimize = false, .use_cache = false});
  Session session = model.NewSession();
  return session.Run({{"x", input}}).at("y").Clone();
}

Graph Make(const OldForm& form) {
  GraphBuilder b(form.opset);
  const ValueId y = form.make(b, b.Input("x", {2, 3, 4, 4}));
  b.Output(b.Op("Neg", {y}), "y");
  return b.Take();
}

TEST(RaiseOpset, OldFormsComputeTheSame) {
  const Tensor input = RandomTensor({2, 3, 4, 4});
  for (const OldForm& form : kForms) {
    SCOPED_TRACE(form.name);
    const Tensor wanted = AnswerOf(Make(form), input);
    Graph raised = Make(form);
    FoldPortably(raised.ir(), {});
    RaiseToOpset13(raised.ir(), {});
    for (const Node& node : raised.ir().nodes) EXPECT_EQ(node.opset, 13) << node.op;
    EXPECT_TRUE(SameTensor(wanted, AnswerOf(std::move(raised), input)));
  }
}

TEST(RaiseOpset, WhatHasNoSuchFormIsOneError) {
  GraphBuilder b(9);
  const ValueId x = b.Input("x", {2, 3, 4, 4});
  b.Output(b.Op("Softmax", {x}, With("axis", std::int64_t{1})), "y");
  Graph several = b.Take();
  EXPECT_THAT(Catch([&] { RaiseToOpset13(several.ir(), {}); }).message,
              HasSubstr("along several axes"));
  GraphBuilder c(9);
  c.Output(c.Op("Hardmax", {c.Input("x", {1, 1, 2, 2})}), "y");
  Graph unknown = c.Take();
  EXPECT_THAT(Catch([&] { RaiseToOpset13(unknown.ir(), {}); }).message,
              HasSubstr("operator set 13"));
}

}  // namespace
}  // namespace kinglet::raise_opset_test
