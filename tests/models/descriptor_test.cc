#include "kinglet/descriptor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "kinglet/error.h"
#include "kinglet/labels.h"

namespace kinglet::descriptor_test {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr const char* kMinimal =
    R"({"task": "classify", "input": {"width": 64, "height": 32}, "output": {}})";

// The minimal descriptor with one piece of text replaced.
std::string Replaced(const std::string& from, const std::string& to) {
  std::string text = kMinimal;
  return text.replace(text.find(from), from.size(), to);
}

std::string MessageOf(const std::string& text, ErrorCode code = ErrorCode::kInvalidModel) {
  try {
    ParseDescriptor(text, "net.json");
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.what();
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
    EXPECT_THAT(error.what(), ::testing::StartsWith("net.json: "));
    return error.what();
  }
  return "no error";
}

class Folder {
 public:
  Folder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "kinglet-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  std::string Write(const std::string& name, const std::string& text) const {
    const std::string path = Path(name);
    std::ofstream(path, std::ios::binary) << text;
    return path;
  }
  std::string Path(const std::string& name) const { return (path_ / name).string(); }

 private:
  std::filesystem::path path_;
};

void ExpectSame(const Descriptor& a, const Descriptor& b) {
  EXPECT_EQ(DescriptorToJson(a), DescriptorToJson(b));
  EXPECT_EQ(a.preprocess.mean, b.preprocess.mean);
  EXPECT_EQ(a.preprocess.stddev, b.preprocess.stddev);
  EXPECT_EQ(a.preprocess.central_crop, b.preprocess.central_crop);
  EXPECT_EQ(a.architecture.width_multiplier, b.architecture.width_multiplier);
}

TEST(DescriptorTest, EmbeddedOnesHaveTheExactNames) {
  EXPECT_THAT(ListDescriptors(),
              ElementsAre("blazeface", "demo", "demo_detector", "demo_detector_int8", "demo_int8",
                          "faster_rcnn", "inception_v1", "inception_v2", "inception_v3",
                          "mobilenet_v1", "mobilenet_v2", "nanodet", "resnet50", "retinaface",
                          "scrfd", "squeezenet", "ssd_inception_v2", "ssd_mobilenet_v1",
                          "ssd_mobilenet_v2", "ssd_vgg16", "ssdlite", "ultraface", "vgg16",
                          "yolov10", "yolov5", "yolov8", "yolox", "yunet"));
}

TEST(DescriptorTest, EmbeddedOnesAreConsistent) {
  for (const std::string& name : ListDescriptors()) {
    SCOPED_TRACE(name);
    const Descriptor descriptor = FindDescriptor(name);
    EXPECT_EQ(descriptor.name, name);
    EXPECT_FALSE(descriptor.description.empty());
    EXPECT_NO_THROW(CheckPreprocess(descriptor.preprocess));
    ExpectSame(ParseDescriptor(DescriptorToJson(descriptor), name), descriptor);
    EXPECT_FALSE(DescriptorLabels(descriptor).empty());
    if (descriptor.architecture.family.empty()) continue;
    const auto classes = static_cast<std::size_t>(descriptor.architecture.classes);
    EXPECT_EQ(FitLabels(DescriptorLabels(descriptor), classes, name).size(), classes);
    const Graph graph = BuildArchitecture(descriptor.architecture, {.seed = 1, .weights = false});
    EXPECT_EQ(graph.inputs().at(0).name, descriptor.input);
    if (descriptor.task == Task::kClassify) {
      EXPECT_EQ(graph.outputs().at(0).name, descriptor.output);
    }
    EXPECT_EQ(graph.inputs().at(0).shape[2], descriptor.preprocess.height);
  }
}

TEST(DescriptorTest, PresetsAreWhatTheDescriptorsSay) {
  const auto expect_rule = [](const char* name, const PreprocessSpec& rule) {
    const PreprocessSpec spec = FindDescriptor(name).preprocess;
    EXPECT_EQ(spec.mean, rule.mean) << name;
    EXPECT_EQ(spec.stddev, rule.stddev) << name;
    EXPECT_EQ(spec.max_value, rule.max_value) << name;
    EXPECT_EQ(spec.color_order, rule.color_order) << name;
    EXPECT_EQ(spec.central_crop, rule.central_crop) << name;
  };
  for (const char* name :
       {"mobilenet_v1", "mobilenet_v2", "inception_v1", "inception_v2", "inception_v3"}) {
    expect_rule(name, SlimPreprocess(224, 224));
  }
  expect_rule("squeezenet", CaffePreprocess(224, 224));
  expect_rule("resnet50", TorchPreprocess(224, 224));
  expect_rule("vgg16", TorchPreprocess(224, 224));
}

constexpr const char* kDetector = R"({"task": "detect", "input": {"width": 64, "height": 32},
    "output": {"boxes": "b", "scores": "s", "box_order": "yx", "box_unit": "pixels",
      "box_coding": "center_size", "box_scales": [10, 10, 5, 5], "background": "last",
      "anchors": {"generator": "grid", "strides": [8, 16], "sizes": [[10.5, 20], [30]],
        "aspect_ratios": [0.5, 1], "offset": 4, "round": true},
      "nms": "fast", "score_threshold": 0.25, "iou_threshold": 0.75, "max_detections": 7, "activation": "sigmoid"}})";

TEST(DescriptorTest, DetectionSurvivesWriting) {
  const Descriptor descriptor = ParseDescriptor(kDetector, "net.json");
  const DetectionSpec& spec = descriptor.detection;
  EXPECT_EQ(spec.box_coding, BoxCoding::kCenterSize);
  EXPECT_EQ(spec.box_scales[2], 5.0f);
  EXPECT_EQ(spec.nms, NmsKind::kFast);
  EXPECT_EQ(spec.background, Background::kLast);
  EXPECT_EQ(spec.anchors.sizes, (std::vector<std::vector<double>>{{10.5, 20}, {30}}));
  EXPECT_EQ(spec.anchors.aspect_ratios, (std::vector<std::vector<double>>{{0.5, 1}}));
  EXPECT_EQ(descriptor.activation, ScoreActivation::kSigmoid);
  const Descriptor again = ParseDescriptor(DescriptorToJson(descriptor), "net.json");
  ExpectSame(again, descriptor);
  EXPECT_EQ(again.detection.anchors, spec.anchors);
}

TEST(DescriptorTest, DetectionIsReadStrictly) {
  const auto message = [](const std::string& from, const std::string& to) {
    std::string text = kDetector;
    return MessageOf(text.replace(text.find(from), from.size(), to));
  };
  EXPECT_THAT(message("\"round\"", "\"clip\""), HasSubstr("output.anchors: unknown key"));
  EXPECT_THAT(message("[8, 16]", "[8, 16, 32]"), HasSubstr("anchors.sizes: expected one list"));
  EXPECT_THAT(message("[8, 16]", "[8, 0]"), HasSubstr("output.anchors.strides"));
  EXPECT_THAT(message("\"grid\"", "\"magic\""), HasSubstr("one of 'ssd', 'default_boxes'"));
  EXPECT_THAT(message("true", "1"), HasSubstr("expected true or false"));
  EXPECT_THAT(message("\"nms\": \"fast\"", "\"nms\": \"none\""), HasSubstr("unknown key"));
  EXPECT_THAT(message("\"boxes\": \"b\"", "\"name\": \"b\""), HasSubstr("unknown key"));
}

TEST(DescriptorTest, HeadsAreReadStrictly) {
  const auto message = [](const std::string& output) {
    return MessageOf(R"({"task": "detect", "input": {"width": 64, "height": 64}, "output": {)" +
                     output + "}}");
  };
  EXPECT_THAT(message(R"("boxes": ["a", "b"], "scores": ["c"])"),
              HasSubstr("output.scores: expected as many outputs as there are of boxes"));
  EXPECT_THAT(message(R"("boxes": "a", "scores": ["c", "d"])"), HasSubstr("output.scores"));
  EXPECT_THAT(message(R"("boxes": "a", "columns": {"boxes": [0, 3]})"),
              HasSubstr("output.columns.boxes: expected 4 of them"));
  EXPECT_THAT(message(R"("boxes": "a", "columns": {"boxes": [4, 4]})"), HasSubstr("[first, end]"));
  EXPECT_THAT(message(R"("boxes": "a", "columns": {"boxes": [0, 4, 5]})"), HasSubstr("columns"));
  EXPECT_THAT(message(R"("boxes": "a", "columns": {"box": [0, 4]})"), HasSubstr("unknown key"));
  EXPECT_THAT(message(R"("box_bins": 1000)"), HasSubstr("output.box_bins"));
  EXPECT_THAT(message(R"("landmark_size": 1)"), HasSubstr("output.landmark_size"));
  EXPECT_THAT(message(R"("box_coding": "yolov5", "anchors": {"generator": "squares",
                          "strides": [8], "sizes": [8]})"),
              HasSubstr("a grid with strides"));
  EXPECT_THAT(message(R"("box_coding": "center_size", "anchors": {"generator": "grid",
                          "strides": [8], "widths": [8, 9], "heights": [8]})"),
              HasSubstr("as many as widths"));
  EXPECT_THAT(message(R"("nms": "none", "layout": "planes")"), HasSubstr("unknown key"));
}

TEST(DescriptorTest, RejectionIsReadStrictly) {
  const auto read = [](const std::string& rejection) {
    return Replaced(R"("output": {})", R"("output": {"rejection": )" + rejection + "}");
  };
  const Descriptor descriptor =
      ParseDescriptor(read(R"({"measure": "output", "output": "d", "limit": 2.5})"), "net.json");
  EXPECT_EQ(descriptor.rejection.measure, RejectionMeasure::kOutput);
  EXPECT_EQ(descriptor.rejection.output, "d");
  EXPECT_EQ(descriptor.rejection.limit, 2.5f);
  ExpectSame(ParseDescriptor(DescriptorToJson(descriptor), "net.json"), descriptor);
  EXPECT_THAT(MessageOf(read(R"({"measure": "luck", "limit": 1})")), HasSubstr("'energy'"));
  EXPECT_THAT(MessageOf(read(R"({"measure": "score"})")), HasSubstr("rejection.limit"));
  EXPECT_THAT(MessageOf(read(R"({"measure": "score", "output": "d", "limit": 1})")),
              HasSubstr("unknown key"));
}

TEST(DescriptorTest, UnknownNameListsTheNames) {
  EXPECT_FALSE(HasDescriptor("mobilenet"));
  try {
    FindDescriptor("mobilenet");
    FAIL();
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), AllOf(HasSubstr("'mobilenet'"), HasSubstr("mobilenet_v1")));
  }
}

TEST(DescriptorTest, MinimalOneHasDefaults) {
  const Descriptor descriptor = ParseDescriptor(kMinimal, "some/folder/my net.json");
  EXPECT_EQ(descriptor.name, "my_net");
  EXPECT_EQ(descriptor.preprocess.width, 64);
  EXPECT_EQ(descriptor.preprocess.height, 32);
  EXPECT_EQ(descriptor.preprocess.color_order, ColorOrder::kRgb);
  EXPECT_EQ(descriptor.activation, ScoreActivation::kAuto);
  EXPECT_EQ(descriptor.architecture.family, "");
}

TEST(DescriptorTest, EveryFieldSurvivesWriting) {
  Descriptor descriptor = ParseDescriptor(kMinimal, "net.json");
  descriptor.description = "a \"quoted\" [1, 2] backslash \\ name";
  descriptor.input = "data\\";
  descriptor.output = "[0, 1]";
  descriptor.activation = ScoreActivation::kSoftmax;
  descriptor.labels = "names.txt";
  descriptor.preprocess.layout = ImageLayout::kNhwc;
  descriptor.preprocess.color_order = ColorOrder::kBgr;
  descriptor.preprocess.resize = ResizeRule::kArea;
  descriptor.preprocess.fit = FitRule::kShortestSide;
  descriptor.preprocess.resize_shortest = 73;
  descriptor.preprocess.mean = {0.485f, -1.5f, 1e-3f};
  descriptor.preprocess.stddev = {0.1f, 0.2f, 3.0f};
  descriptor.preprocess.max_value = 1.0f;
  descriptor.notes = {"one", "two, [3, 4]"};
  const std::string json = DescriptorToJson(descriptor);
  EXPECT_THAT(json, HasSubstr("\"mean\": [0.485, -1.5, 0.001]"));
  const Descriptor back = ParseDescriptor(json, "net.json");
  ExpectSame(back, descriptor);
  EXPECT_EQ(back.description, descriptor.description);
  EXPECT_EQ(back.input, descriptor.input);
  EXPECT_EQ(back.output, descriptor.output);
  EXPECT_EQ(back.notes, descriptor.notes);
  EXPECT_EQ(back.preprocess.resize_shortest, 73);
  EXPECT_EQ(back.preprocess.fit, FitRule::kShortestSide);
  EXPECT_EQ(back.preprocess.layout, ImageLayout::kNhwc);
}

TEST(DescriptorTest, FilesAreReadAndWritten) {
  const Folder folder;
  const std::string path = folder.Path("mine.json");
  WriteDescriptor(path, FindDescriptor("squeezenet"));
  const Descriptor back = ReadDescriptor(path);
  ExpectSame(back, FindDescriptor("squeezenet"));
  EXPECT_EQ(back.folder, std::filesystem::path(path).parent_path());
  EXPECT_THROW(ReadDescriptor(folder.Path("missing.json")), Error);
  EXPECT_THROW(ReadDescriptor(folder.Path("")), Error);  // the folder itself
  EXPECT_THROW(WriteDescriptor(folder.Path("no/such/folder.json"), back), Error);
}

TEST(StrictJsonTest, NamesKeyExpectedAndFound) {
  EXPECT_THAT(MessageOf(Replaced("64", "\"64\"")),
              AllOf(HasSubstr("input.width"), HasSubstr("an integer from 1 to 8192"),
                    HasSubstr("the string '64'")));
  EXPECT_THAT(MessageOf(Replaced("64", "64.5")), HasSubstr("found 64.5"));
  EXPECT_THAT(MessageOf(Replaced("64", "0")), HasSubstr("found 0"));
  EXPECT_THAT(MessageOf(Replaced("64", "-3")), HasSubstr("found -3"));
  EXPECT_THAT(MessageOf(Replaced("64", "18446744073709551615")), HasSubstr("input.width"));
  EXPECT_THAT(MessageOf(Replaced("64", "1e400")), HasSubstr("out of range"));
  EXPECT_THAT(MessageOf(Replaced("64", "null")), HasSubstr("found null"));
  EXPECT_THAT(MessageOf(Replaced("\"width\": 64, ", "")), HasSubstr("the key is missing"));
  EXPECT_THAT(MessageOf(Replaced("\"width\"", "\"widht\"")), HasSubstr("input.width"));
  EXPECT_THAT(MessageOf(Replaced("64", "64, \"depth\": 3")),
              AllOf(HasSubstr("input: unknown key the string 'depth'"), HasSubstr("central_crop")));
  EXPECT_THAT(MessageOf(Replaced("64", "64, \"width\": 3")), HasSubstr("occurs twice"));
  EXPECT_THAT(MessageOf(Replaced("\"classify\"", "\"paint\"")),
              AllOf(HasSubstr("task"), HasSubstr("'classify'"), HasSubstr("'paint'")));
  EXPECT_THAT(MessageOf(Replaced("{}", "[]")), HasSubstr("output: expected an object"));
  EXPECT_THAT(MessageOf(Replaced("{}", "{\"name\": \"a\\nb\"}")), HasSubstr("control characters"));
  EXPECT_THAT(MessageOf(Replaced("64", "64, \"mean\": [1, 2]")),
              AllOf(HasSubstr("input.mean"), HasSubstr("an array of 3 numbers")));
  EXPECT_THAT(MessageOf(Replaced("64", "64, \"std\": [1, 0, 1]")), HasSubstr("input.std"));
  EXPECT_THAT(MessageOf(Replaced("64", "64, \"central_crop\": 2")), HasSubstr("central_crop"));
  EXPECT_THAT(MessageOf(Replaced("64", "64, \"pad_value\": 2")), HasSubstr("'letterbox'"));
  EXPECT_THAT(MessageOf(Replaced("64", "64, \"fit\": \"shortest_side\"")),
              HasSubstr("resize_shortest"));
  EXPECT_THAT(MessageOf(Replaced("{}", "{}, \"notes\": [1]")), HasSubstr("notes"));
  EXPECT_THAT(MessageOf(Replaced("{}", "{}, \"name\": \"../x\"")), HasSubstr("'../x'"));
}

TEST(StrictJsonTest, ArchitectureIsChecked) {
  const auto with = [](const std::string& architecture) {
    return R"({"task": "classify", "input": {"width": 64, "height": 64}, "output": {},
              "architecture": )" +
           architecture + "}";
  };
  EXPECT_NO_THROW(ParseDescriptor(with(R"({"family": "resnet50", "resolution": 64, "classes": 2})"),
                                  "net.json"));
  EXPECT_THAT(MessageOf(with(R"({"family": "x", "resolution": 64, "classes": 2})")),
              HasSubstr("architecture.family"));
  EXPECT_THAT(MessageOf(with(R"({"family": "resnet50", "resolution": 65, "classes": 2})")),
              HasSubstr("width and height of the input"));
  EXPECT_THAT(MessageOf(with(R"({"family": "resnet50", "resolution": 64, "classes": 1e3})")),
              HasSubstr("architecture.classes"));
  EXPECT_THAT(MessageOf(with(R"({"family": "resnet50", "resolution": 64, "classes": 2,
                                "depth": 5})")),
              HasSubstr("architecture: unknown key"));
  EXPECT_THAT(MessageOf(with(R"({"family": "ssdlite", "resolution": 64, "height": 32,
                                "classes": 2})")),
              HasSubstr("architecture.height: expected the height of the input"));
  EXPECT_THAT(MessageOf(with(R"({"family": "ssdlite", "resolution": 64, "classes": 2,
                                "backbone": "vgg16"})")),
              HasSubstr("'mobilenet_v2' or 'mobilenet_v3_large'"));
  const Descriptor lite = ParseDescriptor(with(R"({"family": "ssdlite", "resolution": 64,
      "height": 64, "classes": 2, "backbone": "mobilenet_v3_large"})"),
                                          "net.json");
  const Descriptor again = ParseDescriptor(DescriptorToJson(lite), "net.json");
  EXPECT_EQ(again.architecture.backbone, "mobilenet_v3_large");
  EXPECT_EQ(again.architecture.height, 64);
}

TEST(StrictJsonTest, SyntaxErrorsSayWhere) {
  EXPECT_THAT(MessageOf(""), HasSubstr("not valid JSON"));
  EXPECT_THAT(MessageOf("{\n  \"task\" 1}"), HasSubstr("line 2"));
  EXPECT_THAT(MessageOf("{\"task\": \"\xff\"}"), HasSubstr("not valid JSON"));
  EXPECT_THAT(MessageOf(std::string("{\0}", 3)), HasSubstr("not valid JSON"));
  EXPECT_THAT(MessageOf("[]"), HasSubstr("expected an object"));
  EXPECT_THAT(MessageOf("{} {}"), HasSubstr("not valid JSON"));
}

TEST(StrictJsonTest, SizeAndDepthAreBounded) {
  EXPECT_THAT(MessageOf(std::string(kMaxDescriptorBytes + 1, ' '), ErrorCode::kResource),
              HasSubstr("too long"));
  EXPECT_THAT(MessageOf(std::string(100'000, '['), ErrorCode::kResource), HasSubstr("deep"));
  std::string nested;
  for (int i = 0; i < 20'000; ++i) nested += "{\"a\":";
  EXPECT_THAT(MessageOf(nested, ErrorCode::kResource), HasSubstr("deep"));
}

TEST(LabelsTest, ListsHaveTheirSizes) {
  EXPECT_EQ(NamedLabels("imagenet").size(), 1000u);
  EXPECT_EQ(NamedLabels("imagenet").front(), "tench");
  EXPECT_EQ(NamedLabels("imagenet").back(), "toilet tissue");
  EXPECT_EQ(NamedLabels("coco").size(), 90u);
  EXPECT_EQ(NamedLabels("voc").size(), 20u);
  EXPECT_THROW(NamedLabels("imagenet22k"), Error);
}

TEST(LabelsTest, FollowTheNumberOfClasses) {
  const std::vector<std::string> names = {"a", "b"};
  EXPECT_THAT(FitLabels(names, 2, "x"), ElementsAre("a", "b"));
  EXPECT_THAT(FitLabels(names, 3, "x"), ElementsAre("background", "a", "b"));
  EXPECT_TRUE(FitLabels({}, 7, "x").empty());
  EXPECT_THROW(FitLabels(names, 1, "x"), Error);
  EXPECT_THROW(FitLabels(names, 4, "x"), Error);
}

TEST(LabelsTest, FilesAreReadLineByLine) {
  const Folder folder;
  EXPECT_THAT(ReadLabels(folder.Write("a.txt", "one\r\ntwo words \n\nfour\n\n")),
              ElementsAre("one", "two words", "", "four"));
  EXPECT_TRUE(ReadLabels(folder.Write("b.txt", "")).empty());
  EXPECT_THROW(ReadLabels(folder.Write("c.txt", "a\x1b[2Jb\n")), Error);
  EXPECT_THROW(ReadLabels(folder.Write("d.txt", std::string(257, 'a'))), Error);
  EXPECT_THROW(ReadLabels(folder.Write("e.txt", std::string(100'001, '\n') + "a")), Error);
  EXPECT_THROW(ReadLabels(folder.Path("missing.txt")), Error);
}

TEST(LabelsTest, OfADescriptorStayInItsFolder) {
  const Folder folder;
  const Folder other;
  folder.Write("names.txt", "cat\ndog\n");
  std::filesystem::create_symlink(other.Write("secret.txt", "x\n"), folder.Path("link.txt"));
  Descriptor descriptor = ReadDescriptor(folder.Write("net.json", kMinimal));
  EXPECT_TRUE(DescriptorLabels(descriptor).empty());
  descriptor.labels = "names.txt";
  EXPECT_THAT(DescriptorLabels(descriptor), ElementsAre("cat", "dog"));
  descriptor.labels = "voc";
  EXPECT_EQ(DescriptorLabels(descriptor).size(), 20u);
  for (const char* bad : {"/etc/passwd", "../names.txt", "a/../../b.txt", "link.txt", ".."}) {
    descriptor.labels = bad;
    EXPECT_THROW(DescriptorLabels(descriptor), Error) << bad;
  }
}

}  // namespace
}  // namespace kinglet::descriptor_test
