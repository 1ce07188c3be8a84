// kinglet bench: how fast is this network, at which batch and on how many threads?
#include <fmt/format.h>

#include "apps/cli/commands.h"
#include "apps/cli/costs.h"
#include "apps/cli/model_options.h"
#include "apps/cli/number_list.h"
#include "apps/cli/output.h"
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
// Stages of a detector stand in their order about the times of the network.
constexpr int kDecodeColumn = 2;
constexpr int kPostprocessColumn = 7;

std::vector<Point> Points(const BenchOptions& options) {
  const std::vector<int> batches = ParseNumberList("--batch", options.batch, kMaxBatch);
  const std::vector<int> threads = ThreadCounts(options.threads);
  if (batches.size() * threads.size() > kMaxPoints) {
    throw UsageError(fmt::format("--batch and --threads: {} points, expected at most {}",
                                 batches.size() * threads.size(), kMaxPoints));
  }
  Point point;
  point.network = options.network;
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
  std::vector<std::string> arguments = {"bench",     "--point",
                                        "--batch",   std::to_string(point.batch),
                                        "--threads", std::to_string(point.threads)};
  const auto add = [&](const char* option, const std::string& value) {
    if (!value.empty()) arguments.insert(arguments.end(), {option, value});
  };
  const CostOptions& costs = options.common.costs;
  add("--repeat", point.repeat > 0 ? std::to_string(point.repeat) : "");
  add("--calibration", costs.calibration);
  add("--tuning", costs.tuning);
  if (costs.no_cache) arguments.push_back("--no-cache");
  if (costs.no_winograd) arguments.push_back("--no-winograd");
  if (costs.deterministic) arguments.push_back("--deterministic");
  if (costs.tune) arguments.push_back("--tune");
  const std::vector<std::string> model = ArgumentsOf(options.common.model);
  arguments.insert(arguments.end(), model.begin(), model.end());
  add("--descriptor", point.descriptor);
  add("--image", point.picture);
  for (const std::string& shape : point.shapes) add("--shape", shape);
  arguments.insert(arguments.end(), {"--", point.network});
  return arguments;
}

Table MakeTable(bool detects) {
  constexpr std::size_t kNumber = 9;
  std::vector<Table::Column> columns = {
      {"threads", true},          {"batch", true},           {"median ms", true, kNumber},
      {"min ms", true, kNumber},  {"p95 ms", true, kNumber}, {"images/s", true, kNumber},
      {"GFLOP/s", true, kNumber}, {"of peak", true},         {"peak memory", true}};
  if (detects) {
    columns.insert(columns.begin() + kDecodeColumn, {{"decode", true}, {"preprocess", true}});
    columns.insert(columns.begin() + kPostprocessColumn, {"postprocess", true});
  }
  return Table(columns);
}

std::vector<std::string> Cells(const PointRecord& record) {
  const auto number = [](double ms) { return fmt::format("{:.3f}", ms); };
  std::vector<std::string> cells = {std::to_string(record.threads),
                                    std::to_string(record.batch),
                                    number(record.times.median_ms),
                                    number(record.times.min_ms),
                                    number(record.times.p95_ms),
                                    fmt::format("{:.1f}", record.images_per_s()),
                                    fmt::format("{:.1f}", record.gflops()),
                                    fmt::format("{:.1f} %", 100.0 * record.share_of_peak()),
                                    fmt::format("{:.0f} MiB", record.peak_rss_mb)};
  if (record.stages) {
    cells.insert(cells.begin() + kDecodeColumn,
                 {number(record.stages->decode), number(record.stages->preprocess)});
    cells.insert(cells.begin() + kPostprocessColumn, number(record.stages->postprocess));
  }
  return cells;
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

Status BenchCommand(const BenchOptions& options) {
  const std::vector<Point> points = Points(options);
  if (options.point) {
    measure::EndWithParent();
    Print(measure::AnswerPoint(points.front()));
    return Status::kDone;
  }
  if (!options.picture.empty() && !IsReadable(options.picture)) return Status::kInputFailed;
  const double peak_gflops = MeasurePeakGflops();
  Table table = MakeTable(false);
  Progress progress(points.size(), !options.common.quiet);
  for (std::size_t i = 0; i < points.size(); ++i) {
    const Point& point = points[i];
    progress.Show(i, fmt::format("batch {}, threads {}", point.batch, point.threads));
    PointRecord record = measure::TimeInOwnProcess(point, "kinglet", Arguments(options, point));
    record.machine.peak_gflops = peak_gflops;
    if (i == 0) {
      for (const std::string& note : record.notes) PrintNote(options.common, "note: " + note);
      table = MakeTable(record.stages.has_value());
      if (!options.common.json && !options.common.quiet) {
        Print(fmt::format("{}; peak of a core {:.1f} GFLOP/s ({})\n", OneLine(options.network),
                          peak_gflops, record.machine.instruction_set) +
              table.HeadingLine());
      }
    }
    Print(options.common.json ? measure::RecordLine(record) : table.Line(Cells(record)));
  }
  return Status::kDone;
}

}  // namespace kinglet::cli
