// kinglet classify with the demo network and the pictures of the repository.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kinglet/descriptor.h"
#include "tests/apps/command.h"

namespace kinglet::testing::classify_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

std::string Demo(const std::string& name) { return SourcePath("models/demo/" + name).string(); }
std::string Picture(const std::string& name) { return Demo("images/" + name); }

TEST(ClassifyTest, DemoPicturesAreWhatTheyShow) {
  const auto expected = nlohmann::json::parse(ReadText(Demo("expected.json")));
  const CommandResult result = Kinglet({"classify", "--json", "--quiet", Demo("images")});
  EXPECT_EQ(result.status, 0);
  EXPECT_EQ(result.err, "");
  const auto lines = result.OutLines();
  EXPECT_EQ(lines.size(), expected.size());
  std::string last;
  for (const std::string& line : lines) {
    const auto json = nlohmann::json::parse(line);
    const std::string path = json.at("image");
    EXPECT_LT(last, path) << "folders are sorted by name";
    last = path;
    EXPECT_EQ(json.at("model"), "demo");
    ASSERT_EQ(json.at("top").size(), 5u);
    const auto& best = json.at("top").at(0);
    EXPECT_EQ(best.at("label"), expected.at(std::filesystem::path(path).filename().string()));
    double sum = 0;
    double before = 1;
    for (const auto& entry : json.at("top")) {
      const double score = entry.at("score");
      EXPECT_LE(score, before);
      before = score;
      sum += score;
    }
    EXPECT_GT(sum, 0.0);
    EXPECT_LE(sum, 1.0 + 1e-5);
    for (const char* key : {"decode", "preprocess", "network"}) {
      EXPECT_GE(json.at("ms").at(key).get<double>(), 0.0);
    }
  }
}

TEST(ClassifyTest, TableNamesPictureScoreAndClass) {
  const CommandResult result =
      Kinglet({"classify", "--top", "2", "--threads", "1", Picture("house.png")});
  EXPECT_EQ(result.status, 0);
  const auto lines = result.OutLines();
  ASSERT_EQ(lines.size(), 8u) << result.out;
  EXPECT_THAT(lines[0], AllOf(HasSubstr("image"), HasSubstr("score"), HasSubstr("class")));
  EXPECT_THAT(lines[1], AllOf(HasSubstr("house.png"), HasSubstr("house")));
  EXPECT_EQ(lines[4], "1 picture, demo, 1 thread");
  EXPECT_THAT(lines[5], AllOf(HasSubstr("decode"), HasSubstr("preprocess"), HasSubstr("network")));
  EXPECT_THAT(lines[6], HasSubstr("first run"));
  const CommandResult quiet = Kinglet({"classify", "--quiet", "--top", "2", Picture("house.png")});
  EXPECT_THAT(quiet.OutLines(), SizeIs(2));
}

TEST(ClassifyTest, TopIsBoundedByTheClasses) {
  const auto json = Kinglet({"classify", "--json", "--top", "999", Picture("house.png")}).OutJson();
  EXPECT_EQ(json.at("top").size(), 16u);
}

TEST(ClassifyTest, TheBuiltInNetworkSaysWhatItKnows) {
  const CommandResult built_in = Kinglet({"classify", Picture("house.png")});
  EXPECT_THAT(built_in.err, AllOf(HasSubstr("16 kinds of drawn things (apple, butterfly"),
                                  HasSubstr("no photographs"), HasSubstr("--model")));
  const CommandResult named = Kinglet(
      {"classify", "--model", Demo("demo.onnx"), "--descriptor", "demo", Picture("house.png")});
  EXPECT_THAT(named.err, Not(HasSubstr("drawn things")));
}

TEST(ClassifyTest, PicturesOfNoClassAreNoneOfThese) {
  const TemporaryFolder folder;
  Descriptor descriptor = FindDescriptor("demo");
  descriptor.rejection = {RejectionMeasure::kScore, "", 1.0f};  // no score is as high
  WriteDescriptor(folder.Path("strict.json"), descriptor);
  const std::vector<std::string> classify = {"classify",          "-q",
                                             "--model",           Demo("demo.onnx"),
                                             "--descriptor",      folder.Path("strict.json"),
                                             Picture("house.png")};
  const CommandResult table = Kinglet(classify);
  EXPECT_EQ(table.status, 0) << table.err;
  EXPECT_THAT(table.OutLines(), SizeIs(1));
  EXPECT_THAT(table.out, HasSubstr("none of these"));
  std::vector<std::string> with_json = classify;
  with_json.insert(with_json.begin() + 1, "--json");
  const auto json = Kinglet(with_json).OutJson();
  ASSERT_EQ(json.at("top").size(), 1u);
  EXPECT_EQ(json.at("top").at(0).at("label"), "none of these");
  EXPECT_TRUE(json.at("top").at(0).at("index").is_null());
  EXPECT_TRUE(json.at("top").at(0).at("score").is_null());
}

TEST(ClassifyTest, OneBadPictureDoesNotStopTheOthers) {
  const TemporaryFolder folder;
  folder.Copy(Picture("house.png"), "a.png");
  folder.Write("b.jpg", "no picture");
  folder.Write("c.txt", "not looked at");
  folder.Copy(Picture("fish.bmp"), "d.BMP");
  const CommandResult result =
      Kinglet({"classify", "--json", "--quiet", folder.Path(), folder.Path("missing.png")});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.OutLines(), SizeIs(2));
  const auto errors = result.ErrLines();
  ASSERT_EQ(errors.size(), 2u) << result.err;
  EXPECT_THAT(errors[0], HasSubstr("b.jpg"));
  EXPECT_THAT(errors[1], HasSubstr("missing.png"));
}

TEST(ClassifyTest, AFolderWithoutPicturesFails) {
  const TemporaryFolder folder;
  folder.Write("readme.txt", "text");
  const CommandResult result = Kinglet({"classify", folder.Path()});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.err, HasSubstr("has no pictures"));
  EXPECT_EQ(result.out, "");
}

TEST(ClassifyTest, PicturesOverTheLimitAreRefused) {
  const CommandResult result =
      Kinglet({"classify", "--quiet", "--max-pixels", "100", Picture("house.png")});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.ErrLines(), SizeIs(1));
  EXPECT_THAT(result.err, HasSubstr("house.png"));
}

TEST(ClassifyTest, LabelsCanBeReplaced) {
  const TemporaryFolder folder;
  std::string names;
  for (int i = 0; i < 16; ++i) names += "thing " + std::to_string(i) + "\n";
  const auto json = Kinglet({"classify", "--json", "--labels", folder.Write("names.txt", names),
                             Picture("house.png")})
                        .OutJson();
  const auto& best = json.at("top").at(0);
  EXPECT_EQ(best.at("label"), "thing " + std::to_string(best.at("index").get<int>()));

  const CommandResult few =
      Kinglet({"classify", "--labels", folder.Write("few.txt", "a\nb\n"), Picture("house.png")});
  EXPECT_EQ(few.status, 2);
  EXPECT_THAT(few.err, AllOf(HasSubstr("expected 16"), HasSubstr("found 2")));
  const CommandResult missing =
      Kinglet({"classify", "--labels", folder.Path("none.txt"), Picture("house.png")});
  EXPECT_EQ(missing.status, 4);
}

TEST(ClassifyTest, WithoutADescriptorItSaysHowToMakeOne) {
  const TemporaryFolder folder;
  const std::string model = folder.Copy(Demo("demo.onnx"), "net.onnx");
  const std::vector<std::string> classify = {"classify", "--json", "--model", model,
                                             Picture("house.png")};
  const CommandResult without = Kinglet(classify);
  EXPECT_EQ(without.status, 2);
  EXPECT_EQ(without.out, "");
  EXPECT_THAT(without.ErrLines(), SizeIs(1));
  EXPECT_THAT(without.err,
              AllOf(HasSubstr("no descriptor"),
                    HasSubstr("kinglet describe " + model + " -o " + folder.Path("net.json"))));

  const CommandResult draft = Kinglet({"describe", model, "-o", folder.Path("net.json")});
  EXPECT_EQ(draft.status, 0);
  EXPECT_THAT(draft.err, HasSubstr("guess"));
  const CommandResult with = Kinglet(classify);
  EXPECT_EQ(with.status, 0) << with.err;
  EXPECT_EQ(with.OutJson().at("model"), model);
  EXPECT_THAT(with.OutJson().at("top").at(0).at("label").get<std::string>(), HasSubstr("class "));

  const CommandResult named = Kinglet(
      {"classify", "--json", "--model", model, "--descriptor", "demo", Picture("house.png")});
  EXPECT_EQ(named.OutJson().at("top").at(0).at("label"), "house");
}

TEST(ClassifyTest, TheModelIsRightAboutSizeAndClasses) {
  const CommandResult result = Kinglet({"classify", "--json", "--model", Demo("demo.onnx"),
                                        "--descriptor", "mobilenet_v1", Picture("house.png")});
  EXPECT_EQ(result.status, 0) << result.err;
  EXPECT_THAT(result.err, AllOf(HasSubstr("16 classes"), HasSubstr("imagenet")));
  EXPECT_THAT(result.OutJson().at("top").at(0).at("label").get<std::string>(), HasSubstr("class "));
}

TEST(ClassifyTest, BadDescriptorsAreNamed) {
  const TemporaryFolder folder;
  const auto with = [&](const std::string& descriptor) {
    return Kinglet({"classify", "--model", Demo("demo.onnx"), "--descriptor", descriptor,
                    Picture("house.png")});
  };
  const CommandResult unknown = with("mobilenet_v9");
  EXPECT_EQ(unknown.status, 2);
  EXPECT_THAT(unknown.err, AllOf(HasSubstr("'mobilenet_v9'"), HasSubstr("mobilenet_v2")));
  const CommandResult wrong = with(folder.Write("wrong.json", R"({"task": "classify",
      "input": {"width": 128, "height": -1}, "output": {}})"));
  EXPECT_EQ(wrong.status, 3);
  EXPECT_THAT(wrong.err, AllOf(HasSubstr("wrong.json"), HasSubstr("input.height")));
  EXPECT_EQ(with(folder.Path("missing.json")).status, 4);
}

TEST(ClassifyTest, BadModelsAreNamed) {
  const TemporaryFolder folder;
  const auto with = [&](const std::string& model) {
    return Kinglet({"classify", "--model", model, "-d", "demo", Picture("house.png")});
  };
  const CommandResult text = with(folder.Write("text.onnx", "this is no model"));
  EXPECT_EQ(text.status, 3);
  EXPECT_THAT(text.ErrLines(), SizeIs(1));
  EXPECT_THAT(text.err, HasSubstr("text.onnx"));
  EXPECT_EQ(with(folder.Path("missing.onnx")).status, 4);
  const std::string whole = ReadText(Demo("demo.onnx"));
  const CommandResult cut = with(folder.Write("cut.onnx", whole.substr(0, whole.size() / 2)));
  EXPECT_EQ(cut.status, 3);
  EXPECT_THAT(cut.OutLines(), IsEmpty());
}

TEST(DescribeTest, PrintsADescriptorThatWorks) {
  const TemporaryFolder folder;
  const CommandResult draft = Kinglet({"describe", "--quiet", Demo("demo.onnx")});
  EXPECT_EQ(draft.status, 0);
  EXPECT_EQ(draft.err, "");
  const auto json = nlohmann::json::parse(draft.out);
  EXPECT_EQ(json.at("input").at("width"), 128);
  EXPECT_EQ(json.at("output").at("activation"), "none");
  const CommandResult classify =
      Kinglet({"classify", "--json", "--model", Demo("demo.onnx"), "--descriptor",
               folder.Write("draft.json", draft.out), Picture("house.png")});
  EXPECT_EQ(classify.status, 0) << classify.err;
}

TEST(DescribeTest, FailsWithTheRightStatus) {
  const TemporaryFolder folder;
  EXPECT_EQ(Kinglet({"describe", folder.Path("missing.onnx")}).status, 4);
  EXPECT_EQ(Kinglet({"describe", folder.Write("bad.onnx", "x")}).status, 3);
  EXPECT_EQ(Kinglet({"describe", Demo("demo.onnx"), "-o", folder.Path("no/such.json")}).status, 4);
}

}  // namespace
}  // namespace kinglet::testing::classify_test
