// kinglet optimise and kinglet info --graph.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "kinglet/npy.h"
#include "tests/apps/command.h"

namespace kinglet::testing::optimise_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;

std::string DemoModel() { return SourcePath("models/demo/demo.onnx").string(); }

TEST(OptimiseTest, TheFileAnswersAsTheModel) {
  const TemporaryFolder folder;
  const std::string path = folder.Path("demo.opt.onnx");
  const auto json = Kinglet({"optimise", DemoModel(), "-o", path, "--json"}).OutJson();
  EXPECT_EQ(json.at("file"), path);
  EXPECT_EQ(json.at("bytes").get<std::uintmax_t>(), std::filesystem::file_size(path));
  EXPECT_LT(json.at("nodes").get<int>(), json.at("nodes_read").get<int>());
  Tensor input(DataType::kFloat32, {2, 3, 128, 128});
  for (std::int64_t i = 0; i < input.size(); ++i) {
    input.data<float>()[i] = static_cast<float>(i % 255) / 127.5f - 1.0f;
  }
  WriteNpy(folder.Path("x.npy"), input);
  std::vector<Tensor> outputs;
  for (const std::string& model : {path, DemoModel()}) {
    ASSERT_EQ(Kinglet({"run", model, "--no-cache", "-j", "1", "--input",
                       "input=" + folder.Path("x.npy"), "--output-dir", folder.Path("out")})
                  .status,
              0);
    outputs.push_back(ReadNpy(folder.Path("out/output.npy")));
  }
  ASSERT_EQ(outputs[0].size(), 32);
  for (int i = 0; i < 32; ++i) {
    EXPECT_EQ(outputs[0].data<float>()[i], outputs[1].data<float>()[i]);
  }
  // What the network ends with is found as it was before.
  const std::string picture = SourcePath("models/demo/images/house.png").string();
  const auto found = Kinglet({"classify", "-m", path, "-d", "demo", "-j", "1", "--json", picture});
  const auto wanted = Kinglet({"classify", "-j", "1", "--json", picture});
  EXPECT_EQ(found.OutJson().at("top"), wanted.OutJson().at("top"));
}

TEST(OptimiseTest, AnOptimisedFileStaysAsItIs) {
  const TemporaryFolder folder;
  const std::string once = folder.Path("once.onnx");
  const std::string twice = folder.Path("twice.onnx");
  ASSERT_EQ(Kinglet({"optimise", "squeezenet", "-o", once, "-q"}).out, "");
  ASSERT_EQ(Kinglet({"optimise", once, "-o", twice}).status, 0);
  EXPECT_EQ(ReadText(once), ReadText(twice));
}

TEST(OptimiseTest, FilesThatGoByTheNetworksNameAreNoted) {
  const TemporaryFolder folder;
  const std::string model = folder.Copy(DemoModel(), "net.onnx");
  const std::vector<std::string> command = {"optimise", model, "-o", folder.Path("fast.onnx")};
  EXPECT_EQ(Kinglet(command).err, "");
  folder.Write("net.json", "{}");
  const CommandResult one = Kinglet(command);
  EXPECT_EQ(one.status, 0);
  EXPECT_THAT(one.ErrLines(), SizeIs(1)) << one.err;
  EXPECT_THAT(one.err, AllOf(HasSubstr("net.json is not found"), HasSubstr("fast.onnx")));
  folder.Write("net.anchors.json", "[]");
  const CommandResult both = Kinglet(command);
  EXPECT_THAT(both.ErrLines(), SizeIs(1)) << both.err;
  EXPECT_THAT(both.err, AllOf(HasSubstr("net.json and "), HasSubstr("net.anchors.json are not")));
  EXPECT_EQ(Kinglet({"optimise", model, "-o", folder.Path("fast.onnx"), "-q"}).err, "");
  folder.Write("fast.json", "{}");
  folder.Write("fast.anchors.json", "[]");
  EXPECT_EQ(Kinglet(command).err, "");
}

TEST(OptimiseTest, WhatIsWrongIsAnErrorOfOneLine) {
  const TemporaryFolder folder;
  EXPECT_EQ(Kinglet({"optimise", DemoModel()}).status, 2);
  EXPECT_EQ(Kinglet({"optimise", folder.Path("no.onnx"), "-o", folder.Path("a.onnx")}).status, 4);
  const CommandResult result =
      Kinglet({"optimise", DemoModel(), "-o", folder.Path("missing/a.onnx")});
  EXPECT_EQ(result.status, 4);
  EXPECT_THAT(result.ErrLines(), SizeIs(1)) << result.err;
  EXPECT_THAT(Kinglet({"optimise", "--help"}).out, HasSubstr("Example:\n  kinglet optimise"));
}

TEST(GraphInfoTest, ShowsTheStagesOfAGraph) {
  const CommandResult optimised = Kinglet({"info", "mobilenet_v2", "--graph", "--batch", "2"});
  ASSERT_EQ(optimised.status, 0) << optimised.err;
  EXPECT_THAT(optimised.out,
              AllOf(HasSubstr("mobilenet_v2, optimised"), HasSubstr("Conv + Clip(0, 6)"),
                    HasSubstr("Conv + sum"), HasSubstr("float32 2x3x224x224"),
                    HasSubstr("constant, "), Not(HasSubstr(" Clip "))));
  const CommandResult read = Kinglet({"info", "mobilenet_v2", "--graph", "--as-read"});
  ASSERT_EQ(read.status, 0) << read.err;
  EXPECT_THAT(read.out, AllOf(HasSubstr("mobilenet_v2, read"), HasSubstr(" Clip "),
                              Not(HasSubstr("Conv +"))));
  EXPECT_EQ(Kinglet({"info", "mobilenet_v2", "--as-read"}).status, 2);
}

TEST(GraphInfoTest, AsJson) {
  const auto json = Kinglet({"info", DemoModel(), "--graph", "--json"}).OutJson();
  EXPECT_EQ(json.at("stage"), "optimised");
  const auto& graph = json.at("graph");
  const auto& nodes = graph.at("nodes");
  EXPECT_EQ(graph.at("inputs").at(0).at("shape"), (std::vector<int>{1, 3, 128, 128}));
  const auto conv = std::find_if(nodes.begin(), nodes.end(),
                                 [](const auto& node) { return node.at("op") == "Conv"; });
  ASSERT_NE(conv, nodes.end());
  EXPECT_THAT(conv->at("fusion").template get<std::string>(), HasSubstr("Clip"));
  EXPECT_GT(conv->at("inputs").at(1).at("constant_bytes").template get<int>(), 0);
}

}  // namespace
}  // namespace kinglet::testing::optimise_test
