// What files say of nodes of Kinglet's own domain: right things are read, wrong ones refused.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "engine/graph/fusion.h"
#include "kinglet/error.h"
#include "kinglet/model.h"
#include "tests/converters/onnx/onnx_bytes.h"
#include "tests/support/source_dir.h"
#include "tests/vision/shared_data.h"

namespace kinglet::fused_attributes_test {
namespace {

using namespace onnx_bytes;  // NOLINT: the file is about them

std::string Float(const char* name, float value) {
  return AttributeBytes(name, 1, [&](Writer& writer) { writer.add_float(2, value); });
}
std::string Int(const char* name, std::int64_t value) {
  return AttributeBytes(name, 2, [&](Writer& writer) { writer.add_int64(3, value); });
}
std::string Text(const char* name, const char* value) {
  return AttributeBytes(name, 3, [&](Writer& writer) { writer.add_bytes(4, value); });
}

// One node of the domain on x {1, 1, 4, 4}, w {1, 1, 1, 1} and b {1}.
ModelParts FusedModel(const std::string& op, const std::vector<std::string>& inputs,
                      const std::vector<std::string>& attributes) {
  ModelParts model;
  model.graph.inputs = {InfoBytes("x", kFloat, {1, 1, 4, 4}),
                        InfoBytes("bytes", kUint8, {1, 1, 4, 4})};
  model.graph.initializers = {RawTensor("w", kFloat, {1, 1, 1, 1}, Raw<float>({2})),
                              RawTensor("b", kFloat, {1}, Raw<float>({1}))};
  model.graph.nodes = {NodeBytes(op, inputs, {"y"}, attributes, "kinglet")};
  model.graph.outputs = {InfoBytes("y", kFloat, {1, 1, 4, 4})};
  model.opsets = {{"", 13}, {"kinglet", kKingletOpset}};
  return model;
}

TEST(FusedAttributes, RightOnesAreRead) {
  const Graph graph =
      Read(FusedModel("Conv", {"x", "w", "", "x"},
                      {Text("activation", "Clip"), Float("activation_alpha", -1),
                       Float("activation_beta", std::numeric_limits<float>::infinity()),
                       Int("residual", 1)})
               .Bytes());
  const Node& node = graph.ir().nodes[0];
  EXPECT_EQ(NodeLabel(node), "node 'y' (Conv)");
  EXPECT_EQ(node.opset, 13);
  EXPECT_EQ(FusionText(node.fusion), "sum, Clip(-1, inf)");
  EXPECT_EQ(node.attributes.begin(), node.attributes.end());
  EXPECT_FALSE(graph.optimised()) << "a file that does not say so";
}

TEST(FusedAttributes, WrongOnesAreRefusedWhileReading) {
  struct Case {
    const char* op;
    std::vector<std::string> inputs;
    std::vector<std::string> attributes;
    const char* words;
  };
  const float nan = std::nanf("");
  const std::vector<Case> cases = {
      {"Conv", {"x", "w"}, {}, "nothing fused"},
      {"Conv", {"x", "w"}, {Int("residual", 0)}, "nothing fused"},
      {"Conv", {"x", "w"}, {Text("activation", "tanh")}, "expected one of 'Relu'"},
      {"Conv", {"x", "w"}, {Text("activation", "")}, "expected one of 'Relu'"},
      {"Conv", {"x", "w"}, {Int("activation", 1)}, "wrong type"},
      {"Conv", {"x", "w"}, {Text("activation", "LeakyRelu")}, "'activation_alpha' is missing"},
      {"Conv",
       {"x", "w"},
       {Text("activation", "Relu"), Float("activation_alpha", 1)},
       "activation_alpha"},
      {"Conv", {"x", "w"}, {Float("activation_beta", 1), Int("residual", 1)}, "activation_beta"},
      {"Conv",
       {"x", "w"},
       {Text("activation", "Clip"), Float("activation_alpha", 1)},
       "'activation_beta' is missing"},
      {"Conv",
       {"x", "w"},
       {Text("activation", "Clip"), Float("activation_alpha", 1), Float("activation_beta", 0)},
       "Clip(1, 0)"},
      {"Conv",
       {"x", "w"},
       {Text("activation", "Clip"), Float("activation_alpha", nan), Float("activation_beta", 0)},
       "Clip(nan, 0)"},
      {"Conv",
       {"x", "w"},
       {Text("activation", "LeakyRelu"),
        Float("activation_alpha", std::numeric_limits<float>::infinity())},
       "LeakyRelu(inf)"},
      {"Conv", {"x", "w", "b"}, {Int("residual", 1)}, "has 3 inputs, expected 4"},
      {"Conv", {"x", "w", "b", ""}, {Int("residual", 1)}, "the residual as the last one"},
      {"Conv", {"x", "w", "b", "x", "x"}, {Int("residual", 1)}, "has 5 inputs, expected 4"},
      {"Conv", {"x", "w", "b", "x"}, {Int("residual", 2)}, "'residual' is 2"},
      {"Gemm", {"b", "b", "b", "b"}, {Int("residual", 1)}, "adds none"},
      {"ImageConv", {"x", "w", "b", "b", "b", "x"}, {Int("residual", 1)}, "adds none"},
  };
  for (const Case& c : cases) {
    SCOPED_TRACE(c.words);
    ExpectRefused(FusedModel(c.op, c.inputs, c.attributes).Bytes(), ErrorCode::kInvalidModel,
                  {"'y'", c.op, c.words});
  }
  ModelParts no_onnx = FusedModel("Conv", {"x", "w"}, {Text("activation", "Relu")});
  no_onnx.opsets = {{"kinglet", kKingletOpset}};
  ExpectRefused(no_onnx.Bytes(), ErrorCode::kInvalidModel, {"'y'", "imports no operator set"});
}

TEST(FusedAttributes, WrongOnesThatNeedTypesAndShapesAreRefusedLater) {
  const std::string relu = Text("activation", "Relu");
  const std::vector<std::pair<ModelParts, const char*>> cases = {
      {FusedModel("Conv", {"x", "w", "b", "bytes"}, {Int("residual", 1)}), "uint8"},
      {FusedModel("Conv", {"x", "w", "b", "b"}, {Int("residual", 1)}), "broadcast"},
      {FusedModel("Conv", {"x"}, {relu}), "1 inputs"},
      {FusedModel("Conv", {"x", "w", "b", "x"}, {relu}), "4 inputs"},
      {FusedModel("Add", {"bytes", "bytes"}, {relu}), "Relu is fused behind results of type uint8"},
      {FusedModel("Swish", {"x"}, {relu}), "attribute 'activation'"},
      {FusedModel("Relu", {"x"}, {relu}), "no such operator"}};
  for (const auto& [parts, words] : cases) {
    SCOPED_TRACE(words);
    try {
      const Model model = Model::Compile(Read(parts.Bytes()), {.threads = 1, .use_cache = false});
      model.Describe({{"x", {1, 1, 4, 4}}, {"bytes", {1, 1, 4, 4}}});
      ADD_FAILURE() << "nothing was wrong";
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), ::testing::HasSubstr(words));
      EXPECT_THAT(error.what(), ::testing::HasSubstr("'y'"));
    }
  }
}

TEST(StorageInMetadata, IsAnElementType) {
  const auto with_storage = [](const char* type) {
    ModelParts model = TinyModel();
    model.graph.nodes.push_back(NodeBytes("Neg", {"x"}, {"z"}));
    model.graph.value_infos = {InfoBytes("z", kFloat, {1, 2}) + Message([&](Writer& writer) {
                                 Writer entry(writer, 4);
                                 entry.add_string(1, "kinglet.storage");
                                 entry.add_string(2, type);
                               })};
    return model.Bytes();
  };
  const Graph graph = Read(with_storage("bfloat16"));
  EXPECT_EQ(graph.ir().values.back().storage, ElementType::kBFloat16);
  for (const char* type : {"bfloat15", "", "undefined", "string"}) {
    ExpectRefused(with_storage(type), ErrorCode::kInvalidModel, {"is stored as", type});
  }
}

TEST(KingletDomain, AnotherVersionSaysWhatToDo) {
  ModelParts model = FusedModel("Conv", {"x", "w"}, {Text("activation", "Relu")});
  model.opsets[1].second = kKingletOpset + 1;
  ExpectRefused(model.Bytes(), ErrorCode::kUnsupported,
                {"version 2", "Kinglet's own domain", "optimise the model", "again"});
}

TEST(KingletDomain, WhatAFileSaysOfItsStage) {
  const auto with_metadata = [](ModelParts model, const char* key, const char* value) {
    return Read(model.Bytes() + Message([&](Writer& writer) {
                  Writer entry(writer, 14);
                  entry.add_string(1, key);
                  entry.add_string(2, value);
                }));
  };
  ModelParts ours = TinyModel();
  ours.opsets.emplace_back("kinglet", kKingletOpset);
  EXPECT_TRUE(with_metadata(ours, "kinglet.stage", "optimised").optimised());
  EXPECT_FALSE(with_metadata(ours, "kinglet.stage", "read").optimised());
  EXPECT_FALSE(with_metadata(ours, "stage", "optimised").optimised());
  EXPECT_FALSE(with_metadata(TinyModel(), "kinglet.stage", "optimised").optimised());
}

// What a file claims falsely is an error where it matters, and nothing else.
TEST(KingletDomain, AFileThatIsNotAsOptimisedAsItSays) {
  ModelParts model = FusedModel("Conv", {"x", "half"}, {Text("activation", "Relu")});
  model.graph.initializers.push_back(RawTensor("half", kFloat16, {1, 1, 1, 1}, {"\0\x3c", 2}));
  const std::string claim = Message([&](Writer& writer) {
    Writer entry(writer, 14);
    entry.add_string(1, "kinglet.stage");
    entry.add_string(2, "optimised");
  });
  const Model model_of_halves =
      Model::Compile(Read(model.Bytes() + claim), {.threads = 1, .use_cache = false});
  EXPECT_THROW(model_of_halves.Describe({{"x", {1, 1, 4, 4}}, {"bytes", {1, 1, 4, 4}}}), Error);
}

Tensors Zeros(const Model& model) {
  Tensors inputs;
  for (const TensorInfo& info : model.inputs()) {
    Shape shape = info.shape;
    for (std::int64_t& size : shape) size = std::max<std::int64_t>(size, 1);
    if (ElementCount(shape) > (1 << 20)) throw Error(ErrorCode::kResource, "a large input");
    inputs[info.name] = Tensor(info.type, shape);
  }
  return inputs;
}

// Every byte of a file with fused nodes in turn becomes another one: reading, planning and running
// it give an answer or an Error.
TEST(FusedAttributes, DamagedFilesAreRefusedOrRun) {
  const std::string seed = [] {
    const auto bytes =
        testing::ReadBytes(testing::SourceDir() / "tests/fuzz/seeds/onnx/fused.onnx");
    return std::string(bytes.begin(), bytes.end());
  }();
  ASSERT_TRUE(Read(seed).optimised());
  int ran = 0;
  int refused = 0;
  for (std::size_t at = 0; at < seed.size(); ++at) {
    for (const int change : {1, 2, 4, 8, 16, 32, 64, 128}) {
      std::string bytes = seed;
      bytes[at] = static_cast<char>(bytes[at] ^ change);
      try {
        const Model model = Model::Compile(Read(bytes), {.threads = 1,
                                                         .max_tensor_bytes = 1 << 20,
                                                         .max_arena_bytes = 1 << 22,
                                                         .use_cache = false});
        Session session = model.NewSession();
        session.Run(Zeros(model));
        ++ran;
      } catch (const Error&) {
        ++refused;
      }
    }
  }
  EXPECT_GT(ran, 100);
  EXPECT_GT(refused, 1000);
}

}  // namespace
}  // namespace kinglet::fused_attributes_test
