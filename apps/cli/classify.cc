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
#include "kinglet/draw.h"
#include "kinglet/pipeline.h"

namespace kinglet::cli {
namespace {

struct Result {
  std::vector<ClassScore> top;
  StageTimes ms;
};

using Report = PictureReport<Result>;

class JsonReport : public Report {
 public:
  explicit JsonReport(const Classifier& classifier) : classifier_(classifier) {}

  void Add(const std::string& image, const Result& result) override {
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
    line["ms"] = {{"decode", Rounded(result.ms.decode)},
                  {"preprocess", Rounded(result.ms.preprocess)},
                  {"infer", Rounded(result.ms.network)}};
    Print(JsonLine(line));
  }

 private:
  const Classifier& classifier_;
};

class TableReport : public Report {
 public:
  TableReport(const Classifier& classifier, const std::vector<std::string>& images, bool quiet)
      : classifier_(classifier), table_(Columns(classifier, images)), quiet_(quiet) {}

  void Begin() override {
    if (!quiet_) Print(table_.HeadingLine());
  }

  void Add(const std::string& image, const Result& result) override {
    std::string text;
    for (std::size_t i = 0; i < result.top.size(); ++i) {
      const ClassScore& score = result.top[i];
      const bool none = score.index == kNoneOfThese;
      text += table_.Line(
          {i == 0 ? OneLine(image) : "", none ? "-" : fmt::format("{:.4f}", score.score),
           none ? "-" : std::to_string(score.index), classifier_.Label(score.index)});
    }
    Print(text);
    sum_.decode += result.ms.decode;
    sum_.preprocess += result.ms.preprocess;
    sum_.network += result.ms.network;
  }

  void End(std::size_t done) override {
    if (quiet_ || done == 0) return;
    const double n = static_cast<double>(done);
    Print(fmt::format(
        "{} {}; decode {:.2f} ms, preprocess {:.2f} ms, infer {:.2f} ms{} ({}, {} {})\n", done,
        done == 1 ? "picture" : "pictures", sum_.decode / n, sum_.preprocess / n, sum_.network / n,
        done == 1 ? "" : " each", OneLine(classifier_.name()), classifier_.threads(),
        classifier_.threads() == 1 ? "thread" : "threads"));
  }

 private:
  static std::vector<Table::Column> Columns(const Classifier& classifier,
                                            const std::vector<std::string>& images) {
    constexpr std::size_t kScoreWidth = 6;
    std::size_t widest = 0;
    for (const std::string& image : images) {
      widest = std::max(widest, DisplayWidth(OneLine(image)));
    }
    return {{"image", false, widest},
            {"score", true, kScoreWidth},
            {"index", true, std::to_string(classifier.classes()).size()},
            {"class"}};
  }

  const Classifier& classifier_;
  Table table_;
  bool quiet_;
  StageTimes sum_;
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

Status ClassifyCommand(const ClassifyOptions& options) {
  Classifier classifier = OpenClassifier(options.network, options.common);
  if (options.network.model.empty()) NoteDemo(options.common, classifier);
  const PictureList list = ListPictures(options.images);
  DrawnCopies copies(options.output, list.paths);
  std::unique_ptr<Report> report;
  if (options.common.json) {
    report = std::make_unique<JsonReport>(classifier);
  } else {
    report = std::make_unique<TableReport>(classifier, list.paths, options.common.quiet);
  }
  for (const std::string& failure : list.failures) PrintError(failure);
  if (!list.paths.empty()) report->Begin();
  const auto classify = [&](const Picture& picture) {
    Result result;
    result.top = classifier.Classify(picture.image, static_cast<std::size_t>(options.top));
    result.ms = classifier.times();
    result.ms.decode = picture.decode_ms;
    report->Add(picture.path, result);
    if (copies.wanted()) {
      copies.Write(picture.path, Drawn(picture.image, classifier, result.top));
    }
  };
  const std::size_t done =
      ForEachPicture(list.paths, options.max_pixels, !options.common.quiet, classify);
  report->End(done);
  return done == list.paths.size() && list.failures.empty() ? Status::kDone : Status::kInputFailed;
}

}  // namespace kinglet::cli
