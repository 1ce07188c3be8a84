// kinglet classify: what is in these pictures?
#include "kinglet/classify.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/cli/commands.h"
#include "apps/cli/network.h"
#include "apps/cli/output.h"
#include "apps/cli/pictures.h"
#include "apps/cli/progress.h"
#include "kinglet/image.h"

namespace kinglet::cli {
namespace {

struct Milliseconds {
  double decode = 0;
  double preprocess = 0;
  double infer = 0;
};

class Stopwatch {
 public:
  double Lap() {
    const auto now = std::chrono::steady_clock::now();
    const std::chrono::duration<double, std::milli> lap = now - last_;
    last_ = now;
    return lap.count();
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

struct Result {
  std::vector<ClassScore> top;
  Milliseconds ms;
};

class Runner {
 public:
  Runner(const Classifier& classifier, const ClassifyOptions& options)
      : classifier_(classifier),
        session_(classifier.model.NewSession()),
        top_(static_cast<std::size_t>(options.top)) {
    limits_.max_pixels = options.max_pixels;
    const PreprocessSpec& spec = classifier.descriptor.preprocess;
    Tensor input(DataType::kFloat32, PreprocessedShape(spec));
    pixels_ = input.data<float>();
    inputs_[classifier.descriptor.input] = std::move(input);
  }

  Result Classify(const std::string& path) {
    Result result;
    Stopwatch watch;
    const Image image = ReadImage(path, limits_);
    result.ms.decode = watch.Lap();
    Preprocess(image, classifier_.descriptor.preprocess, scratch_, pixels_);
    result.ms.preprocess = watch.Lap();
    const Tensors& outputs = session_.Run(inputs_);
    result.ms.infer = watch.Lap();
    const auto scores =
        ClassScores(outputs.at(classifier_.descriptor.output), classifier_.descriptor.activation);
    result.top = TopScores(scores.front(), top_);
    return result;
  }

 private:
  const Classifier& classifier_;
  Session session_;
  std::size_t top_;
  ImageLimits limits_;
  PreprocessScratch scratch_;
  Tensors inputs_;
  float* pixels_ = nullptr;
};

class Report {
 public:
  virtual ~Report() = default;
  virtual void Begin() {}
  virtual void Add(const std::string& image, const Result& result) = 0;
  virtual void End(std::size_t) {}
};

double Rounded(double ms) { return std::round(ms * 1000.0) / 1000.0; }

class JsonReport : public Report {
 public:
  explicit JsonReport(const Classifier& classifier) : classifier_(classifier) {}

  void Add(const std::string& image, const Result& result) override {
    using Json = nlohmann::ordered_json;
    Json line;
    line["image"] = image;
    line["model"] = classifier_.name;
    line["top"] = Json::array();
    for (const ClassScore& score : result.top) {
      line["top"].push_back({{"index", score.index},
                             {"label", classifier_.Label(score.index)},
                             {"score", score.score}});
    }
    line["ms"] = {{"decode", Rounded(result.ms.decode)},
                  {"preprocess", Rounded(result.ms.preprocess)},
                  {"infer", Rounded(result.ms.infer)}};
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
      text += table_.Line({i == 0 ? OneLine(image) : "", fmt::format("{:.4f}", score.score),
                           std::to_string(score.index), classifier_.Label(score.index)});
    }
    Print(text);
    sum_.decode += result.ms.decode;
    sum_.preprocess += result.ms.preprocess;
    sum_.infer += result.ms.infer;
  }

  void End(std::size_t done) override {
    if (quiet_ || done == 0) return;
    const double n = static_cast<double>(done);
    Print(fmt::format(
        "{} {}; decode {:.2f} ms, preprocess {:.2f} ms, infer {:.2f} ms{} ({}, {} {})\n", done,
        done == 1 ? "picture" : "pictures", sum_.decode / n, sum_.preprocess / n, sum_.infer / n,
        done == 1 ? "" : " each", OneLine(classifier_.name), classifier_.model.threads(),
        classifier_.model.threads() == 1 ? "thread" : "threads"));
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
            {"index", true, std::to_string(classifier.classes).size()},
            {"class"}};
  }

  const Classifier& classifier_;
  Table table_;
  bool quiet_;
  Milliseconds sum_;
};

// What is wrong with one picture, which every message names.
std::string PictureMessage(const std::string& path, const std::string& what) {
  return what.find(path) == std::string::npos ? path + ": " + what : what;
}

}  // namespace

Status ClassifyCommand(const ClassifyOptions& options) {
  const Classifier classifier = OpenClassifier(options.network, options.common);
  const PictureList list = ListPictures(options.images);
  Runner runner(classifier, options);
  std::unique_ptr<Report> report;
  if (options.common.json) {
    report = std::make_unique<JsonReport>(classifier);
  } else {
    report = std::make_unique<TableReport>(classifier, list.paths, options.common.quiet);
  }
  for (const std::string& failure : list.failures) PrintError(failure);
  if (!list.paths.empty()) report->Begin();
  std::size_t done = 0;
  Progress progress(list.paths.size(), !options.common.quiet);
  for (std::size_t i = 0; i < list.paths.size(); ++i) {
    const std::string& path = list.paths[i];
    progress.Show(i, path);
    try {
      const Result result = runner.Classify(path);
      report->Add(path, result);
      ++done;
    } catch (const Error& error) {
      const bool limit = error.code() == ErrorCode::kResource;
      PrintError(PictureMessage(path, error.what()) + (limit ? " (--max-pixels N)" : ""));
    } catch (const std::bad_alloc&) {
      PrintError(PictureMessage(path, "not enough memory"));
    }
  }
  report->End(done);
  return done == list.paths.size() && list.failures.empty() ? Status::kDone : Status::kInputFailed;
}

}  // namespace kinglet::cli
