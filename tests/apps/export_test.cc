// kinglet export.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kinglet/descriptor.h"
#include "kinglet/npy.h"
#include "tests/apps/command.h"

namespace kinglet::testing::export_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(ExportTest, WritesWhatADescriptorBuilds) {
  const TemporaryFolder folder;
  const std::string path = folder.Path("net.onnx");
  const CommandResult result = Kinglet({"export", "squeezenet", "-o", path, "--json"});
  ASSERT_EQ(result.status, 0) << result.err;
  const auto json = result.OutJson();
  EXPECT_EQ(json.at("descriptor"), "squeezenet");
  EXPECT_EQ(json.at("file"), path);
  EXPECT_EQ(json.at("bytes").get<std::uintmax_t>(), std::filesystem::file_size(path));
  const auto by_name = Kinglet({"info", "squeezenet", "--json", "--batch", "3"}).OutJson();
  const auto by_file = Kinglet({"info", path, "--json", "--batch", "3"}).OutJson();
  for (const char* key : {"inputs", "outputs", "layers", "parameters", "multiply_adds"}) {
    EXPECT_EQ(by_name.at(key), by_file.at(key)) << key;
  }
  EXPECT_EQ(by_file.at("parameters"), json.at("parameters"));
}

TEST(ExportTest, TheFileOfTheDemoNetworkAnswersAsTheDemoNetwork) {
  const TemporaryFolder folder;
  const std::string path = folder.Path("demo.onnx");
  const CommandResult result = Kinglet({"export", "demo", "-o", path});
  ASSERT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.out, AllOf(HasSubstr(path), HasSubstr("parameters")));
  Tensor input(DataType::kFloat32, {2, 3, 128, 128});
  for (std::int64_t i = 0; i < input.size(); ++i) {
    input.data<float>()[i] = static_cast<float>(i % 255) / 127.5f - 1.0f;
  }
  WriteNpy(folder.Path("x.npy"), input);
  std::vector<Tensor> outputs;
  for (const std::string& model : {path, SourcePath("models/demo/demo.onnx").string()}) {
    ASSERT_EQ(Kinglet({"run", model, "--input", "input=" + folder.Path("x.npy"), "--output-dir",
                       folder.Path("out")})
                  .status,
              0);
    outputs.push_back(ReadNpy(folder.Path("out/output.npy")));
  }
  ASSERT_EQ(outputs[0].size(), 32);
  for (int i = 0; i < 32; ++i) {
    EXPECT_EQ(outputs[0].data<float>()[i], outputs[1].data<float>()[i]);
  }
}

TEST(ExportTest, DetectorsAreDescribedAndNotClassifiedWith) {
  const TemporaryFolder folder;
  const std::string path = folder.Path("ssd.onnx");
  ASSERT_EQ(Kinglet({"export", "ssd_mobilenet_v1", "-o", path}).status, 0);
  const std::string picture = SourcePath("models/demo/images/house.png").string();
  const CommandResult by_name =
      Kinglet({"classify", "--model", path, "--descriptor", "ssd_mobilenet_v1", picture});
  EXPECT_EQ(by_name.status, 2);
  EXPECT_THAT(by_name.err, AllOf(HasSubstr("detector"), HasSubstr("ssd_mobilenet_v1")));
  EXPECT_THAT(by_name.ErrLines(), SizeIs(1));
  ASSERT_EQ(Kinglet({"describe", path, "-o", folder.Path("ssd.json"), "-q"}).status, 0);
  const Descriptor draft = ReadDescriptor(folder.Path("ssd.json"));
  EXPECT_EQ(draft.task, Task::kDetect);
  EXPECT_EQ(draft.labels, "coco");
  EXPECT_EQ(draft.preprocess.mean, FindDescriptor("ssd_mobilenet_v1").preprocess.mean);
  EXPECT_EQ(Kinglet({"classify", "--model", path, picture}).status, 2);
}

TEST(ExportTest, DescriptorFilesNeedAnArchitecture) {
  const TemporaryFolder folder;
  Descriptor descriptor = FindDescriptor("mobilenet_v1");
  descriptor.architecture.width_multiplier = 0.25;
  WriteDescriptor(folder.Path("small.json"), descriptor);
  EXPECT_EQ(Kinglet({"export", folder.Path("small.json"), "-o", folder.Path("a.onnx"), "-q"}).out,
            "");
  EXPECT_TRUE(std::filesystem::exists(folder.Path("a.onnx")));
  descriptor.architecture = {};
  WriteDescriptor(folder.Path("small.json"), descriptor);
  const CommandResult result =
      Kinglet({"export", folder.Path("small.json"), "-o", folder.Path("b.onnx")});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr("no architecture"));
  EXPECT_FALSE(std::filesystem::exists(folder.Path("b.onnx")));
}

TEST(ExportTest, WhatCannotBeWrittenIsAnErrorOfOneLine) {
  const TemporaryFolder folder;
  const CommandResult model = Kinglet(
      {"export", SourcePath("models/demo/demo.onnx").string(), "-o", folder.Path("c.onnx")});
  EXPECT_EQ(model.status, 2);
  EXPECT_THAT(model.err, HasSubstr("expected a descriptor"));
  for (const std::string& path : {folder.Path("missing/d.onnx"), folder.Path("")}) {
    const CommandResult result = Kinglet({"export", "demo", "-o", path});
    EXPECT_EQ(result.status, 4) << path;
    EXPECT_EQ(result.out, "");
    EXPECT_THAT(result.ErrLines(), SizeIs(1)) << result.err;
  }
  EXPECT_EQ(Kinglet({"export", folder.Path("missing.json"), "-o", folder.Path("e.onnx")}).status,
            4);
}

}  // namespace
}  // namespace kinglet::testing::export_test
