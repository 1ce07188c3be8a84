#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "engine/graph/copy.h"
#include "engine/graph/fingerprint.h"
#include "kinglet/model.h"
#include "kinglet/verdict.h"
#include "tests/support/graph_builder.h"
#include "tests/support/op_runner.h"

namespace kinglet::verdicts_test {
namespace {

using testing::Catch;
using testing::GraphBuilder;
using ::testing::HasSubstr;
using testing::RandomTensor;

Graph Net(std::uint32_t seed, float alpha = 0.1f) {
  GraphBuilder b;
  const ValueId x = b.Input("x", {1, 3, 8, 8});
  Attributes slope;
  slope.Set("alpha", alpha);
  const ValueId y = b.Op("Conv", {x, b.Constant(RandomTensor({4, 3, 3, 3}, seed))});
  const ValueId z = b.Op("LeakyRelu", {y}, slope);
  b.Output(b.Op("Conv", {z, b.Constant(RandomTensor({4, 4, 1, 1}, 9))}), "y");
  return b.Take();
}

class VerdictsTest : public ::testing::Test {
 protected:
  VerdictsTest() { std::filesystem::remove(file_); }
  ~VerdictsTest() override { std::filesystem::remove(file_); }

  const std::string file_ = (std::filesystem::temp_directory_path() /
                             (std::string("kinglet_verdicts_") +
                              ::testing::UnitTest::GetInstance()->current_test_info()->name()))
                                .string();
};

TEST(Fingerprint, TellsGraphsApart) {
  const auto of = [](const Graph& graph) { return FingerprintOf(graph.ir()); };
  EXPECT_EQ(of(Net(1)), of(Net(1)));
  EXPECT_EQ(of(Net(1)), of(Graph(CopyGraph(Net(1).ir()))));
  EXPECT_NE(of(Net(1)), of(Net(2)));
  EXPECT_NE(of(Net(1)), of(Net(1, 0.2f)));
}

TEST_F(VerdictsTest, ComeBackByGraph) {
  SaveVerdicts(Net(1),
               {{Precision::kFloat32, {5, 1, true}}, {Precision::kBFloat16, {2, 0.9, false}}},
               file_);
  SaveVerdicts(Net(2), {{Precision::kFloat32, {5, 1, true}}, {Precision::kBFloat16, {2, 1, true}}},
               file_);
  const auto first = FindVerdicts(Net(1), file_);
  const auto second = FindVerdicts(Net(2), file_);
  ASSERT_TRUE(first && second);
  EXPECT_DOUBLE_EQ(first->at(Precision::kBFloat16).share, 0.9);
  EXPECT_EQ(
      FastestAllowed({{Precision::kFloat32, {5, 1, true}}, {Precision::kInt8, {5.1, 1, true}}}),
      Precision::kInt8);
  EXPECT_EQ(
      FastestAllowed({{Precision::kFloat32, {5, 1, true}}, {Precision::kBFloat16, {4.9, 1, true}}}),
      Precision::kFloat32);
  EXPECT_EQ(FastestAllowed(*first), Precision::kFloat32);
  EXPECT_EQ(FastestAllowed(*second), Precision::kBFloat16);
  EXPECT_FALSE(FindVerdicts(Net(3), file_));
}

TEST_F(VerdictsTest, AutoGoesByThem) {
  SaveVerdicts(Net(1), {{Precision::kFloat32, {5, 1, true}}, {Precision::kBFloat16, {2, 1, true}}},
               file_);
  const CompileOptions options = {
      .precision = Precision::kAuto, .verdict_file = file_, .use_cache = false};
  const Model known = Model::Compile(Net(1), options);
  EXPECT_EQ(known.precision(), Precision::kBFloat16);
  EXPECT_THAT(known.notes(), ::testing::Contains(HasSubstr("runs in bf16")));
  const Model unknown = Model::Compile(Net(2), options);
  EXPECT_EQ(unknown.precision(), Precision::kModel);
  EXPECT_THAT(unknown.notes(), ::testing::Contains(HasSubstr("no check")));
}

TEST_F(VerdictsTest, WhatIsNoSuchFileIsOneError) {
  for (const char* text : {"", "{", "[]", R"({"kinglet": "tuning"})"}) {
    std::ofstream(file_) << text;
    EXPECT_THAT(Catch([&] { FindVerdicts(Net(1), file_); }).message, HasSubstr(file_)) << text;
    EXPECT_THAT(Catch([&] { SaveVerdicts(Net(1), {}, file_); }).message, HasSubstr(file_)) << text;
  }
  std::filesystem::remove(file_);
  SaveVerdicts(Net(1), {{Precision::kBFloat16, {2, 1, true}}}, file_);
  std::string text;
  std::getline(std::ifstream(file_), text, '\0');
  for (const auto& [from, to] :
       {std::pair{"\"bf16\"", "\"f12\""}, {"2.0", "-1"}, {"1.0", "7"}, {"true", "\"yes\""}}) {
    std::string wrong = text;
    const std::size_t at = wrong.rfind(from);
    ASSERT_NE(at, std::string::npos) << from;
    wrong.replace(at, std::string(from).size(), to);
    std::ofstream(file_) << wrong;
    EXPECT_THAT(Catch([&] { FindVerdicts(Net(1), file_); }).message, HasSubstr(file_)) << wrong;
  }
}

}  // namespace
}  // namespace kinglet::verdicts_test
