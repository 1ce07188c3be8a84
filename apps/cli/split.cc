// kinglet split: what does a detector do beside its network, and what is that made of?
#include "characterize/split/split.h"

#include <fmt/format.h>

#include "apps/cli/commands.h"
#include "apps/cli/costs.h"
#include "apps/cli/model_options.h"
#include "apps/cli/number_list.h"
#include "apps/cli/output.h"
#include "apps/cli/pictures.h"
#include "apps/cli/profile_commands.h"
#include "apps/cli/progress.h"
#include "characterize/common/output_folder.h"
#include "characterize/pictures/gnuplot.h"
#include "characterize/split/picture.h"
#include "kinglet/file.h"

namespace kinglet::cli {
namespace {

using characterize::DetectorSplit;
using characterize::StepCounts;

std::string SplitMs(double ms) { return fmt::format("{:.3f}", ms); }

// Parts with their share of all, and how many steps of which kind they are.
class SplitTable {
 public:
  explicit SplitTable(const DetectorSplit& split)
      : all_(split.all_ms()),
        table_({{"part", false, 28},
                {"ms", true, 9},
                {"%", true, 6},
                {"operators", true},
                {"conversions", true},
                {"copies", true}}) {}

  void Add(const char* part, double ms) { table_.Add({part, SplitMs(ms), Share(ms), "", "", ""}); }
  void Add(const char* part, const StepCounts& counts, double scale) {
    if (counts.steps() == 0) return;
    table_.Add({part, SplitMs(scale * counts.ms()), Share(scale * counts.ms()),
                With(counts.operators, scale * counts.operator_ms),
                With(counts.conversions, scale * counts.conversion_ms),
                With(counts.copies, scale * counts.copy_ms)});
  }
  std::string Text() { return table_.Text(); }

 private:
  std::string Share(double ms) const {
    return fmt::format("{:.1f}", all_ > 0 ? 100 * ms / all_ : 0);
  }
  static std::string With(std::size_t count, double ms) {
    return count == 0 ? "-" : fmt::format("{} ({} ms)", count, SplitMs(ms));
  }

  double all_;
  Table table_;
};

std::string SplitText(const DetectorSplit& split) {
  std::string text = OneLine(split.network);
  if (split.classes > 0) text += fmt::format(", {} classes", split.classes);
  text +=
      fmt::format(", threads {}, {}: {:.1f} detections a picture{}\n\n", split.threads,
                  split.pictures == 1 ? "1 picture" : fmt::format("{} pictures", split.pictures),
                  split.detections,
                  split.made_up ? " (weights are random: its scores are made up as a trained "
                                  "detector's are)"
                                : "");
  SplitTable table(split);
  table.Add("picture decoded", split.read_ms);
  table.Add("pre-processing", split.prepare_ms);
  table.Add("network", split.network_ms);
  const double profiled = split.parts.before.ms() + split.parts.body.ms() + split.parts.behind.ms();
  const double scale = profiled > 0 ? split.network_ms / profiled : 0;
  table.Add("  before convolutions", split.parts.before, scale);
  table.Add("  convolutions and between", split.parts.body, scale);
  table.Add("  behind convolutions", split.parts.behind, scale);
  table.Add("post-processing", split.answer_ms);
  table.Add("  choosing", split.choose_ms);
  table.Add("  decoding", split.decode_ms);
  table.Add("  suppression", split.suppress_ms);
  table.Add("  other", split.other_ms);
  table.Add("(all)", split.all_ms());
  return text + table.Text();
}

std::vector<std::string> PictureFiles(const SplitCommandOptions& options) {
  PictureList list = ListPictures(options.pictures);
  if (!list.failures.empty()) throw Error(ErrorCode::kIo, list.failures.front());
  return std::move(list.paths);
}

}  // namespace

Status SplitCommand(const SplitCommandOptions& options) {
  constexpr int kMostClasses = 100'000;
  std::vector<int> classes = {0};
  if (!options.classes.empty()) {
    classes = ParseNumberList("--classes", options.classes, kMostClasses);
  }
  characterize::SplitOptions wanted;
  wanted.network = options.network;
  wanted.descriptor = options.descriptor;
  wanted.pictures = PictureFiles(options);
  wanted.threads = ThreadsOf(options.common);
  wanted.read = ReadOptionsOf(options.common);
  wanted.compile = CompileOptionsOf(options.common);
  wanted.budget_seconds = options.seconds;
  if (!options.output.empty()) {
    characterize::CheckGnuplot();
    characterize::PrepareFolder(options.output);
  }
  std::vector<DetectorSplit> splits;
  std::string lines;
  Progress progress(classes.size(), !options.common.quiet);
  for (std::size_t i = 0; i < classes.size(); ++i) {
    progress.Show(i, fmt::format("{} classes", classes[i]));
    wanted.classes = classes[i];
    splits.push_back(SplitDetector(wanted));
    lines += SplitJson(splits.back());
    Progress::Hide();
    if (options.common.json) {
      Print(SplitJson(splits.back()));
    } else {
      Print((i > 0 ? "\n" : "") + SplitText(splits.back()));
    }
  }
  if (!options.output.empty()) {
    WriteFile(characterize::InFolder(options.output, "split.jsonl"), lines);
    characterize::WritePicture(characterize::SplitPlot(splits),
                               characterize::InFolder(options.output, "split"));
  }
  return Status::kDone;
}

}  // namespace kinglet::cli
