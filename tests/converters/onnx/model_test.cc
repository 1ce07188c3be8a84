#include "kinglet/model.h"

#include <gtest/gtest.h>

#include <string>

#include "converters/onnx/wire.h"
#include "engine/graph/ir.h"
#include "tests/converters/onnx/onnx_bytes.h"

namespace kinglet::model_test {
namespace {

using namespace onnx_bytes;  // NOLINT: the file is about them

TEST(OnnxModel, EveryKnownVersionIsReadWithoutANote) {
  for (std::int64_t ir = 3; ir <= 14; ++ir) {
    for (std::int64_t opset = 1; opset <= 28; ++opset) {
      ModelParts model = TinyModel();
      model.ir_version = ir;
      model.opsets = {{"", opset}};
      const Graph graph = Read(model.Bytes());
      EXPECT_EQ(graph.ir().nodes[0].opset, opset);
      EXPECT_TRUE(graph.notes().empty());
    }
  }
}

TEST(OnnxModel, IrVersionsThatSayNoOpsetHaveTheFirst) {
  for (const std::int64_t ir : {1, 2}) {
    ModelParts model = TinyModel();
    model.ir_version = ir;
    model.opsets = {};
    EXPECT_EQ(Read(model.Bytes()).ir().nodes[0].opset, 1);
  }
}

TEST(OnnxModel, NewerVersionsAreNotedAndRun) {
  ModelParts model = TinyModel();
  model.ir_version = 15;
  model.opsets = {{"", 29}};
  Graph graph = Read(model.Bytes());
  ASSERT_EQ(graph.notes().size(), 2u);
  EXPECT_THAT(graph.notes()[0], ::testing::HasSubstr("operator set 29 is newer than 28"));
  EXPECT_THAT(graph.notes()[1], ::testing::HasSubstr("IR version 15 is newer than 14"));
  const std::vector<std::string> noted = graph.notes();
  const Model compiled = Model::Compile(std::move(graph), {.threads = 1, .use_cache = false});
  EXPECT_EQ(compiled.notes(), noted);
  Session session = compiled.NewSession();
  const Tensor x = Tensor::From<float>({1, 2}, {-1, 2});
  EXPECT_EQ(session.Run({{"x", x}}).at("y").data<float>()[0], 0.0f);
}

TEST(OnnxModel, WhatANewerVersionAddsIsRefused) {
  ModelParts model = TinyModel();
  model.opsets = {{"", 29}};
  model.graph.nodes = {NodeBytes(
      "Relu", {"x"}, {"y"}, {AttributeBytes("knee", 1, [](Writer& w) { w.add_float(2, 1); })})};
  ExpectRefused([&] { Model::Compile(Read(model.Bytes())); }, ErrorCode::kUnsupported,
                {"'knee'", "opset 29"});
  model.graph.nodes = {NodeBytes("Novelty", {"x"}, {"y"})};
  ExpectRefused([&] { Model::Compile(Read(model.Bytes())); }, ErrorCode::kUnsupported,
                {"(Novelty)", "opset 29"});
  // Upsample ended long before.
  model.graph.nodes = {NodeBytes("Upsample", {"x", "x"}, {"y"})};
  ExpectRefused([&] { Model::Compile(Read(model.Bytes())); }, ErrorCode::kUnsupported,
                {"(Upsample)", "opset 29"});
}

TEST(OnnxModel, OtherVersionsAreRefused) {
  const auto refused = [](const std::function<void(ModelParts&)>& change, ErrorCode code,
                          const std::vector<std::string>& parts) {
    ModelParts model = TinyModel();
    change(model);
    ExpectRefused(model.Bytes(), code, parts);
  };
  const ErrorCode invalid = ErrorCode::kInvalidModel;
  refused([](ModelParts& m) { m.ir_version = 0; }, invalid, {"no IR version"});
  refused([](ModelParts& m) { m.ir_version = -1; }, invalid, {"IR version -1"});
  refused([](ModelParts& m) { m.opsets = {}; }, invalid, {"no operator set"});
  refused([](ModelParts& m) { m.opsets = {{"", 0}}; }, invalid, {"version 0"});
  refused([](ModelParts& m) { m.opsets = {{"", -1}}; }, invalid, {"version -1"});
  const ErrorCode unsupported = ErrorCode::kUnsupported;
  refused([](ModelParts& m) { m.ir_version = 1000; }, unsupported, {"IR version 1000", "1 to 14"});
  refused([](ModelParts& m) { m.opsets = {{"", 9999}}; }, unsupported, {"set 9999", "1 to 28"});
  refused(
      [](ModelParts& m) {
        m.opsets = {{"", 13}, {"ai.onnx", 14}};
      },
      invalid, {"two versions", "ai.onnx"});
  refused(
      [](ModelParts& m) {
        m.opsets = {{"com.microsoft", 1}};
      },
      invalid, {"node 0 'y' (Relu)", "'ai.onnx'"});
  refused(
      [](ModelParts& m) {
        m.opsets.push_back({"odd", std::int64_t{1} << 40});
      },
      invalid, {"1099511627776", "'odd'"});
  refused([](ModelParts& m) { m.graph.nodes[0] = NodeBytes("Relu", {"x"}, {"y"}, {}, "nowhere"); },
          invalid, {"'nowhere'"});
}

TEST(OnnxModel, SparseInitializersAreRefused) {
  const std::string bytes = Message([](Writer& writer) {
    writer.add_int64(1, 8);
    writer.add_message(8, Message([](Writer& opset) { opset.add_int64(2, 13); }));
    writer.add_message(7, Message([](Writer& graph) { graph.add_message(15, std::string()); }));
  });
  ExpectRefused(bytes, ErrorCode::kUnsupported, {"sparse"});
}

TEST(OnnxModel, InputsThatAreNoTensorsAreRefused) {
  ModelParts model = TinyModel();
  model.graph.inputs.push_back(Message([](Writer& writer) {
    writer.add_string(1, "list");
    writer.add_message(2, Message([](Writer& type) { type.add_message(4, std::string()); }));
  }));
  ExpectRefused(model.Bytes(), ErrorCode::kUnsupported, {"'list'", "no tensor"});
}

TEST(OnnxModel, TheGraphMustBeThereOnce) {
  ExpectRefused("", ErrorCode::kInvalidModel, {"m.onnx: the file is empty"});
  const std::string bytes = TinyModel().Bytes();
  ExpectRefused(bytes + bytes, ErrorCode::kInvalidModel, {"2 graphs"});
  ExpectRefused(Message([](Writer& w) { w.add_int64(1, 8); }), ErrorCode::kInvalidModel,
                {"0 graphs"});
}

TEST(OnnxModel, EveryCutOfAModelIsRefused) {
  ModelParts model = WithInitializer(RawTensor("w", kFloat, {2}, Raw<float>({1, 2})));
  model.graph.nodes.push_back(NodeBytes(
      "Neg", {"x"}, {"a"}, {AttributeBytes("i", 2, [](Writer& w) { w.add_int64(3, -7); })}));
  const std::string whole = model.Bytes();
  ASSERT_NO_THROW(Read(whole));
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_THROW(Read(whole.substr(0, length)), Error) << length;
  }
}

TEST(OnnxModel, NoChangeOfAByteDoesMoreThanThrowAnError) {
  ModelParts model = WithInitializer(RawTensor("w", kFloat, {2}, Raw<float>({1, 2})));
  model.graph.value_infos = {InfoBytes("y", kFloat, {"N", 2})};
  const std::string whole = model.Bytes();
  int refused = 0;
  for (std::size_t at = 0; at < whole.size(); ++at) {
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = whole;
      changed[at] = static_cast<char>(byte);
      try {
        Read(changed);
      } catch (const Error&) {
        ++refused;
      }
    }
  }
  EXPECT_GT(refused, 0);
}

TEST(WireReader, BrokenEncodingsAreNamed) {
  const auto refused = [](const std::string& bytes, const std::string& part) {
    ExpectRefused(
        [&] {
          const converters::Place place("p");
          converters::WireReader reader(bytes, place);
          while (reader.Next()) {
          }
        },
        ErrorCode::kInvalidModel, {"p: ", part});
  };
  refused({'\x08'}, "ends in the middle");
  refused({'\x08', '\x80'}, "ends in the middle");
  refused("\x08" + std::string(10, '\x80') + "\x01", "longer than 10 bytes");
  refused(std::string(11, '\xff'), "longer than 10 bytes");
  refused({'\x0f'}, "wire type");
  refused({'\x0b'}, "wire type");
  refused({'\x00', '\x00'}, "invalid number");
  refused({'\x0d', '\0', '\0'}, "ends in the middle");
  refused({'\x0a', '\x05', 'a'}, "claims 5 bytes where 1 are left");
  // 2^32 + 1: cut to 32 bits it would be 1.
  refused({'\x0a', '\x81', '\x80', '\x80', '\x80', '\x10', 'a'}, "claims 4294967297 bytes");
}

TEST(WireReader, AGetterForAnotherWireTypeIsAnError) {
  const std::string number = Message([](Writer& w) { w.add_int64(1, 300); });
  const converters::Place place("p");
  const auto refused = [&](const std::string& bytes, auto get) {
    ExpectRefused(
        [&] {
          converters::WireReader reader(bytes, place);
          ASSERT_TRUE(reader.Next());
          get(reader);
        },
        ErrorCode::kInvalidModel, {"wire type"});
  };
  refused(number, [](converters::WireReader& r) { r.Bytes(); });
  refused(number, [](converters::WireReader& r) { r.Float(); });
  refused(number, [](converters::WireReader& r) { r.CountFixed<float>(); });
  refused(number, [](converters::WireReader& r) { r.EachFixed<double>([](double) {}); });
  const std::string text = Message([](Writer& w) { w.add_string(1, "abc"); });
  refused(text, [](converters::WireReader& r) { r.Int(); });
  const std::string real = Message([](Writer& w) { w.add_float(1, 1); });
  refused(real, [](converters::WireReader& r) { r.EachVarint([](std::uint64_t) {}); });
  refused(real, [](converters::WireReader& r) { r.CountVarints(); });
}

}  // namespace
}  // namespace kinglet::model_test
