// kinglet bench: how fast is this network, at which batch and on how many threads?
#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <string_view>

#include "apps/cli/commands.h"
#include "apps/cli/costs.h"
#include "apps/cli/input_file.h"
#include "apps/cli/model_options.h"
#include "apps/cli/number_list.h"
#include "apps/cli/output.h"
#include "apps/cli/profile_options.h"
#include "apps/cli/progress.h"
#include "kinglet/image.h"
#include "kinglet/machine.h"
#include "measure/common/process.h"
#include "measure/network/point.h"

namespace kinglet::cli {
namespace {

using measure::Point;
using measure::PointRecord;

constexpr std::size_t kMaxPoints = 10'000;

std::vector<Point> Points(const BenchOptions& options) {
  const std::vector<int> batches = BatchSizes(options.batch);
  const std::vector<int> threads = ThreadCounts(options.threads);
  if (batches.size() * threads.size() > kMaxPoints) {
    throw UsageError(fmt::format("--batch and --threads: {} points, expected at most {}",
                                 batches.size() * threads.size(), kMaxPoints));
  }
  Point point;
  point.network = ModelFile(options.network);
  point.shapes = options.shapes;
  point.repeat = options.repeat;
  point.read = ReadOptionsOf(options.common);
  point.compile = CompileOptionsOf(options.common);
  point.tune = options.common.costs.tune;
  point.tuning_file = options.common.costs.tuning;
  point.descriptor = options.descriptor;
  point.picture = options.picture;
  std::vector<Point> points;
  for (const int t : threads) {
    for (const int b : batches) {
      point.threads = t;
      point.batch = b;
      points.push_back(point);
    }
  }
  return points;
}

// How this command calls itself for one of its points.
std::vector<std::string> Arguments(const BenchOptions& options, const Point& point) {
  std::vector<std::string> arguments = {"bench", "--point", "--threads",
                                        std::to_string(point.threads)};
  const auto add = [&](const char* option, const std::string& value) {
    if (!value.empty()) arguments.insert(arguments.end(), {option, value});
  };
  add("--batch", point.batch > 0 ? std::to_string(point.batch) : "");
  add("--repeat", point.repeat > 0 ? std::to_string(point.repeat) : "");
  for (const auto& more : {ArgumentsOf(options.common.costs), ArgumentsOf(options.common.model)}) {
    arguments.insert(arguments.end(), more.begin(), more.end());
  }
  add("--descriptor", point.descriptor);
  add("--image", point.picture);
  for (const std::string& shape : point.shapes) add("--shape", shape);
  arguments.insert(arguments.end(), {"--", point.network});
  return arguments;
}

struct Cell {
  const char* heading;
  std::string text;
  std::size_t width = 8;  // that most values have
  bool wide = false;      // left out where the output is too narrow for all; --json has it
};

std::vector<Cell> Cells(const PointRecord& record) {
  const auto number = [](double ms) { return fmt::format("{:.3f}", ms); };
  const bool counted = record.waiting_steps == 0;
  const auto rate = [&](double value) { return counted ? fmt::format("{:.1f}", value) : "-"; };
  const bool stages = record.stages.has_value();
  std::vector<Cell> cells = {{"threads", std::to_string(record.threads), 1},
                             {"batch", std::to_string(record.batch), 1},
                             {"type", record.precision, 4, stages}};
  if (stages) {
    cells.push_back({"decode", number(record.stages->decode)});
    cells.push_back({"preprocess", number(record.stages->preprocess)});
  }
  cells.push_back({"median ms", number(record.times.median_ms)});
  cells.push_back({"min ms", number(record.times.min_ms), 8, stages});
  cells.push_back({"p95 ms", number(record.times.p95_ms), 8, stages});
  if (stages) cells.push_back({"postprocess", number(record.stages->postprocess)});
  if (record.agreement) {
    cells.push_back({"agrees", fmt::format("{:.2f} %", 100 * *record.agreement), 7, stages});
  }
  cells.push_back({"images/s", fmt::format("{:.1f}", record.images_per_s())});
  cells.push_back({"GFLOP/s", rate(record.gflops()), 7, true});
  cells.push_back({"% peak", rate(100.0 * record.share_of_peak()), 6, stages});
  cells.push_back({"MiB", fmt::format("{:.0f}", record.peak_rss_mb), 5});
  return cells;
}

// The columns that fit, each as wide as most of its numbers.
class PointTable {
 public:
  explicit PointTable(const PointRecord& first) {
    constexpr std::size_t kGap = 2;
    const std::vector<Cell> cells = Cells(first);
    std::size_t width = 0;
    for (const Cell& cell : cells) {
      width += std::max(cell.width, std::string_view(cell.heading).size()) + kGap;
    }
    narrow_ = width > OutputWidth() + kGap;
    std::vector<Table::Column> columns;
    for (const Cell& cell : cells) {
      if (!narrow_ || !cell.wide) columns.push_back({cell.heading, true, cell.width});
    }
    table_ = std::make_unique<Table>(std::move(columns));
  }

  std::string Heading() const { return table_->HeadingLine(); }
  std::string Line(const PointRecord& record) const {
    std::vector<std::string> texts;
    for (const Cell& cell : Cells(record)) {
      if (!narrow_ || !cell.wide) texts.push_back(cell.text);
    }
    return table_->Line(texts);
  }

 private:
  bool narrow_ = false;
  std::unique_ptr<Table> table_;
};

// Some runs took far longer than most: something else wanted the machine.
void WarnOfUnrest(const CommonOptions& options, const PointRecord& record) {
  constexpr double kFar = 1.5;
  constexpr std::size_t kEnoughRuns = 9;
  const measure::Times& times = record.times;
  if (times.runs < kEnoughRuns || times.p95_ms <= kFar * times.median_ms) return;
  PrintNote(options, fmt::format("warning: batch {}, threads {}: the slowest twentieth of the runs "
                                 "took {:.1f} times the median or more; the machine is not quiet, "
                                 "or has fewer CPUs than threads",
                                 record.batch, record.threads, times.p95_ms / times.median_ms));
}

// The options with what the profile says where nothing was given.
BenchOptions WithProfile(BenchOptions options) {
  const std::optional<characterize::Profile> profile = TakeProfile(options.network, options.common);
  if (!profile) return options;
  if (options.batch.empty()) options.batch = std::to_string(profile->key.batch);
  if (options.threads.empty()) options.threads = std::to_string(profile->key.threads);
  if (options.shapes.empty()) options.shapes = profile->shapes;
  if (options.descriptor.empty()) options.descriptor = profile->descriptor;
  if (profile->key.instances > 1) {
    PrintNote(options.common, fmt::format("note: bench runs one instance; the {} of the profile "
                                          "are for 'kinglet sweep'",
                                          profile->key.instances));
  }
  return options;
}

// Before time goes into runs; says what is wrong.
bool IsReadable(const std::string& picture) {
  try {
    ReadImage(picture);
    return true;
  } catch (const Error& error) {
    PrintError(error.what());
    return false;
  }
}

}  // namespace

Status BenchCommand(const BenchOptions& given) {
  const BenchOptions options = WithProfile(given);
  const std::vector<Point> points = Points(options);
  if (options.point) {
    measure::EndWithParent();
    Print(measure::AnswerPoint(points.front()));
    return Status::kDone;
  }
  if (!options.picture.empty() && !IsReadable(options.picture)) return Status::kInputFailed;
  const double peak_gflops = MeasurePeakGflops();
  std::unique_ptr<PointTable> table;
  Progress progress(points.size(), !options.common.quiet);
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Point& point = points[i];
    progress.Show(i, fmt::format("batch {}, threads {}", std::max(point.batch, 1), point.threads));
    PointRecord record = measure::TimeInOwnProcess(point, "kinglet", Arguments(options, point));
    record.machine.peak_gflops = peak_gflops;
    PrintDetail(options.common, fmt::format("batch {}, threads {}: {} runs", record.batch,
                                            record.threads, record.times.runs));
    if (i == 0) {
      for (const std::string& note : record.notes) PrintNote(options.common, "note: " + note);
      table = std::make_unique<PointTable>(record);
      if (!options.common.json && !options.common.quiet) {
        const std::string peak = fmt::format("; peak of a core {:.1f} GFLOP/s ({})", peak_gflops,
                                             record.machine.instruction_set);
        const std::size_t room = OutputWidth() - std::min(OutputWidth(), peak.size());
        Print(Shortened(OneLine(options.network), room) + peak + '\n' + table->Heading());
      }
    }
    Print(options.common.json ? measure::RecordLine(record) : table->Line(record));
    WarnOfUnrest(options.common, record);
  }
  return Status::kDone;
}

}  // namespace kinglet::cli
