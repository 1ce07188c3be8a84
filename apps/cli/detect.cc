// kinglet detect: where is what in these pictures?
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/cli/commands.h"
#include "apps/cli/drawn_copies.h"
#include "apps/cli/network.h"
#include "apps/cli/output.h"
#include "apps/cli/picture_report.h"
#include "apps/cli/pictures.h"
#include "apps/cli/profile_options.h"
#include "kinglet/draw.h"
#include "kinglet/pipeline.h"

namespace kinglet::cli {
namespace {

struct DetectResult {
  std::vector<Detection> detections;
  PictureTimes times;
};

using DetectReport = PictureReport<DetectResult>;

class DetectJson : public DetectReport {
 public:
  explicit DetectJson(const Detector& detector) : detector_(detector) {}

  void Add(const std::string& image, const DetectResult& result) override {
    using Json = nlohmann::ordered_json;
    Json line;
    line["image"] = image;
    line["model"] = detector_.name();
    line["detections"] = Json::array();
    for (const Detection& d : result.detections) {
      Json json;
      json["label"] = detector_.Label(d.index);
      json["index"] = d.index;
      json["score"] = d.score;
      json["box"] = {Pixels(d.x1), Pixels(d.y1), Pixels(d.x2), Pixels(d.y2)};
      for (const PicturePoint& point : d.landmarks) {
        json["landmarks"].push_back({Pixels(point.x), Pixels(point.y)});
      }
      line["detections"].push_back(json);
    }
    AddTimes(result.times, true, line);
    Print(JsonLine(line));
  }

 private:
  static double Pixels(float x) { return Rounded(static_cast<double>(x)); }

  const Detector& detector_;
};

class DetectTable : public DetectReport {
 public:
  DetectTable(const Detector& detector, const std::vector<std::string>& images, bool quiet)
      : detector_(detector), table_(Columns(detector, images)), quiet_(quiet) {}

  void Begin() override {
    if (!quiet_) Print(table_.HeadingLine());
  }

  void Add(const std::string& image, const DetectResult& result) override {
    std::string text;
    for (const Detection& d : result.detections) {
      const auto pixels = [](float x) { return fmt::format("{:.1f}", x); };
      text += table_.Line({text.empty() ? OneLine(image) : "", fmt::format("{:.4f}", d.score),
                           std::to_string(d.index), detector_.Label(d.index), pixels(d.x1),
                           pixels(d.y1), pixels(d.x2), pixels(d.y2)});
    }
    if (text.empty()) text = table_.Line({OneLine(image), "-", "-", "nothing", "", "", "", ""});
    Print(text);
    summary_.Add(result.times);
  }

  void End() override {
    if (!quiet_) Print(summary_.Text(detector_.name(), detector_.threads()));
  }

 private:
  static std::vector<Table::Column> Columns(const Detector& detector,
                                            const std::vector<std::string>& images) {
    constexpr std::size_t kNumber = 6;
    std::size_t picture = 0;
    for (const std::string& image : images) {
      picture = std::max(picture, DisplayWidth(OneLine(image)));
    }
    std::size_t label = 0;
    for (const std::string& name : detector.labels()) label = std::max(label, DisplayWidth(name));
    label = std::max(label, DisplayWidth(detector.Label(detector.labels().size() + 1000)));
    return {{"image", false, picture, Fit::kShorten},
            {"score", true, kNumber},
            {"index", true},
            {"class", false, label, Fit::kShorten},
            {"x1", true, kNumber},
            {"y1", true, kNumber},
            {"x2", true, kNumber},
            {"y2", true, kNumber}};
  }

  const Detector& detector_;
  Table table_;
  bool quiet_;
  TimeSummary summary_{true};
};

Image Drawn(Image image, const Detector& detector, const std::vector<Detection>& found,
            const DetectOptions& options) {
  std::vector<DrawnBox> boxes;
  for (const Detection& d : found) {
    DrawnBox box{d.x1, d.y1, d.x2, d.y2, "", d.index};
    box.points = d.landmarks;
    if (options.drawn_labels == "index") box.label = std::to_string(d.index);
    if (options.drawn_labels == "full") {
      box.brief = fmt::format("{:.2f}", d.score);
      box.label = detector.Label(d.index) + ' ' + box.brief;
    }
    boxes.push_back(std::move(box));
  }
  DrawBoxes(image, boxes, {.line_width = options.line_width});
  return image;
}

}  // namespace

Status DetectCommand(const DetectOptions& given) {
  DetectOptions options = given;
  const std::string& model = options.network.model;
  TakeProfileOfOne(model.empty() ? "demo_detector" : model, options.common);
  Detector detector = OpenDetector(options.network, options.overrides, options.common);
  const PictureOptions& pictures = options.pictures;
  const PictureList list = ListPictures(pictures.images, pictures.recursive);
  DrawnCopies copies(pictures.output, list.paths);
  std::unique_ptr<DetectReport> report;
  if (options.common.json) {
    report = std::make_unique<DetectJson>(detector);
  } else {
    report = std::make_unique<DetectTable>(detector, list.paths, options.common.quiet);
  }
  if (!list.paths.empty()) report->Begin();
  bool answered = false;
  bool first_run = !pictures.time;
  const auto detect = [&](const Picture& picture) {
    DetectResult result;
    const auto run = [&] {
      result.detections = DetectIn(detector, picture.image, answered);
      return detector.times();
    };
    result.times = {pictures.time ? WarmTimes(run) : run(), first_run};
    result.times.ms.decode = picture.decode_ms;
    first_run = false;
    report->Add(picture.path, result);
    if (copies.wanted()) {
      copies.Write(picture.path, Drawn(picture.image, detector, result.detections, options));
    }
  };
  const Status status = ForEachPicture(pictures, list, options.common, detect);
  report->End();
  return status;
}

}  // namespace kinglet::cli
