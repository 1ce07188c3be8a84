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
#include "kinglet/draw.h"
#include "kinglet/pipeline.h"

namespace kinglet::cli {
namespace {

struct Result {
  std::vector<Detection> detections;
  StageTimes ms;
};

using Report = PictureReport<Result>;

class JsonReport : public Report {
 public:
  explicit JsonReport(const Detector& detector) : detector_(detector) {}

  void Add(const std::string& image, const Result& result) override {
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
    line["ms"] = {{"decode", Rounded(result.ms.decode)},
                  {"preprocess", Rounded(result.ms.preprocess)},
                  {"network", Rounded(result.ms.network)},
                  {"postprocess", Rounded(result.ms.postprocess)}};
    Print(JsonLine(line));
  }

 private:
  static double Pixels(float x) { return Rounded(static_cast<double>(x)); }

  const Detector& detector_;
};

class TableReport : public Report {
 public:
  TableReport(const Detector& detector, const std::vector<std::string>& images, bool quiet)
      : detector_(detector), table_(Columns(detector, images)), quiet_(quiet) {}

  void Begin() override {
    if (!quiet_) Print(table_.HeadingLine());
  }

  void Add(const std::string& image, const Result& result) override {
    std::string text;
    for (const Detection& d : result.detections) {
      const auto pixels = [](float x) { return fmt::format("{:.1f}", x); };
      text += table_.Line({text.empty() ? OneLine(image) : "", fmt::format("{:.4f}", d.score),
                           std::to_string(d.index), detector_.Label(d.index), pixels(d.x1),
                           pixels(d.y1), pixels(d.x2), pixels(d.y2)});
    }
    if (text.empty()) text = table_.Line({OneLine(image), "-", "-", "nothing", "", "", "", ""});
    Print(text);
    sum_.decode += result.ms.decode;
    sum_.preprocess += result.ms.preprocess;
    sum_.network += result.ms.network;
    sum_.postprocess += result.ms.postprocess;
  }

  void End(std::size_t done) override {
    if (quiet_ || done == 0) return;
    const double n = static_cast<double>(done);
    Print(fmt::format(
        "{} {}; decode {:.2f} ms, preprocess {:.2f} ms, network {:.2f} ms, "
        "postprocess {:.2f} ms{} ({}, {} {})\n",
        done, done == 1 ? "picture" : "pictures", sum_.decode / n, sum_.preprocess / n,
        sum_.network / n, sum_.postprocess / n, done == 1 ? "" : " each", OneLine(detector_.name()),
        detector_.threads(), detector_.threads() == 1 ? "thread" : "threads"));
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
    return {{"image", false, picture}, {"score", true, kNumber}, {"index", true},
            {"class", false, label},   {"x1", true, kNumber},    {"y1", true, kNumber},
            {"x2", true, kNumber},     {"y2", true, kNumber}};
  }

  const Detector& detector_;
  Table table_;
  bool quiet_;
  StageTimes sum_;
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

Status DetectCommand(const DetectOptions& options) {
  Detector detector = OpenDetector(options.network, options.overrides, options.common);
  const PictureList list = ListPictures(options.images);
  DrawnCopies copies(options.output, list.paths);
  std::unique_ptr<Report> report;
  if (options.common.json) {
    report = std::make_unique<JsonReport>(detector);
  } else {
    report = std::make_unique<TableReport>(detector, list.paths, options.common.quiet);
  }
  for (const std::string& failure : list.failures) PrintError(failure);
  if (!list.paths.empty()) report->Begin();
  bool answered = false;
  const auto detect = [&](const Picture& picture) {
    Result result;
    result.detections = DetectIn(detector, picture.image, answered);
    result.ms = detector.times();
    result.ms.decode = picture.decode_ms;
    report->Add(picture.path, result);
    if (copies.wanted()) {
      copies.Write(picture.path, Drawn(picture.image, detector, result.detections, options));
    }
  };
  const std::size_t done =
      ForEachPicture(list.paths, options.max_pixels, !options.common.quiet, detect);
  report->End(done);
  return done == list.paths.size() && list.failures.empty() ? Status::kDone : Status::kInputFailed;
}

}  // namespace kinglet::cli
