// Detections of real networks against a reference in plain numpy. The data is no part of the
// project: without it these tests skip.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "kinglet/detect.h"
#include "kinglet/image.h"
#include "kinglet/labels.h"
#include "kinglet/model.h"
#include "kinglet/npy.h"
#include "kinglet/onnx.h"
#include "kinglet/preprocess.h"
#include "tests/vision/shared_data.h"

namespace kinglet::detections_test {
namespace {

namespace fs = std::filesystem;
using testing::SharedData;

struct Network {
  Model model;
  Descriptor descriptor;
  std::string anchors;
};

Network Open(const std::string& name) {
  const bool faces = name.find("320") != std::string::npos;
  Graph graph = ReadOnnx((SharedData() / "models" / (name + ".onnx")).string());
  Descriptor descriptor =
      FitDescriptor(FindDescriptor(faces ? "ultraface" : "ssd_mobilenet_v1"), graph);
  Network network{Model::Compile(std::move(graph), {.threads = 2}), std::move(descriptor), ""};
  if (faces) return network;
  network.anchors = (SharedData() / "models/ssd_mobilenet_v1_0.75_300_coco.anchors.json").string();
  DetectionSpec& spec = network.descriptor.detection;
  spec.nms = NmsKind::kFast;
  spec.iou_threshold = 0.6f;
  spec.max_detections = 10;
  return network;
}

std::vector<Detection> DetectIn(const Network& network, const Tensor& input, PictureSize picture) {
  Session session = network.model.NewSession();
  DetectionDecoder decoder(network.descriptor, {1, network.anchors});
  return decoder.Decode(session.Run({{network.descriptor.input, input}}), {{picture}}).front();
}

double Area(const Detection& d) {
  return static_cast<double>(d.x2 - d.x1) * static_cast<double>(d.y2 - d.y1);
}

double Iou(const Detection& a, const Detection& b) {
  const Detection both = {
      0, 0, std::max(a.x1, b.x1), std::max(a.y1, b.y1), std::min(a.x2, b.x2), std::min(a.y2, b.y2)};
  if (both.x2 <= both.x1 || both.y2 <= both.y1) return 0;
  return Area(both) / (Area(a) + Area(b) - Area(both));
}

// The reference, clipped to the picture as DetectionDecoder does. Its boxes are fractions of the
// picture: (y1, x1, y2, x2) of the SSD, (x1, y1, x2, y2) of UltraFace.
std::vector<Detection> Reference(const nlohmann::json& entry, PictureSize picture) {
  const bool y_first = entry.at("detections").empty() || entry["detections"][0].contains("cls");
  std::vector<Detection> detections;
  for (const auto& json : entry.at("detections")) {
    const auto at = [&](int x, int size) {
      const int i = y_first ? (x ^ 1) : x;
      return std::clamp(json.at("box").at(static_cast<std::size_t>(i)).get<float>(), 0.0f, 1.0f) *
             static_cast<float>(size);
    };
    detections.push_back({y_first ? json.at("cls").get<std::size_t>() : 0, json.at("score"),
                          at(0, picture.width), at(1, picture.height), at(2, picture.width),
                          at(3, picture.height)});
  }
  return detections;
}

// The same detections in any order; those whose score is as near to a limit as scores may differ
// may be missing on either side.
void ExpectSame(const std::vector<Detection>& found, const std::vector<Detection>& wanted,
                double min_iou, double score_tolerance, double threshold, bool full) {
  std::vector<bool> used(found.size(), false);
  double least = threshold;
  if (full && !wanted.empty()) least = wanted.back().score;
  const auto marginal = [&](const Detection& d) { return d.score < least + score_tolerance; };
  for (const Detection& want : wanted) {
    std::size_t best = found.size();
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (used[i] || found[i].index != want.index || Iou(found[i], want) < min_iou) continue;
      if (std::abs(found[i].score - want.score) <= score_tolerance) best = i;
    }
    if (best < found.size()) {
      used[best] = true;
    } else {
      EXPECT_TRUE(marginal(want)) << "class " << want.index << ", score " << want.score << " at "
                                  << want.x1 << ' ' << want.y1 << " is missing";
    }
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    EXPECT_TRUE(used[i] || marginal(found[i]))
        << "class " << found[i].index << ", score " << found[i].score << " at " << found[i].x1
        << ' ' << found[i].y1 << " is too much";
  }
}

// How the references' inputs were stored: of these pictures only.
fs::path InputFile(const std::string& image, const std::string& model) {
  const std::string rule = model.find("320") != std::string::npos ? "ultraface320x240" : "ssd300";
  return SharedData() / "golden/inputs" / (fs::path(image).stem().string() + "." + rule + ".npy");
}

std::vector<nlohmann::json> References() {
  std::ifstream stream(SharedData() / "golden/detections.json");
  std::vector<nlohmann::json> entries;
  for (const auto& entry : nlohmann::json::parse(stream)) {
    const std::string model = entry.at("model");
    // Quantised networks differ by whole steps, and one has a state besides its picture.
    if (model.find("_qdq") == model.npos) entries.push_back(entry);
  }
  return entries;
}

TEST(GoldenDetectionsTest, EqualTheReferences) {
  KINGLET_NEEDS_SHARED_DATA();
  std::map<std::string, Network> networks;
  int from_inputs = 0;
  int from_pictures = 0;
  for (const auto& entry : References()) {
    const std::string name = entry.at("model");
    const std::string image_name = entry.at("image");
    SCOPED_TRACE(name + " on " + image_name);
    if (!networks.contains(name)) networks.emplace(name, Open(name));
    const Network& network = networks.at(name);
    const DetectionSpec& spec = network.descriptor.detection;
    const double threshold = static_cast<double>(spec.score_threshold);
    const Image image = ReadImage((SharedData() / "images" / image_name).string());
    const PictureSize size = {image.width, image.height};
    const auto wanted = Reference(entry, size);
    const bool full = wanted.size() == static_cast<std::size_t>(spec.max_detections);
    const fs::path input = InputFile(image_name, name);
    if (fs::exists(input)) {
      ++from_inputs;
      ExpectSame(DetectIn(network, ReadNpy(input.string()), size), wanted, 0.99, 1e-3, threshold,
                 full);
    }
    const bool lossless = fs::path(image_name).extension() == ".bmp";
    ++from_pictures;
    ExpectSame(DetectIn(network, Preprocess(image, network.descriptor.preprocess), size), wanted,
               lossless ? 0.99 : 0.95, lossless ? 1e-3 : 0.02, threshold, full);
  }
  EXPECT_GE(from_inputs, 8);
  EXPECT_GE(from_pictures, 20);
}

TEST(GoldenDetectionsTest, PicturesOfABatchAreAsAlone) {
  KINGLET_NEEDS_SHARED_DATA();
  Network network = Open("ssd_mobilenet_v1_0.75_300_coco_w8");
  std::vector<PictureSize> sizes;
  std::vector<std::vector<Detection>> alone;
  Tensor batch(DataType::kFloat32, {3, 3, 300, 300});
  float* next = batch.data<float>();
  for (const char* name : {"grace_hopper.bmp", "dog_segmentation.bmp", "traffic_0001.bmp"}) {
    const Image image = ReadImage((SharedData() / "images" / name).string());
    const Tensor input = Preprocess(image, network.descriptor.preprocess);
    next = std::copy_n(input.data<float>(), input.size(), next);
    sizes.push_back({image.width, image.height});
    alone.push_back(DetectIn(network, input, sizes.back()));
    EXPECT_FALSE(alone.back().empty()) << name;
  }
  Session session = network.model.NewSession();
  DetectionDecoder decoder(network.descriptor, {2, network.anchors});
  const auto together = decoder.Decode(session.Run({{network.descriptor.input, batch}}), sizes);
  ASSERT_EQ(together.size(), alone.size());
  for (std::size_t n = 0; n < alone.size(); ++n) {
    ExpectSame(together[n], alone[n], 0.999, 1e-4, 0.3, false);
  }
}

TEST(GoldenDetectionsTest, OddPicturesAreNoReasonToFail) {
  KINGLET_NEEDS_SHARED_DATA();
  const Network network = Open("version-slim-320");
  for (const char* name : {"odd_1x1.png", "odd_1x1.jpg", "odd_wide_8192x2.png",
                           "odd_tall_2x8192.png", "odd_exif_orientation_5.jpg"}) {
    const Image image = ReadImage((SharedData() / "images" / name).string());
    const auto found = DetectIn(network, Preprocess(image, network.descriptor.preprocess),
                                {image.width, image.height});
    for (const Detection& d : found) {
      EXPECT_GE(d.x1, 0.0f);
      EXPECT_LE(d.x2, static_cast<float>(image.width));
      EXPECT_LT(d.y1, d.y2);
      EXPECT_LE(d.y2, static_cast<float>(image.height));
    }
  }
}

}  // namespace
}  // namespace kinglet::detections_test
