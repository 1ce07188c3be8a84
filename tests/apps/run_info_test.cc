// kinglet run and kinglet info.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kinglet/descriptor.h"
#include "kinglet/npy.h"
#include "tests/apps/command.h"

namespace kinglet::testing::run_info_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

std::string DemoModel() { return SourcePath("models/demo/demo.onnx").string(); }

Tensor Ramp(const Shape& shape) {
  Tensor tensor(DataType::kFloat32, shape);
  for (std::int64_t i = 0; i < tensor.size(); ++i) {
    tensor.data<float>()[i] = static_cast<float>(i % 255) / 127.5f - 1.0f;
  }
  return tensor;
}

class RunTest : public ::testing::Test {
 protected:
  std::string Input(const std::string& name, const Tensor& tensor) {
    const std::string path = folder_.Path(name);
    WriteNpy(path, tensor);
    return path;
  }
  CommandResult Run(const std::vector<std::string>& extra) {
    std::vector<std::string> arguments = {"run", DemoModel(), "--output-dir",
                                          folder_.Path("out/deep")};
    arguments.insert(arguments.end(), extra.begin(), extra.end());
    return Kinglet(arguments);
  }
  bool HasIndex() { return std::filesystem::exists(folder_.Path("out/deep/outputs.json")); }

  TemporaryFolder folder_;
};

TEST_F(RunTest, WritesOutputsAndTheirIndex) {
  const CommandResult result =
      Run({"--json", "--input", "input=" + Input("x.npy", Ramp({2, 3, 128, 128}))});
  ASSERT_EQ(result.status, 0) << result.err;
  const auto index = nlohmann::json::parse(ReadText(folder_.Path("out/deep/outputs.json")));
  ASSERT_EQ(index.size(), 2u);  // and what tells photographs
  const std::string file = index.at("output");
  const Tensor output = ReadNpy(folder_.Path("out/deep/" + file));
  EXPECT_EQ(output.shape(), (Shape{2, 16}));
  float sum = 0;
  for (int i = 0; i < 32; ++i) sum += output.data<float>()[i];
  EXPECT_NEAR(sum, 2.0f, 1e-4f);
  const auto json = result.OutJson();
  EXPECT_EQ(json.at("outputs").at("output").at("file"), file);
  EXPECT_EQ(json.at("outputs").at("output").at("shape"), (std::vector<int>{2, 16}));
}

TEST_F(RunTest, InputFilesThatFailAreStatusOne) {
  const std::string good = Input("x.npy", Ramp({1, 3, 128, 128}));
  const std::vector<std::string> bad = {
      folder_.Path("missing.npy"), folder_.Write("text.npy", "no array"),
      Input("small.npy", Ramp({1, 3, 64, 64})),
      Input("bytes.npy", Tensor(DataType::kUInt8, {1, 3, 128, 128}))};
  for (const std::string& path : bad) {
    const CommandResult result = Run({"--input", "input=" + path});
    EXPECT_EQ(result.status, 1) << path;
    EXPECT_THAT(result.ErrLines(), SizeIs(1)) << result.err;
    EXPECT_FALSE(HasIndex());
  }
  EXPECT_EQ(Run({"--input", "input=" + good}).status, 0);
  EXPECT_TRUE(HasIndex());
}

TEST_F(RunTest, WrongNamesAreUsage) {
  const std::string good = Input("x.npy", Ramp({1, 3, 128, 128}));
  const CommandResult unknown = Run({"--input", "data=" + good});
  EXPECT_EQ(unknown.status, 2);
  EXPECT_THAT(unknown.err, AllOf(HasSubstr("'data'"), HasSubstr("'input'")));
  EXPECT_EQ(Run({}).status, 2);
  EXPECT_EQ(Run({"--input", good}).status, 2);
  EXPECT_EQ(Run({"--input", "input=" + good, "--input", "input=" + good}).status, 2);
}

TEST_F(RunTest, OutputsThatCannotBeWrittenAreStatusFour) {
  const std::string good = Input("x.npy", Ramp({1, 3, 128, 128}));
  const CommandResult result = Kinglet({"run", DemoModel(), "--input", "input=" + good,
                                        "--output-dir", folder_.Write("file", "") + "/out"});
  EXPECT_EQ(result.status, 4);
  EXPECT_THAT(result.ErrLines(), SizeIs(1)) << result.err;
}

TEST(InfoTest, CountsTheDemoNetwork) {
  const auto one = Kinglet({"info", "demo", "--json"}).OutJson();
  EXPECT_EQ(one.at("inputs").at(0).at("planned"), (std::vector<int>{1, 3, 128, 128}));
  EXPECT_EQ(one.at("outputs").at(0).at("shape"), (std::vector<int>{1, 16}));
  EXPECT_GT(one.at("layers").get<int>(), 27);
  EXPECT_NEAR(one.at("multiply_adds").get<double>() / 1e6, 13.5, 0.5);
  EXPECT_NEAR(one.at("parameters").get<double>(), 234e3, 1e3);
  EXPECT_GE(one.at("weight_bytes").get<double>(), 4 * one.at("parameters").get<double>());
  EXPECT_GT(one.at("arena_bytes").get<int>(), 0);
  EXPECT_FALSE(one.contains("kernels"));
  const auto eight = Kinglet({"info", "demo", "--json", "--batch", "8"}).OutJson();
  EXPECT_EQ(eight.at("multiply_adds").get<std::int64_t>(),
            8 * one.at("multiply_adds").get<std::int64_t>());
}

TEST(InfoTest, ListsTheKernelOfEachNode) {
  const auto json = Kinglet({"info", DemoModel(), "--json", "--kernels"}).OutJson();
  std::int64_t macs = 0;
  bool conv = false;
  for (const auto& step : json.at("kernels")) {
    macs += step.at("multiply_adds").get<std::int64_t>();
    conv = conv || step.at("op") == "Conv";
    EXPECT_THAT(step.at("kernel").get<std::string>(), HasSubstr("/"));
    const auto& work = step.at("work");
    EXPECT_GT(work.at("write_bytes").get<double>(), 0);
    if (step.at("op") != "Conv") continue;
    EXPECT_GT(work.at("read_bytes").get<double>(), 0);
    EXPECT_GT(work.at("weight_bytes").get<double>(), 0);
    EXPECT_EQ(work.at("operations").at(0).at("type"), "float32");
    EXPECT_GT(work.at("operations").at(0).at("count").get<double>(), 0);
  }
  EXPECT_TRUE(conv);
  EXPECT_EQ(macs, json.at("multiply_adds").get<std::int64_t>());
  EXPECT_THAT(Kinglet({"info", DemoModel(), "--kernels"}).out,
              AllOf(HasSubstr("multiply-adds"), HasSubstr("kernel"), HasSubstr("conv/")));
}

TEST(InfoTest, BuildsNetworksByName) {
  const auto json = Kinglet({"info", "squeezenet", "--json", "--threads", "1"}).OutJson();
  EXPECT_EQ(json.at("threads"), 1);
  EXPECT_NEAR(json.at("multiply_adds").get<double>() / 1e6, 349.2, 3.5);
  EXPECT_NEAR(json.at("parameters").get<double>() / 1e6, 1.235, 0.012);
}

TEST(InfoTest, BuildsNetworksFromADescriptorFile) {
  const TemporaryFolder folder;
  Descriptor descriptor = FindDescriptor("mobilenet_v1");
  descriptor.architecture.width_multiplier = 0.25;
  descriptor.architecture.resolution = 128;
  descriptor.preprocess.width = descriptor.preprocess.height = 128;
  const std::string path = folder.Path("small.json");
  WriteDescriptor(path, descriptor);
  const auto json = Kinglet({"info", path, "--json"}).OutJson();
  EXPECT_NEAR(json.at("multiply_adds").get<double>() / 1e6, 13.7, 0.2);
  descriptor.architecture = {};
  WriteDescriptor(path, descriptor);
  EXPECT_EQ(Kinglet({"info", path}).status, 2);
}

TEST(InfoTest, ShapesCanBeGiven) {
  const auto json = Kinglet({"info", "demo", "--json", "--shape", "input=3x3x128x128"}).OutJson();
  EXPECT_EQ(json.at("outputs").at(0).at("shape").at(0), 3);
  EXPECT_EQ(Kinglet({"info", "demo", "--shape", "input=3x3x64x64"}).status, 2);
  EXPECT_EQ(Kinglet({"info", "demo", "--shape", "data=3x3x128x128"}).status, 2);
}

TEST(InfoTest, RefusesWhatCannotRun) {
  const TemporaryFolder folder;
  EXPECT_EQ(Kinglet({"info", folder.Path("missing.onnx")}).status, 4);
  const CommandResult bad = Kinglet({"info", folder.Write("bad.onnx", "no model")});
  EXPECT_EQ(bad.status, 3);
  EXPECT_THAT(bad.ErrLines(), SizeIs(1));
}

}  // namespace
}  // namespace kinglet::testing::run_info_test
