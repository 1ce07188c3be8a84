#include "apps/cli/costs.h"

#include <filesystem>

#include "apps/cli/model_options.h"
#include "apps/cli/progress.h"

namespace kinglet::cli {
namespace {

// With --tune, the file that --tuning names may be one that is made now.
bool IsMadeNow(const CostOptions& costs) {
  std::error_code error;
  return costs.tune && !costs.tuning.empty() && !std::filesystem::exists(costs.tuning, error);
}

}  // namespace

CompileOptions CompileOptionsOf(const CommonOptions& options) {
  CompileOptions compile;
  compile.threads = options.threads;
  compile.calibration_file = options.costs.calibration;
  if (!IsMadeNow(options.costs)) compile.tuning_file = options.costs.tuning;
  compile.use_cache = !options.costs.no_cache;
  compile.winograd = !options.costs.no_winograd;
  SetLimits(options.model, compile);
  compile.deterministic = options.costs.deterministic;
  return compile;
}

Model CompileModel(Graph graph, const CommonOptions& options) {
  Model model = Model::Compile(std::move(graph), CompileOptionsOf(options));
  for (const std::string& note : model.notes()) PrintNote(options, "note: " + note);
  return model;
}

TuneReport TuneModel(Model& model, const InputShapes& shapes, const CommonOptions& options) {
  TuneOptions tune;
  tune.threads = options.threads;
  std::unique_ptr<Progress> bar;
  tune.progress = [&](std::size_t done, std::size_t total) {
    if (bar == nullptr) bar = std::make_unique<Progress>(total, !options.quiet);
    bar->Show(done, "measuring kernels");
  };
  const TuneReport report = model.Tune(shapes, tune);
  model.SaveTuning(options.costs.tuning);
  return report;
}

void TuneWhenAsked(Model& model, const InputShapes& shapes, const CommonOptions& options) {
  if (options.costs.tune) TuneModel(model, shapes, options);
}

}  // namespace kinglet::cli
