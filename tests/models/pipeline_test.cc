// Whole pictures through the demo networks and small ones made here.
#include "kinglet/pipeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "kinglet/error.h"
#include "kinglet/labels.h"
#include "kinglet/network.h"
#include "kinglet/onnx.h"
#include "kinglet/preprocess.h"
#include "tests/support/graph_builder.h"
#include "tests/support/source_dir.h"

namespace kinglet::pipeline_test {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using testing::GraphBuilder;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using testing::SourceDir;

const PipelineOptions kOneThread = {.threads = 1, .compile = {.use_cache = false}};

std::string Source(const std::string& path) { return (SourceDir() / path).string(); }

std::string Garden() { return Source("models/demo_detector/images/garden.jpg"); }

std::vector<std::string> Scenes() {
  return {Garden(), Source("models/demo_detector/images/table.jpg"),
          Source("models/demo_detector/images/bay.png")};
}

template <typename F>
std::string MessageOf(ErrorCode code, F&& body) {
  try {
    body();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    return error.what();
  }
  return "no error";
}

// A folder of its own, removed at the end.
class Folder {
 public:
  Folder() {
    std::string pattern = (fs::temp_directory_path() / "kinglet-XXXXXX").string();
    EXPECT_NE(mkdtemp(pattern.data()), nullptr);
    path_ = pattern;
  }
  ~Folder() { fs::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::string Path(const std::string& name) const { return (path_ / name).string(); }

 private:
  fs::path path_;
};

void ExpectSame(const std::vector<Detection>& a, const std::vector<Detection>& b, float within) {
  ASSERT_EQ(a.size(), b.size());
  for (std::size_t i = 0; i < a.size(); ++i) {
    EXPECT_EQ(a[i].index, b[i].index) << i;
    EXPECT_NEAR(a[i].score, b[i].score, within * 1e-2f) << i;
    EXPECT_NEAR(a[i].x1, b[i].x1, within) << i;
    EXPECT_NEAR(a[i].y2, b[i].y2, within) << i;
  }
}

TEST(PipelineTest, ADetectorDoesWhatItsStagesDo) {
  Graph graph = ReadOnnxBytes(DemoBytes("demo_detector"), "demo");
  const Descriptor descriptor = FitDescriptor(FindDescriptor("demo_detector"), graph);
  const Model model = Model::Compile(std::move(graph), {.threads = 1, .use_cache = false});
  Session session = model.NewSession();
  DetectionDecoder decoder(descriptor);
  const Image image = ReadImage(Garden());
  const PictureSize size = {image.width, image.height};
  const auto by_hand = decoder.Decode(
      session.Run({{descriptor.input, Preprocess(image, descriptor.preprocess)}}), {&size, 1});

  Detector detector("demo_detector", kOneThread);
  ASSERT_FALSE(by_hand.at(0).empty());
  ExpectSame(detector.Detect(Garden()), by_hand[0], 0);
  EXPECT_GT(detector.times().decode, 0);
  ExpectSame(detector.Detect(image), by_hand[0], 0);
  EXPECT_EQ(detector.times().decode, 0);
  EXPECT_GT(detector.times().network, 0);
  EXPECT_EQ(detector.Label(by_hand[0][0].index), "car");
  EXPECT_EQ(detector.Label(99), "class 99");
  EXPECT_EQ(detector.threads(), 1);
  EXPECT_THAT(detector.labels(), SizeIs(16));
  EXPECT_THAT(detector.notes(), IsEmpty());
}

TEST(PipelineTest, AClassifierDoesWhatItsStagesDo) {
  const std::string picture = Source("models/demo/images/house.png");
  Graph graph = ReadOnnxBytes(DemoBytes("demo"), "demo");
  const Descriptor descriptor = FitDescriptor(FindDescriptor("demo"), graph);
  const Model model = Model::Compile(std::move(graph), {.threads = 1, .use_cache = false});
  Session session = model.NewSession();
  const Image image = ReadImage(picture);
  const Tensors& outputs =
      session.Run({{descriptor.input, Preprocess(image, descriptor.preprocess)}});
  const auto scores = ClassScores(outputs.at(descriptor.output), descriptor.activation);

  Classifier classifier("demo", kOneThread);
  EXPECT_EQ(classifier.Scores(image), scores.at(0));
  const auto best = classifier.Classify(picture, 3);
  ASSERT_THAT(best, SizeIs(3));
  EXPECT_EQ(classifier.Label(best[0].index), "house");
  EXPECT_EQ(best[0].score, scores[0][best[0].index]);
  EXPECT_EQ(classifier.classes(), 16u);
  EXPECT_THAT(classifier.labels(), SizeIs(16));
}

// Pictures of several sizes, in groups that do not divide their number.
TEST(PipelineTest, SeveralPicturesFindWhatEachOfThemFinds) {
  Detector one("demo_detector", kOneThread);
  std::vector<std::vector<Detection>> expected;
  for (const std::string& scene : Scenes()) expected.push_back(one.Detect(scene));
  for (const int batch : {1, 2, 8}) {
    PipelineOptions options = kOneThread;
    options.batch = batch;
    Detector detector("demo_detector", options);
    const auto found = detector.DetectAll(Scenes());
    ASSERT_THAT(found, SizeIs(3));
    for (std::size_t i = 0; i < 3; ++i) ExpectSame(found[i], expected[i], 0.05f);
  }
  EXPECT_THAT(one.DetectAll({}), IsEmpty());

  Classifier classifier("demo", kOneThread);
  const std::vector<std::string> pictures = {Source("models/demo/images/house.png"),
                                             Source("models/demo/images/clock.jpg"),
                                             Source("models/demo/images/fish.bmp")};
  std::vector<std::string> labels;
  for (const auto& best : classifier.ClassifyAll(pictures, 1)) {
    labels.push_back(classifier.Label(best.at(0).index));
  }
  EXPECT_THAT(labels, ElementsAre("house", "clock", "fish"));
}

TEST(PipelineTest, WhatIsFoundOutlivesTheDetector) {
  std::vector<Detection> first;
  std::vector<Detection> again;
  {
    Detector detector("demo_detector", kOneThread);
    Detector moved = std::move(detector);
    first = moved.Detect(Garden());
    again = moved.Detect(Garden());
    moved.Detect(Scenes()[1]);
  }
  ASSERT_FALSE(first.empty());
  ExpectSame(first, again, 0);
  int seen = 0;
  for (const Detection& d : Detector("demo_detector", kOneThread).Detect(Garden())) {
    seen += d.score > 0;
  }
  EXPECT_EQ(seen, static_cast<int>(first.size()));
}

TEST(PipelineTest, OptionsReplaceWhatTheDescriptorSays) {
  PipelineOptions options = kOneThread;
  options.max_detections = 2;
  EXPECT_THAT(Detector("demo_detector", options).Detect(Garden()), SizeIs(2));
  options.score_threshold = 1.0f;
  EXPECT_THAT(Detector("demo_detector", options).Detect(Garden()), IsEmpty());
}

TEST(PipelineTest, FilesBesideTheModelBelongToIt) {
  const Folder folder;
  const std::string model = folder.Path("net.onnx");
  fs::copy_file(Source("models/demo_detector/demo_detector.onnx"), model);
  EXPECT_THAT(MessageOf(ErrorCode::kInvalidInput, [&] { Detector(model, kOneThread); }),
              AllOf(HasSubstr("has no descriptor"), HasSubstr(model)));
  WriteDescriptor(folder.Path("net.json"), FindDescriptor("demo_detector"));
  Detector detector(model, kOneThread);
  EXPECT_THAT(detector.Detect(Garden()), ::testing::Not(IsEmpty()));
  EXPECT_EQ(detector.name(), model);

  PipelineOptions classify = kOneThread;
  EXPECT_THAT(MessageOf(ErrorCode::kInvalidInput, [&] { Classifier(model, classify); }),
              HasSubstr("needs a classifier"));
  classify.descriptor = "demo";
  EXPECT_THAT(MessageOf(ErrorCode::kInvalidInput, [&] { Detector(model, classify); }),
              HasSubstr("needs a detector"));
  EXPECT_THAT(MessageOf(ErrorCode::kIo, [&] { Detector(folder.Path("no.onnx"), classify); }),
              HasSubstr("no.onnx"));
}

TEST(PipelineTest, WhatDoesNotFitIsFoundBeforeAnyPicture) {
  const Folder folder;
  Descriptor descriptor = FindDescriptor("demo_detector");
  descriptor.detection.anchors.maps.pop_back();
  descriptor.detection.anchors.scales.pop_back();
  WriteDescriptor(folder.Path("wrong.json"), descriptor);
  PipelineOptions options = kOneThread;
  options.descriptor = folder.Path("wrong.json");
  EXPECT_THROW(Detector("demo_detector", options), DescriptorMismatch);
  EXPECT_THAT(MessageOf(ErrorCode::kInvalidModel, [&] { Detector("demo_detector", options); }),
              HasSubstr("do not fit"));

  options = kOneThread;
  options.labels = Source("models/labels/coco_90.txt");
  EXPECT_THAT(MessageOf(ErrorCode::kInvalidInput, [&] { Detector("demo_detector", options); }),
              AllOf(HasSubstr("expected 16"), HasSubstr("found 90")));
}

TEST(PipelineTest, ABadPictureLeavesTheDetectorUsable) {
  Detector detector("demo_detector", kOneThread);
  const auto before = detector.Detect(Garden());
  EXPECT_THAT(MessageOf(ErrorCode::kIo,
                        [&] {
                          detector.DetectAll({Garden(), "missing.png"});
                        }),
              HasSubstr("missing.png"));
  EXPECT_THAT(MessageOf(ErrorCode::kInvalidInput, [&] { detector.Detect(Image{}); }),
              ::testing::Not(IsEmpty()));
  ExpectSame(detector.Detect(Garden()), before, 0);

  PipelineOptions small = kOneThread;
  small.limits.max_pixels = 100;
  Detector limited("demo_detector", small);
  EXPECT_NE(MessageOf(ErrorCode::kResource, [&] { limited.Detect(Garden()); }), "no error");
}

// The input leaves the batch free, and what follows does not.
TEST(PipelineTest, ANetworkThatTakesOnePictureSaysSo) {
  const Folder folder;
  GraphBuilder b;
  const ValueId x = b.Input("x", {-1, 3, 8, 8});
  b.Output(b.Op("Reshape", {x, b.Ints({1, -1})}), "scores");
  WriteOnnx(folder.Path("net.onnx"), b.Take());
  PipelineOptions options = kOneThread;
  options.preprocess = "torch";
  Classifier classifier(folder.Path("net.onnx"), options);
  EXPECT_EQ(classifier.classes(), 192u);
  const std::string picture = Source("models/demo/images/house.png");
  EXPECT_THAT(classifier.Classify(picture), SizeIs(5));
  EXPECT_THAT(MessageOf(ErrorCode::kInvalidModel,
                        [&] {
                          classifier.ClassifyAll({picture, picture});
                        }),
              HasSubstr("one at a time"));
  options.batch = 1;
  EXPECT_THAT(Classifier(folder.Path("net.onnx"), options).ClassifyAll({picture, picture}),
              SizeIs(2));
}

TEST(NetworkTest, NamesAreFilesOrDescriptors) {
  EXPECT_EQ(OpenNetwork("demo").descriptor->name, "demo");
  EXPECT_FALSE(OpenNetwork(Source("models/demo/demo.onnx")).descriptor);
  EXPECT_EQ(OpenNetwork("mobilenet_v1").descriptor->name, "mobilenet_v1");
  EXPECT_NE(MessageOf(ErrorCode::kInvalidInput, [] { OpenNetwork("no_such_network"); }),
            "no error");
  EXPECT_NE(MessageOf(ErrorCode::kIo, [] { OpenNetwork("no_such.onnx"); }), "no error");
}

TEST(NetworkTest, AnchorsOfAllVariants) {
  const Folder folder;
  EXPECT_EQ(AnchorsBeside(folder.Path("ssd_w8.onnx")), "");
  WriteDescriptor(folder.Path("ssd.anchors.json"), FindDescriptor("demo"));  // any file
  EXPECT_EQ(AnchorsBeside(folder.Path("ssd_w8.onnx")), folder.Path("ssd.anchors.json"));
  EXPECT_EQ(AnchorsBeside(folder.Path("ssd.onnx")), folder.Path("ssd.anchors.json"));
  EXPECT_FALSE(DescriptorBeside(folder.Path("ssd.onnx")).has_value());
}

}  // namespace
}  // namespace kinglet::pipeline_test
