// What WriteOnnx writes, ReadOnnx reads again.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <protozero/pbf_reader.hpp>
#include <string>
#include <vector>

#include "engine/graph/ir.h"
#include "kinglet/descriptor.h"
#include "tests/converters/onnx/onnx_bytes.h"
#include "tests/converters/onnx/same_graph.h"
#include "tests/vision/shared_data.h"

namespace kinglet::write_test {
namespace {

using namespace onnx_bytes;  // NOLINT: the file is about them
using same_graph::ExpectSame;
namespace fs = std::filesystem;

class WriteOnnxTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "kinglet-write-XXXXXX";
    ASSERT_NE(mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::string Path() const { return (folder_ / "model.onnx").string(); }
  Graph RoundTrip(const Graph& graph) const {
    WriteOnnx(Path(), graph);
    return ReadOnnx(Path());
  }
  std::size_t FileCount() const {
    return static_cast<std::size_t>(std::distance(fs::directory_iterator(folder_), {}));
  }

  fs::path folder_;
};

TEST_F(WriteOnnxTest, ArchitecturesComeBack) {
  for (const char* family : {"mobilenet_v1", "squeezenet", "inception_v2"}) {
    Architecture architecture = FindDescriptor(family).architecture;
    const Graph graph = BuildArchitecture(architecture);
    const Graph read = RoundTrip(graph);
    ExpectSame(graph.ir(), read.ir());
    EXPECT_EQ(read.inputs().at(0).symbols.at(0), "N");
  }
  EXPECT_EQ(FileCount(), 1u) << "no temporary file is left";
}

TEST_F(WriteOnnxTest, RealModelsComeBack) {
  KINGLET_NEEDS_SHARED_DATA();
  for (const char* folder : {"models", "onnx-light"}) {
    for (const auto& entry : fs::directory_iterator(testing::SharedData() / folder)) {
      if (entry.path().extension() != ".onnx") continue;
      SCOPED_TRACE(entry.path());
      const Graph graph = ReadOnnx(entry.path().string());
      ExpectSame(graph.ir(), RoundTrip(graph).ir());
    }
  }
}

TEST_F(WriteOnnxTest, AttributesTypesDomainsAndSubgraphsComeBack) {
  GraphParts inner;  // reads the value a and the constant w of the graph around it
  inner.nodes = {NodeBytes("Add", {"a", "w"}, {"t"})};
  inner.outputs = {InfoBytes("t", kFloat, {})};
  const std::string strings = AttributeBytes("names", 8, [](Writer& writer) {
    writer.add_bytes(9, "one");
    writer.add_bytes(9, std::string("\0\xff", 2));
  });
  const std::string floats = AttributeBytes("values", 6, [](Writer& writer) {
    const float values[] = {0.1f, -0.0f, 1e30f};
    writer.add_packed_float(7, values, values + 3);
  });
  const std::string ints = AttributeBytes("axes", 7, [](Writer& writer) {
    const std::int64_t values[] = {-1, 0, std::int64_t{1} << 40};
    writer.add_packed_int64(8, values, values + 3);
  });
  const std::string tensor = AttributeBytes("value", 4, [](Writer& writer) {
    writer.add_message(5, RawTensor("", kInt64, {2}, Raw<std::int64_t>({-5, 7})));
  });
  const std::string body =
      AttributeBytes("body", 5, [&](Writer& writer) { writer.add_message(6, inner.Bytes()); });
  ModelParts model;
  model.graph.inputs = {InfoBytes("x", kFloat, {"N", 3, ""})};
  model.graph.initializers = {RawTensor("w", kFloat, {1}, Raw<float>({3})),
                              RawTensor("none", kUint8, {0, 4}, ""),
                              RawTensor("flags", kBool, {3}, std::string("\1\0\1", 3)),
                              RawTensor("half", kFloat16, {1}, std::string("\x12\x34", 2)),
                              RawTensor("wide", kDouble, {}, Raw<double>({2.5}))};
  model.graph.nodes = {NodeBytes("Abs", {"x"}, {"a"}),
                       NodeBytes("Odd", {"a", "", "none"}, {"y", "", "z"},
                                 {strings, floats, ints, tensor}, "com.example", "named"),
                       NodeBytes("Around", {"flags", "half", "wide"}, {"u"}, {body})};
  model.graph.outputs = {InfoBytes("y", kFloat, {}), InfoBytes("u", kFloat, {"N"})};
  model.opsets = {{"", 13}, {"com.example", 2}};
  const Graph graph = Read(model.Bytes());
  ExpectSame(graph.ir(), RoundTrip(graph).ir());
}

// Messages of one field of the graph in a file.
std::vector<std::string> PartsOfGraph(const std::string& path, std::uint32_t field) {
  std::ifstream file(path, std::ios::binary);
  const std::string bytes(std::istreambuf_iterator<char>(file), {});
  std::vector<std::string> parts;
  protozero::pbf_reader model(bytes);
  while (model.next(7)) {
    protozero::pbf_reader graph = model.get_message();
    while (graph.next(field)) parts.push_back(graph.get_string());
  }
  return parts;
}

// Names of nodes are shortened when they are read; no two nodes of a file may have the same.
TEST_F(WriteOnnxTest, NamesOfNodesStayUnique) {
  const std::string base(300, 'n');
  ModelParts model = TinyModel();
  model.graph.nodes = {NodeBytes("Relu", {"x"}, {base + "1"}),
                       NodeBytes("Neg", {base + "1"}, {base + "2"}),
                       NodeBytes("Abs", {base + "2"}, {"a"}, {}, "", base + "3"),
                       NodeBytes("Exp", {"a"}, {"b"}, {}, "", base + "4"),
                       NodeBytes("Relu", {"b"}, {"y"}, {}, "", "last")};
  const Graph graph = Read(model.Bytes());
  const Graph read = RoundTrip(graph);
  std::vector<std::string> names;
  for (const std::string& node : PartsOfGraph(Path(), 1)) {
    protozero::pbf_reader reader(node);
    names.emplace_back();
    while (reader.next(3)) names.back() = reader.get_string();
  }
  ASSERT_EQ(names.size(), 5u);
  EXPECT_EQ(names[0], "");
  EXPECT_EQ(names[1], "");
  EXPECT_THAT(names[2], ::testing::StartsWith("nnn"));
  EXPECT_EQ(names[3], "");
  EXPECT_EQ(names[4], "last");
  EXPECT_EQ(read.ir().nodes[0].name, graph.ir().nodes[0].name);
}

// A list of tensors is declared as nothing, rather than as a tensor of no type.
TEST_F(WriteOnnxTest, WhatHasNoTypeIsDeclaredByNameAlone) {
  ModelParts model = TinyModel();
  model.graph.nodes.push_back(NodeBytes("SequenceConstruct", {"x", "y"}, {"s"}));
  model.graph.outputs.push_back(Message([](Writer& info) {
    info.add_string(1, "s");
    info.add_message(2, Message([](Writer& type) {
                       type.add_message(4, Message([](Writer& sequence) {
                                          sequence.add_message(1, std::string());
                                        }));
                     }));
  }));
  const Graph graph = Read(model.Bytes());
  ExpectSame(graph.ir(), RoundTrip(graph).ir());
  const std::vector<std::string> outputs = PartsOfGraph(Path(), 12);
  ASSERT_EQ(outputs.size(), 2u);
  EXPECT_TRUE(protozero::pbf_reader(outputs[0]).next(2));
  EXPECT_FALSE(protozero::pbf_reader(outputs[1]).next(2));
}

// Where weights lie at odd addresses of the file they are copied, in pieces.
TEST_F(WriteOnnxTest, LargeWeightsComeBackFromAnyAddress) {
  constexpr std::int64_t kCount = 700'001;
  std::vector<float> values(kCount);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i);
  for (std::size_t shift = 0; shift < 4; ++shift) {
    Graph graph = Read(WithInitializer(RawTensor("w", kFloat, {kCount}, Raw(values))).Bytes());
    graph.ir().name = std::string(1 + shift, 'n');
    ExpectSame(graph.ir(), RoundTrip(graph).ir());
  }
}

TEST_F(WriteOnnxTest, FilesAreReplacedAndFoldersAreNot) {
  const Graph graph = BuildArchitecture(FindDescriptor("demo").architecture);
  std::ofstream(Path()) << "old";
  ExpectSame(graph.ir(), RoundTrip(graph).ir());
  for (const fs::path& path : {folder_, folder_ / "missing" / "model.onnx"}) {
    try {
      WriteOnnx(path.string(), graph);
      ADD_FAILURE() << path;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kIo) << error.what();
      EXPECT_THAT(error.what(), ::testing::HasSubstr(path.string()));
    }
  }
  EXPECT_EQ(FileCount(), 1u);
}

ErrorCode CodeOfWriting(const Graph& graph, const std::string& path, const char* words) {
  try {
    WriteOnnx(path, graph);
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr(words));
    EXPECT_FALSE(fs::exists(path));
    return error.code();
  }
  ADD_FAILURE() << "nothing was wrong";
  return ErrorCode::kIo;
}

Graph Small() { return BuildArchitecture(FindDescriptor("demo").architecture); }

TEST_F(WriteOnnxTest, GraphsThatAFileCannotHoldAreRefused) {
  Graph twice = Small();
  twice.ir().values[1].name = twice.ir().values[2].name;
  EXPECT_EQ(CodeOfWriting(twice, Path(), "two values"), ErrorCode::kInvalidModel);
  Graph unnamed = Small();
  unnamed.ir().values[3].name.clear();
  EXPECT_EQ(CodeOfWriting(unnamed, Path(), "no name"), ErrorCode::kInvalidModel);
  Graph fused = Small();
  Node& pool = *std::find_if(fused.ir().nodes.begin(), fused.ir().nodes.end(),
                             [](const Node& node) { return node.op == "GlobalAveragePool"; });
  pool.fusion.activation = Activation::kRelu;
  EXPECT_EQ(CodeOfWriting(fused, Path(), "fused"), ErrorCode::kInvalidModel);
  Graph mixed = Small();
  mixed.ir().nodes[4].opset = 11;
  EXPECT_EQ(CodeOfWriting(mixed, Path(), "operator set 11"), ErrorCode::kInvalidModel);
}

TEST_F(WriteOnnxTest, WhatIsAboveTwoGibibytesIsRefusedBeforeItIsWritten) {
  constexpr std::size_t kBytes = std::size_t{1} << 30;
  void* memory =
      mmap(nullptr, kBytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  Graph graph = Small();
  for (const char* name : {"huge_1", "huge_2"}) {
    graph.ir().AddConstant(
        name, Tensor::Wrap(DataType::kInt8, {std::int64_t{kBytes}}, memory, kBytes, nullptr));
  }
  EXPECT_EQ(CodeOfWriting(graph, Path(), "2 GiB"), ErrorCode::kResource);
  munmap(memory, kBytes);
}

}  // namespace
}  // namespace kinglet::write_test
