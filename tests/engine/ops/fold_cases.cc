#include "tests/engine/ops/fold_cases.h"

#include "engine/graph/fusion.h"

namespace kinglet::test {
namespace {

using kinglet::testing::GraphBuilder;
using kinglet::testing::Subgraph;

const std::string kOwn(kKingletDomain);

Attribute List(Ints values) { return Attribute(std::move(values)); }
Tensor Longs(const Ints& values) {
  return Of<std::int64_t>({static_cast<std::int64_t>(values.size())}, values);
}
Tensor OneLong(std::int64_t value) { return Of<std::int64_t>({}, {value}); }
Tensor Bools(Shape shape, const std::vector<int>& values) {
  Tensor tensor(DataType::kBool, std::move(shape));
  for (std::size_t i = 0; i < values.size(); ++i) tensor.data<bool>()[i] = values[i] != 0;
  return tensor;
}
Tensor OneFloat(float value) { return Of<float>({}, {value}); }
Tensor Positive(Shape shape, unsigned seed) { return Random(std::move(shape), seed, 0.1f, 0.9f); }

void AddConvolutions(std::vector<FoldCase>& cases) {
  const Attribute pads = List({1, 1, 1, 1});
  const Tensor x = Random({2, 8, 6, 6}, 1);
  cases.push_back(Simple("Conv", {x, Random({16, 8, 3, 3}, 2), Random({16}, 3)}, {{"pads", pads}}));
  cases.push_back(Simple("Conv", {x, Random({4, 8, 1, 1}, 2)}));
  cases.push_back(Simple("Conv", {x, Random({8, 1, 3, 3}, 2)}, {{"group", Int(8)}}));
  cases.push_back(Simple("Conv", {Random({1, 3, 9}, 1), Random({5, 3, 3}, 2)}));
  cases.push_back(Simple("Conv", {Random({1, 3, 4, 4, 4}, 1), Random({5, 3, 2, 2, 2}, 2)}));
  cases.push_back(
      Simple("ConvTranspose", {x, Random({8, 6, 3, 3}, 2)}, {{"strides", List({2, 2})}}));
  cases.push_back({"ImageConv", kOwn, [](FoldGraph& g) {
                     Tensor pixels(DataType::kUInt8, {1, 3, 8, 8});
                     for (std::int64_t i = 0; i < pixels.size(); ++i) {
                       pixels.data<std::uint8_t>()[i] = static_cast<std::uint8_t>(7 * i);
                     }
                     // All but the pixels are constants in any graph.
                     g.Output(g.Op("ImageConv",
                                   {g.Give(pixels), g.Constant(Random({16, 3, 3, 3}, 1)),
                                    g.Constant(Random({16}, 2)), g.Constant(Random({3}, 3)),
                                    g.Constant(Random({3}, 4))},
                                   {}, kOwn));
                   }});
  Tensor codes(DataType::kUInt8, {256});
  for (std::int64_t i = 0; i < 256; ++i) {
    codes.data<std::uint8_t>()[i] = static_cast<std::uint8_t>(37 * i);
  }
  cases.push_back(Simple("CodeTable", {codes.Reshaped({4, 64}), codes}, {}, 1, kOwn));
  for (const char* op : {"AveragePool", "LpPool", "MaxPool"}) {
    cases.push_back(Simple(op, {x}, {{"kernel_shape", List({2, 2})}, {"strides", List({2, 2})}}));
  }
}

void AddNormalizations(std::vector<FoldCase>& cases) {
  const Tensor x = Random({2, 4, 3, 3}, 1);
  cases.push_back(Simple("BatchNormalization",
                         {x, Random({4}, 2), Random({4}, 3), Random({4}, 4), Positive({4}, 5)}));
  cases.push_back(Simple("InstanceNormalization", {x, Random({4}, 2), Random({4}, 3)}));
  cases.push_back(Simple("GroupNormalization", {x, Random({2}, 2), Random({2}, 3)},
                         {{"num_groups", Int(2)}}, 1, "", 18));
  cases.push_back(Simple("LayerNormalization", {x, Random({3}, 2)}));
  cases.push_back(Simple("LRN", {x}, {{"size", Int(3)}}));
}

void AddShapes(std::vector<FoldCase>& cases) {
  const Tensor x = Random({2, 4, 4, 6}, 1);
  cases.push_back(Simple("ChannelShuffle", {x}, {{"group", Int(2)}}, 1, kOwn));
  cases.push_back(
      Simple("Compress", {Random({3, 2}, 1), Bools({3}, {1, 0, 1})}, {{"axis", Int(0)}}));
  cases.push_back(Simple("Concat", {x, x}, {{"axis", Int(1)}}));
  cases.push_back(Simple("Constant", {}, {{"value", Attribute(Random({2, 3}, 1))}}));
  cases.push_back(Simple("ConstantOfShape", {Longs({2, 3})}));
  cases.push_back(Simple("DepthToSpace", {x}, {{"blocksize", Int(2)}}));
  cases.push_back(Simple("SpaceToDepth", {x}, {{"blocksize", Int(2)}}));
  cases.push_back(Simple("Expand", {Random({3, 1}, 1), Longs({2, 3, 4})}));
  cases.push_back(Simple("Gather", {x, Longs({3, 0})}, {{"axis", Int(2)}}));
  cases.push_back(Simple("GatherElements", {Random({3, 2}, 1), Of<std::int64_t>({1, 2}, {2, 1})}));
  cases.push_back(Simple("GatherND", {x, Of<std::int64_t>({2, 2}, {0, 1, 1, 3})}));
  cases.push_back(Simple("OneHot", {Longs({1, 3}), OneLong(5), Of<float>({2}, {-1, 1})}));
  cases.push_back(Simple("Pad", {x, Longs({0, 0, 1, 1, 0, 0, 2, 2})}));
  cases.push_back(Simple("Range", {OneLong(3), OneLong(11), OneLong(2)}));
  cases.push_back(Simple("Reshape", {x, Longs({8, -1})}));
  cases.push_back(Simple("Resize", {x, Tensor(), Of<float>({4}, {1, 1, 2, 2})}));
  cases.push_back(Simple("Upsample", {x, Of<float>({4}, {1, 1, 2, 2})}));
  const std::vector<Tensor> scatter = {Random({3, 3}, 1), Of<std::int64_t>({1, 2}, {2, 0}),
                                       Random({1, 2}, 2)};
  cases.push_back(Simple("Scatter", scatter));
  cases.push_back(Simple("ScatterElements", scatter));
  cases.push_back(Simple("ScatterND",
                         {Random({4, 2}, 1), Of<std::int64_t>({2, 1}, {3, 1}), Random({2, 2}, 2)}));
  cases.push_back(Simple("Slice", {x, Longs({1, 1}), Longs({3, 4}), Longs({1, 3})}));
  cases.push_back(Simple("Split", {x, Longs({1, 3})}, {{"axis", Int(1)}}, 2));
  cases.push_back(Simple("Squeeze", {Random({1, 3, 1}, 1), Longs({0})}));
  cases.push_back(Simple("Tile", {Random({2, 3}, 1), Longs({2, 2})}));
  cases.push_back(Simple("TopK", {x, Longs({2})}, {}, 2));
  cases.push_back(Simple("Unsqueeze", {x, Longs({1, 3})}));
  cases.push_back(Simple("Where", {Bools({2}, {1, 0}), Random({3, 2}, 1), Random({2}, 2)}));
}

void AddArithmetic(std::vector<FoldCase>& cases) {
  cases.push_back(Simple("BitShift", {Of<std::uint8_t>({2}, {8, 9}), Of<std::uint8_t>({2}, {1, 2})},
                         {{"direction", Text("RIGHT")}}));
  cases.push_back(Simple("Cast", {Random({5}, 1, -9, 9)}, {{"to", Int(7)}}));
  cases.push_back(Simple("Clip", {Random({2, 3}, 1), OneFloat(-0.5f), OneFloat(0.5f)}));
  cases.push_back(Simple("CumSum", {Random({2, 3}, 1), OneLong(1)}));
  cases.push_back(Simple("Gemm", {Random({2, 3}, 1), Random({3, 4}, 2), Random({4}, 3)}));
  cases.push_back(Simple("MatMul", {Random({2, 3}, 1), Random({3, 4}, 2)}));
  cases.push_back(Simple("PRelu", {Random({1, 4, 3, 3}, 1), Random({4, 1, 1}, 2)}));
  cases.push_back(
      Simple("QuantizeLinear", {Random({5}, 1), OneFloat(0.01f), Of<std::uint8_t>({}, {128})}));
  cases.push_back(Simple("DequantizeLinear", {Of<std::uint8_t>({3}, {0, 128, 255}), OneFloat(0.01f),
                                              Of<std::uint8_t>({}, {128})}));
}

void AddDetection(std::vector<FoldCase>& cases) {
  const Tensor boxes = Of<float>({3, 4}, {0, 0, 4, 4, 0, 0, 4, 3, 5, 5, 9, 9});
  cases.push_back(Simple("BatchedNonMaxSuppression",
                         {boxes, Of<float>({3}, {0.9f, 0.8f, 0.7f}), Longs({0, 0, 1})},
                         {{"iou_threshold", Float(0.5f)}, {"max_output", Int(3)}}, 1, kOwn));
  cases.push_back(Simple("NonMaxSuppression",
                         {boxes.Reshaped({1, 3, 4}), Of<float>({1, 1, 3}, {0.9f, 0.8f, 0.7f}),
                          OneLong(3), OneFloat(0.5f)}));
  cases.push_back(Simple("ThresholdTopK", {Random({6, 2}, 1)},
                         {{"columns", Int(2)}, {"k", Int(3)}, {"threshold", Float(0)}}, 3, kOwn));
  const Tensor maps = Random({1, 2, 8, 8}, 1);
  cases.push_back(Simple("MaxRoiPool", {maps, Of<float>({1, 5}, {0, 1, 1, 6, 6})},
                         {{"pooled_shape", List({2, 2})}}));
  cases.push_back(Simple("RoiAlign", {maps, Of<float>({1, 4}, {1, 1, 6, 6}), Longs({0})},
                         {{"output_height", Int(2)}, {"output_width", Int(2)}}));
}

void AddSequences(std::vector<FoldCase>& cases) {
  const auto at = [](FoldGraph& g, ValueId sequence, std::int64_t k) {
    g.Output(g.Op("SequenceAt", {sequence, g.Give(OneLong(k))}));
  };
  const auto two = [](FoldGraph& g) {
    return g.Op("SequenceConstruct", {g.Give(Random({2}, 1)), g.Give(Random({3}, 2))});
  };
  cases.push_back({"SequenceConstruct", "", [=](FoldGraph& g) { at(g, two(g), 1); }});
  cases.push_back({"SequenceAt", "", [=](FoldGraph& g) { at(g, two(g), 0); }});
  cases.push_back({"SequenceErase", "", [=](FoldGraph& g) {
                     at(g, g.Op("SequenceErase", {two(g), g.Give(OneLong(0))}), 0);
                   }});
  cases.push_back({"SequenceInsert", "", [=](FoldGraph& g) {
                     at(g, g.Op("SequenceInsert", {two(g), g.Give(Random({4}, 3))}), 2);
                   }});
  cases.push_back({"SequenceEmpty", "", [=](FoldGraph& g) {
                     const ValueId none = g.Op("SequenceEmpty", {});
                     at(g, g.Op("SequenceInsert", {none, g.Give(Random({4}, 3))}), 0);
                   }});
  cases.push_back(
      {"SequenceLength", "", [=](FoldGraph& g) { g.Output(g.Op("SequenceLength", {two(g)})); }});
  cases.push_back({"SplitToSequence", "", [=](FoldGraph& g) {
                     at(g, g.Op("SplitToSequence", {g.Give(Random({4, 2}, 1))}), 3);
                   }});
  cases.push_back({"ConcatFromSequence", "", [=](FoldGraph& g) {
                     g.Output(g.Op("ConcatFromSequence", {two(g)}, {{"axis", Int(0)}}));
                   }});
}

// y = op(what is around, `inner`), as a body's result.
ValueId WithOuter(FoldGraph& g, GraphBuilder& body, ValueId around, ValueId inner) {
  return body.Op("Add", {g.Inside(body, around), inner});
}

void AddControlFlow(std::vector<FoldCase>& cases) {
  cases.push_back({"If", "", [](FoldGraph& g) {
                     const ValueId x = g.Give(Random({2}, 1));
                     GraphBuilder then_branch, else_branch;
                     then_branch.Output(WithOuter(g, then_branch, x, then_branch.Floats({1}, {1})));
                     else_branch.Output(WithOuter(g, else_branch, x, else_branch.Floats({1}, {2})));
                     g.Output(g.Op("If", {g.Give(Bools({}, {0}))},
                                   {{"then_branch", Subgraph(then_branch)},
                                    {"else_branch", Subgraph(else_branch)}}));
                   }});
  cases.push_back(
      {"Loop", "", [](FoldGraph& g) {
         const ValueId x = g.Give(Random({2}, 1));
         GraphBuilder body;
         body.Input("i", {}, DataType::kInt64);
         const ValueId go_on = body.Input("go_on", {}, DataType::kBool);
         const ValueId sum = body.Input("sum", {2});
         body.Output(body.Op("Identity", {go_on}));
         body.Output(WithOuter(g, body, x, sum));
         g.Output(g.Op("Loop", {g.Give(OneLong(3)), g.Give(Bools({}, {1})), g.Give(Random({2}, 2))},
                       {{"body", Subgraph(body)}}));
       }});
  cases.push_back({"Scan", "", [](FoldGraph& g) {
                     GraphBuilder body;
                     const ValueId sum = body.Input("sum", {2});
                     const ValueId row = body.Input("row", {2});
                     body.Output(body.Op("Add", {sum, row}));
                     g.Output(g.Op("Scan", {g.Give(Random({2}, 1)), g.Give(Random({3, 2}, 2))},
                                   {{"body", Subgraph(body)}, {"num_scan_inputs", Int(1)}}));
                   }});
}

}  // namespace

FoldCase Simple(const std::string& op, std::vector<Tensor> tensors,
                std::vector<std::pair<const char*, Attribute>> attributes, std::size_t outputs,
                const std::string& domain, int opset) {
  return {op, domain, [=](FoldGraph& g) {
            std::vector<ValueId> inputs;
            for (const Tensor& tensor : tensors) {
              inputs.push_back(tensor.defined() ? g.Give(tensor) : kNoValue);
            }
            Attributes list;
            for (const auto& [name, value] : attributes) list.Set(name, value);
            for (const ValueId id : g.Nodes(op, inputs, outputs, list, domain, opset)) {
              g.Output(id);
            }
          }};
}

const std::vector<FoldCase>& FoldCases() {
  static const std::vector<FoldCase> cases = [] {
    std::vector<FoldCase> list;
    AddConvolutions(list);
    AddNormalizations(list);
    AddShapes(list);
    AddArithmetic(list);
    AddDetection(list);
    AddSequences(list);
    AddControlFlow(list);
    AddSequenceModels(list);
    AddSignals(list);
    AddImages(list);
    AddIntegers(list);
    AddContributed(list);
    return list;
  }();
  return cases;
}

std::vector<FoldCase> GuessedCases(const OpDef& op) {
  const std::string name(op.name), domain(op.domain);
  const auto count = static_cast<std::size_t>(op.min_inputs);
  const auto outputs = static_cast<std::size_t>(op.min_outputs);
  std::vector<FoldCase> cases;
  for (const Tensor& tensor : {Positive({2, 16, 4, 4}, 1), Positive({3, 4}, 1),
                               Of<std::int64_t>({2, 3}, {5, 4, 3, 2, 1, 6}),
                               Of<std::uint8_t>({4}, {1, 2, 3, 4}), Bools({2}, {1, 0})}) {
    cases.push_back(Simple(name, std::vector<Tensor>(count, tensor), {}, outputs, domain));
  }
  return cases;
}

}  // namespace kinglet::test
