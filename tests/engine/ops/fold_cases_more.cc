// Entries of sequence models, signals, random numbers, integers and contributed operators.
#include "engine/graph/contrib.h"
#include "tests/engine/ops/fold_cases.h"

namespace kinglet::test {
namespace {

const std::string kContrib(kContribDomain);

Attribute List(Ints values) { return Attribute(std::move(values)); }
Tensor OneLong(std::int64_t value) { return Of<std::int64_t>({}, {value}); }
Tensor OneFloat(float value) { return Of<float>({}, {value}); }
Tensor OneByte(std::uint8_t value) { return Of<std::uint8_t>({}, {value}); }
Tensor Longs(const Ints& values) {
  return Of<std::int64_t>({static_cast<std::int64_t>(values.size())}, values);
}

// Different bytes.
Tensor Bytes(Shape shape) {
  Tensor tensor(DataType::kUInt8, std::move(shape));
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    tensor.data<std::uint8_t>()[i] = static_cast<std::uint8_t>(37 * i + 11);
  }
  return tensor;
}

}  // namespace

void AddSequenceModels(std::vector<FoldCase>& cases) {
  const Tensor x = Random({3, 2, 4}, 1);
  for (const auto& [op, gates] : {std::pair("LSTM", 4), std::pair("GRU", 3), std::pair("RNN", 1)}) {
    cases.push_back(Simple(op, {x, Random({1, 5 * gates, 4}, 2), Random({1, 5 * gates, 5}, 3)},
                           {{"hidden_size", Int(5)}}));
  }
  const Tensor heads = Random({1, 2, 3, 4}, 1);
  cases.push_back(Simple("Attention", {heads, heads, heads}));
  cases.push_back(Simple("RotaryEmbedding", {heads, Random({1, 3, 2}, 2), Random({1, 3, 2}, 3)}));
  cases.push_back(Simple("RMSNormalization", {heads, Random({4}, 2)}));
  cases.push_back(Simple("TensorScatter", {heads, Random({1, 2, 1, 4}, 2), Longs({1})}));
  cases.push_back(Simple("CausalConvWithState", {Random({1, 2, 6}, 1), Random({2, 1, 3}, 2)}));
  const Tensor tokens = Random({1, 3, 4}, 1);
  cases.push_back(
      Simple("LinearAttention", {tokens, tokens, tokens},
             {{"q_num_heads", Int(2)}, {"kv_num_heads", Int(2)}, {"update_rule", Text("linear")}}));
  cases.push_back(Simple("ReverseSequence", {Random({3, 2, 4}, 1), Longs({1, 3})}));
}

void AddSignals(std::vector<FoldCase>& cases) {
  for (const char* window : {"BlackmanWindow", "HammingWindow", "HannWindow"}) {
    cases.push_back(Simple(window, {OneLong(7)}));
  }
  cases.push_back(Simple("DFT", {Random({1, 8, 1}, 1)}));
  cases.push_back(
      Simple("STFT", {Random({1, 16, 1}, 1), OneLong(4), Random({8}, 2, 0, 1), OneLong(8)}));
  cases.push_back(Simple("MelWeightMatrix",
                         {OneLong(4), OneLong(16), OneLong(8192), OneFloat(0), OneFloat(4096)}));
  cases.push_back(Simple("Det", {Random({2, 3, 3}, 1)}));
  cases.push_back(Simple("CumProd", {Random({2, 3}, 1), OneLong(1)}));
  cases.push_back(
      Simple("Einsum", {Random({2, 3}, 1), Random({3, 4}, 2)}, {{"equation", Text("ij,jk->ki")}}));
  cases.push_back(Simple("BitCast", {Random({2, 3}, 1)}, {{"to", Int(6)}}));
  const Attribute seed = Float(3);
  const Attribute shape = List({2, 3});
  for (const char* op : {"RandomNormal", "RandomUniform"}) {
    cases.push_back(Simple(op, {}, {{"seed", seed}, {"shape", shape}}));
  }
  for (const char* op : {"RandomNormalLike", "RandomUniformLike"}) {
    cases.push_back(Simple(op, {Random({2, 3}, 1)}, {{"seed", seed}}));
  }
  cases.push_back(Simple("Bernoulli", {Random({9}, 1, 0, 1)}, {{"seed", seed}}));
  cases.push_back(
      Simple("Multinomial", {Random({2, 5}, 1)}, {{"seed", seed}, {"sample_size", Int(4)}}));
}

void AddImages(std::vector<FoldCase>& cases) {
  cases.push_back(Simple("AffineGrid", {Random({1, 2, 3}, 1), Longs({1, 1, 3, 4})}));
  cases.push_back(Simple("GridSample", {Random({1, 2, 4, 4}, 1), Random({1, 3, 3, 2}, 2)}));
  cases.push_back(Simple("CenterCropPad", {Random({4, 5}, 1), Longs({6, 3})}));
  cases.push_back(Simple("Col2Im", {Random({1, 4, 4}, 1), Longs({3, 3}), Longs({2, 2})}));
  cases.push_back(Simple(
      "DeformConv", {Random({1, 1, 3, 3}, 1), Random({1, 1, 2, 2}, 2), Random({1, 8, 2, 2}, 3)}));
  cases.push_back(Simple("MaxUnpool",
                         {Random({1, 1, 2, 2}, 1), Of<std::int64_t>({1, 1, 2, 2}, {0, 3, 8, 15})},
                         {{"kernel_shape", List({2, 2})}, {"strides", List({2, 2})}}));
  for (const char* op : {"NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"}) {
    cases.push_back(Simple(op, {Random({3, 5}, 1), Longs({0, 4, 2})}));
  }
}

void AddIntegers(std::vector<FoldCase>& cases) {
  const Tensor scale = OneFloat(0.02f), zero = OneByte(100);
  const Tensor x = Bytes({1, 2, 4, 4}), w = Bytes({3, 2, 2, 2});
  cases.push_back(Simple("ConvInteger", {x, w, zero}));
  cases.push_back(Simple("QLinearConv", {x, scale, zero, w, scale, zero, OneFloat(0.5f), zero}));
  const Tensor a = Bytes({2, 3}), b = Bytes({3, 4});
  cases.push_back(Simple("MatMulInteger", {a, b, zero}));
  cases.push_back(Simple("QLinearMatMul", {a, scale, zero, b, scale, zero, scale, zero}));
  cases.push_back(
      Simple("MatMulIntegerToFloat", {a, b, scale, scale, zero, zero}, {}, 1, kContrib));
  cases.push_back(Simple("QGemm", {a, scale, zero, b, scale, zero}, {}, 1, kContrib));
  for (const char* op : {"QLinearAdd", "QLinearMul"}) {
    cases.push_back(Simple(op, {a, scale, zero, a, scale, zero, scale, zero}, {}, 1, kContrib));
  }
  for (const char* op : {"QLinearSigmoid", "QLinearLeakyRelu"}) {
    cases.push_back(Simple(op, {a, scale, zero, scale, zero}, {}, 1, kContrib));
  }
  cases.push_back(Simple("QLinearResize",
                         {x, Tensor(DataType::kFloat32, {0}), Of<float>({4}, {1, 1, 2, 1.5f}),
                          Tensor(DataType::kInt64, {0}), scale, zero, scale, zero},
                         {{"mode", Text("linear")}}, 1, "kinglet"));
  cases.push_back(Simple("QLinearConcat", {scale, zero, a, scale, zero, a, scale, zero},
                         {{"axis", Int(1)}}, 1, kContrib));
  cases.push_back(
      Simple("QLinearGlobalAveragePool", {x, scale, zero, scale, zero}, {}, 1, kContrib));
  cases.push_back(Simple("QLinearAveragePool", {x, scale, zero, scale, zero},
                         {{"kernel_shape", List({2, 2})}}, 1, kContrib));
  cases.push_back(Simple("QLinearSoftmax", {a, scale, zero, OneFloat(1.0f / 256), OneByte(0)},
                         {{"axis", Int(1)}, {"opset", Int(13)}}, 1, kContrib));
}

void AddContributed(std::vector<FoldCase>& cases) {
  const Tensor x = Random({2, 3, 4}, 1), line = Random({4}, 2);
  cases.push_back(Simple("BiasAdd", {x, line, x}, {}, 1, kContrib));
  cases.push_back(Simple("BiasGelu", {x, line}, {}, 1, kContrib));
  cases.push_back(Simple("BiasSplitGelu", {x, line}, {}, 1, kContrib));
  for (const char* op : {"SkipLayerNormalization", "SkipSimplifiedLayerNormalization"}) {
    cases.push_back(Simple(op, {x, x, line}, {}, 1, kContrib));
  }
  for (const std::string& domain : {std::string(), kContrib}) {
    cases.push_back(Simple("SimplifiedLayerNormalization", {x, line}, {}, 1, domain));
  }
  const Attribute relu = Text("Relu");
  cases.push_back(Simple("FusedConv", {Random({1, 2, 4, 4}, 1), Random({3, 2, 3, 3}, 2)},
                         {{"activation", relu}}, 1, kContrib));
  cases.push_back(Simple("FusedGemm", {Random({2, 3}, 1), Random({3, 4}, 2)},
                         {{"activation", relu}}, 1, kContrib));
  cases.push_back(Simple("FusedMatMul", {Random({2, 3}, 1), Random({4, 3}, 2)},
                         {{"transB", Int(1)}}, 1, kContrib));
  cases.push_back(
      Simple("NhwcMaxPool", {Bytes({1, 4, 4, 2})}, {{"kernel_shape", List({2, 2})}}, 1, kContrib));
}

}  // namespace kinglet::test
