// kinglet classify: what is in these pictures?
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

struct ClassifyResult {
  std::vector<ClassScore> top;
  PictureTimes times;
};

using ClassifyReport = PictureReport<ClassifyResult>;

class ClassifyJson : public ClassifyReport {
 public:
  explicit ClassifyJson(const Classifier& classifier) : classifier_(classifier) {}

  void Add(const std::string& image, const ClassifyResult& result) override {
    using Json = nlohmann::ordered_json;
    Json line;
    line["image"] = image;
    line["model"] = classifier_.name();
    line["top"] = Json::array();
    for (const ClassScore& score : result.top) {
      Json of_class = {{"index", score.index},
                       {"label", classifier_.Label(score.index)},
                       {"score", score.score}};
      if (score.index == kNoneOfThese) of_class["index"] = of_class["score"] = nullptr;
      line["top"].push_back(of_class);
    }
    AddTimes(result.times, false, line);
    Print(JsonLine(line));
  }

 private:
  const Classifier& classifier_;
};

class ClassifyTable : public ClassifyReport {
 public:
  ClassifyTable(const Classifier& classifier, const std::vector<std::string>& images, bool quiet)
      : classifier_(classifier), table_(Columns(classifier, images)), quiet_(quiet) {}

  void Begin() override {
    if (!quiet_) Print(table_.HeadingLine());
  }

  void Add(const std::string& image, const ClassifyResult& result) override {
    std::string text;
    for (std::size_t i = 0; i < result.top.size(); ++i) {
      const ClassScore& score = result.top[i];
      const bool none = score.index == kNoneOfThese;
      text += table_.Line(
          {i == 0 ? OneLine(image) : "", none ? "-" : fmt::format("{:.4f}", score.score),
           none ? "-" : std::to_string(score.index), classifier_.Label(score.index)});
    }
    Print(text);
    summary_.Add(result.times);
  }

  void End() override {
    if (!quiet_) Print(summary_.Text(classifier_.name(), classifier_.threads()));
  }

 private:
  static std::vector<Table::Column> Columns(const Classifier& classifier,
                                            const std::vector<std::string>& images) {
    constexpr std::size_t kScoreWidth = 6;
    std::size_t widest = 0;
    for (const std::string& image : images) {
      widest = std::max(widest, DisplayWidth(OneLine(image)));
    }
    std::size_t label = 0;
    for (const std::string& name : classifier.labels()) {
      label = std::max(label, DisplayWidth(name));
    }
    if (classifier.descriptor().rejection.measure != RejectionMeasure::kNone) {
      label = std::max(label, DisplayWidth(classifier.Label(kNoneOfThese)));
    }
    return {{"image", false, widest, Fit::kShorten},
            {"score", true, kScoreWidth},
            {"index", true, std::to_string(classifier.classes()).size()},
            {"class", false, std::max(label, DisplayWidth(classifier.Label(classifier.classes()))),
             Fit::kShorten}};
  }

  const Classifier& classifier_;
  Table table_;
  bool quiet_;
  TimeSummary summary_{false};
};

Image Drawn(Image image, const Classifier& classifier, const std::vector<ClassScore>& top) {
  std::vector<std::string> lines;
  for (const ClassScore& score : top) {
    const std::string label = classifier.Label(score.index);
    const bool none = score.index == kNoneOfThese;
    lines.push_back(none ? label : fmt::format("{} {:.2f}", label, score.score));
  }
  DrawCaption(image, lines);
  return image;
}

void NoteDemo(const CommonOptions& options, const Classifier& classifier) {
  std::string names;
  for (const std::string& label : classifier.labels()) names += (names.empty() ? "" : ", ") + label;
  PrintNote(options,
            fmt::format("note: the built-in network knows {} kinds of drawn things ({}) and "
                        "no photographs; for those name a network with --model "
                        "(docs/models.md)",
                        classifier.classes(), names));
}

}  // namespace

Status ClassifyCommand(const ClassifyOptions& given) {
  ClassifyOptions options = given;
  const std::string& model = options.network.model;
  TakeProfileOfOne(model.empty() ? "demo" : model, options.common);
  Classifier classifier = OpenClassifier(options.network, options.common);
  const PictureOptions& pictures = options.pictures;
  const PictureList list = ListPictures(pictures.images, pictures.recursive);
  DrawnCopies copies(pictures.output, list.paths);
  std::unique_ptr<ClassifyReport> report;
  if (options.common.json) {
    report = std::make_unique<ClassifyJson>(classifier);
  } else {
    report = std::make_unique<ClassifyTable>(classifier, list.paths, options.common.quiet);
  }
  if (!list.paths.empty()) report->Begin();
  bool first_run = !pictures.time;
  bool answered = false;
  const auto classify = [&](const Picture& picture) {
    ClassifyResult result;
    const auto run = [&] {
      result.top = classifier.Classify(picture.image, static_cast<std::size_t>(options.top));
      return classifier.times();
    };
    result.times = {pictures.time ? WarmTimes(run) : run(), first_run};
    result.times.ms.decode = picture.decode_ms;
    first_run = false;
    answered = true;
    report->Add(picture.path, result);
    if (copies.wanted()) {
      copies.Write(picture.path, Drawn(picture.image, classifier, result.top));
    }
  };
  const Status status = ForEachPicture(pictures, list, options.common, classify);
  report->End();
  if (answered && options.network.model.empty() && !options.common.json) {
    NoteDemo(options.common, classifier);
  }
  return status;
}

}  // namespace kinglet::cli
