#include "engine/graph/ir.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "kinglet/error.h"
#include "tests/support/graph_builder.h"

namespace kinglet::ir_test {
namespace {

using testing::GraphBuilder;

template <typename F>
std::string MessageOf(F&& function) {
  try {
    function();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidModel);
    return error.what();
  }
  return "no error";
}

TEST(SortNodes, PutsNodesBehindWhatTheyRead) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {2});
  const ValueId y = b.Op("Relu", {x});
  b.Output(b.Op("Exp", {y}));
  std::swap(b.ir().nodes[0], b.ir().nodes[1]);
  SortNodes(b.ir());
  EXPECT_EQ(b.ir().nodes[0].op, "Relu");
  EXPECT_NO_THROW(CheckGraph(b.ir()));
}

TEST(SortNodes, KeepsTheOrderOfNodesThatDoNotDepend) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {2});
  for (const char* op : {"Relu", "Exp", "Abs", "Neg"}) b.Output(b.Op(op, {x}));
  SortNodes(b.ir());
  EXPECT_EQ(b.ir().nodes[2].op, "Abs");
}

TEST(SortNodes, NamesANodeOfACycle) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {2});
  const ValueId first = b.Op("Add", {x, x});
  const ValueId second = b.Op("Relu", {first});
  b.ir().nodes[0].inputs[1] = second;
  b.Output(second);
  EXPECT_NE(MessageOf([&] { SortNodes(b.ir()); }).find("part of a cycle"), std::string::npos);
}

TEST(SortNodes, NamesAnInputThatNothingMakes) {
  GraphBuilder b;
  Value lost;
  lost.name = "lost";
  const ValueId id = b.ir().AddValue(lost);
  b.Output(b.Op("Relu", {id}));
  EXPECT_EQ(MessageOf([&] { SortNodes(b.ir()); }),
            "test: node 'Relu0' (Relu): input 'lost' is no graph input, initializer or output of a "
            "node");
}

TEST(CheckGraph, SeesWhatAPassCouldBreak) {
  const auto broken = [](auto&& damage) {
    GraphBuilder b;
    const ValueId x = b.Input("x", {2});
    b.Output(b.Op("Exp", {b.Op("Relu", {x})}));
    damage(b.ir());
    return MessageOf([&] { CheckGraph(b.ir()); });
  };
  EXPECT_EQ(broken([](GraphIr&) {}), "no error");
  EXPECT_NE(broken([](GraphIr& g) { std::swap(g.nodes[0], g.nodes[1]); }), "no error");
  EXPECT_NE(broken([](GraphIr& g) { g.nodes[1].inputs[0] = 99; }), "no error");
  EXPECT_NE(broken([](GraphIr& g) { g.nodes[1].outputs[0] = g.nodes[0].outputs[0]; }), "no error");
  EXPECT_NE(broken([](GraphIr& g) { g.outputs.clear(); }), "no error");
  EXPECT_NE(broken([](GraphIr& g) { g.value(g.outputs[0]).producer = 0; }), "no error");
}

TEST(Attributes, SayWhichOneHasTheWrongType) {
  Attributes attributes;
  attributes.Set("strides", std::string("two"));
  EXPECT_EQ(attributes.Int("group", 3), 3);
  EXPECT_EQ(MessageOf([&] { attributes.Ints("strides"); }),
            "attribute 'strides' has the wrong type, expected ints");
}

}  // namespace
}  // namespace kinglet::ir_test
