// kinglet tune: measuring kernels in their places.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "apps/cli/commands.h"
#include "apps/cli/costs.h"
#include "apps/cli/network.h"
#include "apps/cli/number_list.h"
#include "apps/cli/output.h"
#include "apps/cli/progress.h"
#include "kinglet/machine.h"
#include "kinglet/network.h"
#include "kinglet/tuning.h"
#include "measure/network/shapes.h"

namespace kinglet::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string FileOr(const std::string& file, const std::string& otherwise) {
  return file.empty() ? otherwise : file;
}

// One point of the lists.
struct TunedPoint {
  int threads, batch;
  TuneReport report;
  double predicted_before = 0, predicted_after = 0;
};

void PrintTuned(const TuneCommandOptions& options, const std::vector<TunedPoint>& points) {
  const std::string file = FileOr(options.output, DefaultTuningFile());
  if (options.common.json) {
    Json list = Json::array();
    for (const TunedPoint& p : points) {
      list.push_back({{"threads", p.threads},
                      {"batch", p.batch},
                      {"choices", p.report.choices},
                      {"changed", p.report.changed},
                      {"predicted_ms_before", 1e3 * p.predicted_before},
                      {"predicted_ms", 1e3 * p.predicted_after}});
    }
    Print(JsonLine({{"model", options.network}, {"file", file}, {"points", list}}));
    return;
  }
  if (options.common.quiet) return;
  Table table({{"threads", true},
               {"batch", true},
               {"choices measured", true},
               {"changed", true},
               {"predicted before ms", true},
               {"now ms", true}});
  for (const TunedPoint& p : points) {
    table.Add({std::to_string(p.threads), std::to_string(p.batch), std::to_string(p.report.choices),
               std::to_string(p.report.changed), fmt::format("{:.3f}", 1e3 * p.predicted_before),
               fmt::format("{:.3f}", 1e3 * p.predicted_after)});
  }
  Print(table.Text() + "kept in " + OneLine(file) + "\n");
}

}  // namespace

Status TuneCommand(const TuneCommandOptions& options) {
  if (options.has_bound()) return TuneForBound(options);
  if (!options.instances.empty() || !options.kind.empty() || !options.input.empty() ||
      options.kernels) {
    throw UsageError(
        "--instances, --as, --input and --kernels are for a search under --latency, --memory or "
        "--rate");
  }
  const std::vector<int> batches = BatchSizes(options.batch);
  const std::vector<int> threads = ThreadCounts(options.threads);
  std::vector<TunedPoint> points;
  CommonOptions common = options.common;
  common.costs.tune = true;
  common.costs.tuning = options.output;
  if (!options.output.empty()) CheckOutputFile(options.output);
  NamedNetwork network = OpenDescribed(options.network, common, options.descriptor);
  const measure::ShapeChooser shapes_of(network.graph, options.shapes, network.descriptor);
  PrintGuess(common, shapes_of);
  Model model = CompileModel(std::move(network.graph), common);
  for (const int count : threads) {
    common.threads = count;
    for (const int batch : batches) {
      const InputShapes shapes = shapes_of.For(batch);
      TunedPoint point{
          count, shapes_of.Batch(shapes), {}, model.Describe(shapes, count).predicted_seconds, 0};
      point.report = TuneModel(model, shapes, common);
      point.predicted_after = model.Describe(shapes, count).predicted_seconds;
      points.push_back(point);
    }
  }
  PrintTuned(options, points);
  return Status::kDone;
}

}  // namespace kinglet::cli
