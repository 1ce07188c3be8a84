// kinglet detect with small networks of the project's own; those of the shared data in
// shared_data_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/graph/ir.h"
#include "kinglet/descriptor.h"
#include "kinglet/image.h"
#include "kinglet/onnx.h"
#include "tests/apps/command.h"

namespace kinglet::testing::detect_test {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

std::string Picture(const std::string& name) {
  return SourcePath("models/demo/images/" + name).string();
}

// A detector with random weights and its descriptor beside it. Its scores are logits near zero, so
// that a threshold below one half lets many boxes pass.
class RandomDetector {
 public:
  RandomDetector() {
    Descriptor descriptor = FindDescriptor("ssd_mobilenet_v1");
    descriptor.architecture.width_multiplier = 0.25;
    descriptor.architecture.resolution = 96;
    descriptor.preprocess.width = descriptor.preprocess.height = 96;
    descriptor.detection.max_detections = 5;
    WriteDescriptor(folder_.Path("ssd.json"), descriptor);
    EXPECT_EQ(Kinglet({"export", folder_.Path("ssd.json"), "-o", model(), "-q"}).status, 0);
  }

  std::string model() const { return folder_.Path("ssd.onnx"); }
  std::string Path(const std::string& name) const { return folder_.Path(name); }
  CommandResult Detect(std::vector<std::string> arguments) const {
    arguments.insert(arguments.begin(), {"detect", "--model", model()});
    return Kinglet(arguments);
  }
  const TemporaryFolder& folder() const { return folder_; }

 private:
  TemporaryFolder folder_;
};

TEST(DetectTest, JsonHasOneLineForEachPicture) {
  const RandomDetector detector;
  const CommandResult result = detector.Detect(
      {"--json", "--threshold", "0.01", Picture("house.png"), Picture("clock.jpg")});
  EXPECT_EQ(result.status, 0) << result.err;
  ASSERT_THAT(result.OutLines(), SizeIs(2));
  const auto json = nlohmann::json::parse(result.OutLines()[0]);
  EXPECT_EQ(json.at("image"), Picture("house.png"));
  EXPECT_EQ(json.at("model"), detector.model());
  const Image image = ReadImage(Picture("house.png"));
  ASSERT_THAT(json.at("detections"), SizeIs(5));
  double before = 1;
  for (const auto& d : json.at("detections")) {
    EXPECT_LE(d.at("score").get<double>(), before);
    before = d.at("score");
    EXPECT_LT(d.at("index").get<int>(), 90);
    EXPECT_EQ(d.at("box").size(), 4u);
    EXPECT_GE(d.at("box")[0].get<double>(), 0);
    EXPECT_LT(d.at("box")[0].get<double>(), d.at("box")[2].get<double>());
    EXPECT_LE(d.at("box")[2].get<double>(), image.width);
    EXPECT_LE(d.at("box")[3].get<double>(), image.height);
    EXPECT_FALSE(d.at("label").get<std::string>().empty());
  }
  for (const char* key : {"decode", "preprocess", "network", "postprocess"}) {
    EXPECT_GE(json.at("ms").at(key).get<double>(), 0.0);
  }
}

TEST(DetectTest, OptionsOverrideTheDescriptor) {
  const RandomDetector detector;
  const auto count = [&](std::vector<std::string> options) {
    options.insert(options.end(), {"--json", Picture("house.png")});
    return detector.Detect(options).OutJson().at("detections").size();
  };
  EXPECT_EQ(count({"-t", "0.01", "--max", "2"}), 2u);
  EXPECT_EQ(count({"-t", "1"}), 0u);
  EXPECT_EQ(count({"-t", "0.01", "--nms", "fast", "--max", "3000", "--iou", "0"}),
            count({"-t", "0.01", "--nms", "fast", "--max", "2000", "--iou", "0"}));
  EXPECT_LT(count({"-t", "0.01", "--nms", "fast", "--max", "3000", "--iou", "0"}),
            count({"-t", "0.01", "--nms", "per-class", "--max", "3000", "--iou", "0"}));
}

TEST(DetectTest, TableShowsTheStages) {
  const RandomDetector detector;
  const CommandResult result =
      detector.Detect({"-t", "0.01", "--max", "2", "--threads", "1", Picture("house.png")});
  EXPECT_EQ(result.status, 0);
  const auto lines = result.OutLines();
  ASSERT_THAT(lines, SizeIs(8)) << result.out;
  EXPECT_THAT(lines[0], AllOf(HasSubstr("score"), HasSubstr("class"), HasSubstr("y2")));
  EXPECT_THAT(lines[4], AllOf(HasSubstr("1 picture"), HasSubstr("1 thread")));
  EXPECT_THAT(lines[5], AllOf(HasSubstr("decode"), HasSubstr("preprocess"), HasSubstr("network"),
                              HasSubstr("postprocess")));
  EXPECT_THAT(lines[6], HasSubstr("first run"));
  EXPECT_THAT(detector.Detect({"-q", "-t", "1", Picture("house.png")}).OutLines(), SizeIs(1));
}

TEST(DetectTest, DrawnCopiesKeepNameAndFormat) {
  const RandomDetector detector;
  const TemporaryFolder other;
  other.Copy(Picture("house.png"), "clock.png");
  const std::string out = detector.Path("drawn/deep");
  const std::vector<std::string> arguments = {"-q",
                                              "-t",
                                              "0.01",
                                              "--output",
                                              out,
                                              Picture("house.png"),
                                              Picture("clock.jpg"),
                                              Picture("fish.bmp"),
                                              other.Path("clock.png"),
                                              Picture("house.png")};
  const CommandResult result = detector.Detect(arguments);
  EXPECT_EQ(result.status, 0) << result.err;
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(out)) {
    names.push_back(entry.path().filename().string());
  }
  EXPECT_THAT(names, ::testing::UnorderedElementsAre("house.png", "clock.jpg", "fish.png",
                                                     "clock.png", "house_2.png"));
  EXPECT_EQ(ReadText(out + "/clock.jpg").substr(0, 2), "\xFF\xD8");
  EXPECT_EQ(ReadText(out + "/fish.png").substr(1, 3), "PNG");
  const Image before = ReadImage(Picture("house.png"));
  const Image after = ReadImage(out + "/house.png");
  EXPECT_GE(after.width, before.width);
  EXPECT_NE(after.pixels, before.pixels);
}

TEST(DetectTest, LabelsAndLinesAreDrawnAsAsked) {
  const TemporaryFolder folder;
  const std::string garden = SourcePath("models/demo_detector/images/garden.jpg").string();
  const auto drawn = [&](const std::vector<std::string>& options) {
    std::vector<std::string> arguments = {"detect", "-q", "--output", folder.Path("out"), garden};
    arguments.insert(arguments.end(), options.begin(), options.end());
    const CommandResult result = Kinglet(arguments);
    EXPECT_EQ(result.status, 0) << result.err;
    return ReadText(folder.Path("out/garden.jpg"));
  };
  const std::string full = drawn({});
  EXPECT_EQ(drawn({"--labels", "full"}), full);
  EXPECT_NE(drawn({"--labels", "none"}), full);
  EXPECT_NE(drawn({"--labels", "index"}), full);
  EXPECT_NE(drawn({"--labels", "index"}), drawn({"--labels", "none"}));
  EXPECT_NE(drawn({"--line-width", "9"}), full);
  std::string text;
  for (int i = 0; i < 16; ++i) text += "thing " + std::to_string(i) + "\n";
  const std::string names = folder.Write("names.txt", text);
  EXPECT_NE(drawn({"--labels", names}), full);
  EXPECT_EQ(drawn({"--labels", names, "--labels", "none"}), drawn({"--labels", "none"}));
  EXPECT_EQ(Kinglet({"detect", "--line-width", "0", garden}).status, 2);
}

TEST(DetectTest, PicturesAreNeverOverwritten) {
  const RandomDetector detector;
  const TemporaryFolder folder;
  const std::string picture = folder.Copy(Picture("house.png"), "house.png");
  const std::string before = ReadText(picture);
  const CommandResult result = detector.Detect({"-q", "--output", folder.Path(), picture});
  EXPECT_EQ(result.status, 2);
  EXPECT_THAT(result.err, HasSubstr("would overwrite"));
  EXPECT_EQ(ReadText(picture), before);
  const CommandResult nowhere = detector.Detect({"--output", "/sys/drawn", picture});
  EXPECT_EQ(nowhere.status, 4);
  EXPECT_THAT(nowhere.ErrLines(), SizeIs(1));
  EXPECT_THAT(nowhere.err, AllOf(HasSubstr("/sys/drawn: the folder cannot be made: "),
                                 ::testing::Not(HasSubstr("No such file"))));
  const CommandResult closed = detector.Detect({"--output", "/proc/self", picture});
  EXPECT_EQ(closed.status, 4);
  EXPECT_EQ(closed.out, "");
  EXPECT_THAT(closed.err, HasSubstr("/proc/self: nothing can be written there"));
  const CommandResult no_folder = detector.Detect({"--output", picture, picture});
  EXPECT_EQ(no_folder.status, 4);
  EXPECT_THAT(no_folder.ErrLines(), SizeIs(1));
}

TEST(DetectTest, MistakesAreNamed) {
  const RandomDetector detector;
  const CommandResult classifier =
      detector.Detect({"--descriptor", "mobilenet_v1", Picture("house.png")});
  EXPECT_EQ(classifier.status, 2);
  EXPECT_THAT(classifier.err, HasSubstr("needs a detector"));
  EXPECT_EQ(detector.Detect({"--nms", "slow", Picture("house.png")}).status, 2);
  for (const char* threshold : {"2", "nan", "-0.1"}) {
    EXPECT_EQ(detector.Detect({"--threshold", threshold, Picture("house.png")}).status, 2);
  }
  EXPECT_EQ(
      Kinglet({"detect", "--model", detector.Path("none.onnx"), "-d", "ultraface", "a.png"}).status,
      4);
  const std::string few = detector.folder().Write("few.txt", "a\nb\n");
  const CommandResult labels = detector.Detect({"--labels", few, Picture("house.png")});
  EXPECT_EQ(labels.status, 2);
  EXPECT_THAT(labels.err, AllOf(HasSubstr("expected 90"), HasSubstr("found 2")));
  detector.folder().Write("anchors.json", "[[0.5, 0.5, 1, 1]]");
  const CommandResult anchors =
      detector.Detect({"--anchors", detector.Path("anchors.json"), Picture("house.png")});
  EXPECT_EQ(anchors.status, 3);
  EXPECT_THAT(anchors.err, HasSubstr("expected 1 boxes, as there are anchors in the file"));
}

// What is wrong with the descriptor is said once, and before any picture is read.
TEST(DetectTest, AnchorsThatDoNotFitAreFoundAtOnce) {
  const RandomDetector detector;
  Descriptor descriptor = ReadDescriptor(detector.Path("ssd.json"));
  descriptor.detection.anchors.strides.pop_back();
  const std::string wrong = detector.Path("wrong.json");
  WriteDescriptor(wrong, descriptor);
  const std::vector<std::string> pictures = {Picture("house.png"), Picture("clock.jpg"),
                                             "none.png"};
  auto arguments = pictures;
  arguments.insert(arguments.begin(), {"--descriptor", wrong});
  const CommandResult fixed = detector.Detect(arguments);
  EXPECT_EQ(fixed.status, 3);
  EXPECT_EQ(fixed.out, "");
  EXPECT_THAT(fixed.ErrLines(), SizeIs(1)) << fixed.err;
  EXPECT_THAT(fixed.err, AllOf(HasSubstr("descriptor 'ssd_mobilenet_v1' do not fit: output "
                                         "'box_encodings': expected"),
                               HasSubstr("as the descriptor makes anchors")));
  descriptor.architecture = {};
  descriptor.picture_size = true;
  WriteDescriptor(wrong, descriptor);
  const TemporaryFolder folder;
  const std::string free = folder.Path("free.onnx");
  Graph graph = ReadOnnx(detector.model());
  Value& input = graph.ir().value(graph.ir().inputs.front());
  input.dims[2] = input.dims[3] = kUnknownDim;
  WriteOnnx(free, graph);
  arguments.insert(arguments.begin(), {"detect", "--json", "--model", free});
  const CommandResult first = Kinglet(arguments);
  EXPECT_EQ(first.status, 3);
  EXPECT_EQ(first.out, "");
  EXPECT_THAT(first.ErrLines(), SizeIs(1)) << first.err;
}

TEST(DetectTest, OneBadPictureDoesNotStopTheOthers) {
  const RandomDetector detector;
  const TemporaryFolder folder;
  folder.Copy(Picture("house.png"), "a.png");
  folder.Write("b.jpg", "no picture");
  const CommandResult result = detector.Detect({"--json", folder.Path(), "missing.png"});
  EXPECT_EQ(result.status, 1);
  EXPECT_THAT(result.OutLines(), SizeIs(1));
  EXPECT_THAT(result.ErrLines(), SizeIs(2));
}

TEST(DetectTest, AnchorsBesideTheModelAreUsed) {
  const RandomDetector detector;
  detector.folder().Write("ssd.anchors.json", "{\"anchors\": \"none\"}");
  const CommandResult result = detector.Detect({Picture("house.png")});
  EXPECT_EQ(result.status, 3);
  EXPECT_THAT(result.err, HasSubstr("ssd.anchors.json: expected an array of anchors"));
}

TEST(ClassifyOutputTest, ClassesAreWrittenOntoTheCopy) {
  const TemporaryFolder folder;
  const CommandResult result = Kinglet({"classify", "-q", "--output", folder.Path("drawn"),
                                        Picture("house.png"), Picture("clock.jpg")});
  EXPECT_EQ(result.status, 0) << result.err;
  const Image before = ReadImage(Picture("house.png"));
  const Image after = ReadImage(folder.Path("drawn/house.png"));
  EXPECT_GE(after.width, before.width);
  EXPECT_NE(after.pixels, before.pixels);
  EXPECT_TRUE(std::filesystem::exists(folder.Path("drawn/clock.jpg")));
}

}  // namespace
}  // namespace kinglet::testing::detect_test
