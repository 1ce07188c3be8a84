// kinglet bench: how fast is this network, at which batch and on how many threads?
#include <fmt/format.h>
#include <sys/prctl.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <nlohmann/json.hpp>

#include "apps/cli/bench_point.h"
#include "apps/cli/commands.h"
#include "apps/cli/number_list.h"
#include "apps/cli/output.h"
#include "apps/cli/progress.h"
#include "kinglet/image.h"
#include "kinglet/machine.h"
#include "kinglet/model.h"

namespace kinglet::cli {
namespace {

constexpr std::size_t kMaxPoints = 10'000;
// Stages of a detector stand in their order about the times of the network.
constexpr int kDecodeColumn = 2;
constexpr int kPostprocessColumn = 7;

std::vector<BenchPoint> Points(const BenchOptions& options) {
  const std::vector<int> batches = ParseNumberList("--batch", options.batch, kMaxBatch);
  const std::vector<int> threads = ThreadCounts(options.threads);
  if (batches.size() * threads.size() > kMaxPoints) {
    throw UsageError(fmt::format("--batch and --threads: {} points, expected at most {}",
                                 batches.size() * threads.size(), kMaxPoints));
  }
  std::vector<BenchPoint> points;
  for (const int t : threads) {
    for (const int b : batches) {
      points.push_back({options.network, b, t, options.shapes, options.repeat, options.common.costs,
                        options.descriptor, options.picture});
    }
  }
  return points;
}

struct Speed {
  double images_per_s = 0;
  double gflops = 0;
  double share_of_peak = 0;
};

// `peak_gflops` is that of one core; threads beyond the CPUs add nothing to it.
Speed SpeedOf(const BenchPoint& point, const BenchTimes& times, double peak_gflops) {
  const double seconds = times.median_ms * 1e-3;
  const double peak = peak_gflops * std::min(point.threads, AvailableThreads());
  const double gflops = times.operations * 1e-9 / seconds;
  return {point.batch / seconds, gflops, gflops / peak};
}

double Rounded(double value, double scale) { return std::round(value * scale) / scale; }

nlohmann::ordered_json ToJson(const BenchPoint& point, const BenchTimes& times,
                              const Speed& speed) {
  nlohmann::ordered_json line;
  line["model"] = point.network;
  line["batch"] = point.batch;
  line["threads"] = point.threads;
  line["median_ms"] = Rounded(times.median_ms, 1e4);
  line["min_ms"] = Rounded(times.min_ms, 1e4);
  line["p95_ms"] = Rounded(times.p95_ms, 1e4);
  line["images_per_s"] = Rounded(speed.images_per_s, 1e3);
  line["gflops"] = Rounded(speed.gflops, 1e3);
  line["share_of_peak"] = Rounded(speed.share_of_peak, 1e4);
  if (times.stages) {
    line["ms"] = {{"decode", Rounded(times.stages->decode, 1e4)},
                  {"preprocess", Rounded(times.stages->preprocess, 1e4)},
                  {"network", Rounded(times.median_ms, 1e4)},
                  {"postprocess", Rounded(times.stages->postprocess, 1e4)}};
  }
  line["peak_rss_mb"] = Rounded(times.peak_rss_mb, 10);
  return line;
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

std::vector<std::string> Cells(const BenchPoint& point, const BenchTimes& times,
                               const Speed& speed) {
  std::vector<std::string> cells = {std::to_string(point.threads),
                                    std::to_string(point.batch),
                                    fmt::format("{:.3f}", times.median_ms),
                                    fmt::format("{:.3f}", times.min_ms),
                                    fmt::format("{:.3f}", times.p95_ms),
                                    fmt::format("{:.1f}", speed.images_per_s),
                                    fmt::format("{:.1f}", speed.gflops),
                                    fmt::format("{:.1f} %", 100.0 * speed.share_of_peak),
                                    fmt::format("{:.0f} MiB", times.peak_rss_mb)};
  if (times.stages) {
    const auto number = [](double ms) { return fmt::format("{:.3f}", ms); };
    cells.insert(cells.begin() + kDecodeColumn,
                 {number(times.stages->decode), number(times.stages->preprocess)});
    cells.insert(cells.begin() + kPostprocessColumn, number(times.stages->postprocess));
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
  const std::vector<BenchPoint> points = Points(options);
  if (options.point) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // nobody reads what it measures when its parent is gone
    return TimePoint(points.front());
  }
  if (!options.picture.empty() && !IsReadable(options.picture)) return Status::kInputFailed;
  const double peak_gflops = MeasurePeakGflops();
  Table table = MakeTable(false);
  bool headed = options.common.json;
  Progress progress(points.size(), !options.common.quiet);
  for (std::size_t i = 0; i < points.size(); ++i) {
    const BenchPoint& point = points[i];
    progress.Show(i, fmt::format("batch {}, threads {}", point.batch, point.threads));
    BenchTimes times;
    const Status status = MeasurePoint(point, times);
    if (status != Status::kDone) return status;
    const Speed speed = SpeedOf(point, times, peak_gflops);
    if (i == 0) table = MakeTable(times.stages.has_value());
    if (!headed && !options.common.quiet) {
      Print(fmt::format("{}; peak of a core {:.1f} GFLOP/s ({})\n", OneLine(options.network),
                        peak_gflops, InstructionSet()) +
            table.HeadingLine());
    }
    headed = true;
    Print(options.common.json ? JsonLine(ToJson(point, times, speed))
                              : table.Line(Cells(point, times, speed)));
  }
  return Status::kDone;
}

}  // namespace kinglet::cli
