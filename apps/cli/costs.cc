#include "apps/cli/costs.h"

#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "apps/cli/model_options.h"
#include "apps/cli/number_list.h"
#include "apps/cli/progress.h"
#include "kinglet/machine.h"

namespace kinglet::cli {
namespace {

// With --tune, the file that --tuning names may be one that is made now.
bool IsMadeNow(const CostOptions& costs) {
  std::error_code error;
  return costs.tune && !costs.tuning.empty() && !std::filesystem::exists(costs.tuning, error);
}

}  // namespace

int ThreadsOf(const CommonOptions& options) {
  return options.threads > 0 ? options.threads : DefaultThreads();
}

CompileOptions CompileOptionsOf(const CommonOptions& options) {
  CompileOptions compile;
  compile.threads = ThreadsOf(options);
  compile.calibration_file = options.costs.calibration;
  if (!IsMadeNow(options.costs)) compile.tuning_file = options.costs.tuning;
  compile.verdict_file = options.costs.verdicts;
  compile.use_cache = !options.costs.no_cache;
  compile.winograd = !options.costs.no_winograd;
  SetLimits(options.model, compile);
  compile.deterministic = options.costs.deterministic;
  compile.precision = PrecisionOf(options.costs.precision).value_or(Precision::kModel);
  if (options.verbose) {
    compile.on_plan = [options](const InputShapes& shapes, int threads) {
      std::string text;
      for (const auto& [name, shape] : shapes) text += name + ' ' + ShapeToString(shape) + ", ";
      PrintDetail(options, fmt::format("planning for {}threads {}", text, threads));
    };
  }
  return compile;
}

std::vector<std::string> ArgumentsOf(const CostOptions& options) {
  std::vector<std::string> arguments;
  const auto add = [&](const char* option, const std::string& value) {
    if (!value.empty()) arguments.insert(arguments.end(), {option, value});
  };
  add("--calibration", options.calibration);
  add("--tuning", options.tuning);
  add("--precision", options.precision);
  add("--verdicts", options.verdicts);
  if (options.no_cache) arguments.push_back("--no-cache");
  if (options.no_winograd) arguments.push_back("--no-winograd");
  if (options.deterministic) arguments.push_back("--deterministic");
  if (options.tune) arguments.push_back("--tune");
  return arguments;
}

Model CompileModel(Graph graph, const CommonOptions& options) {
  const Timer timer;
  Model model = Model::Compile(std::move(graph), CompileOptionsOf(options));
  PrintDetail(options, fmt::format("compiled in {:.1f} ms; {}", timer.ms(), InstructionSet()));
  for (const std::string& note : model.notes()) PrintNote(options, "note: " + note);
  return model;
}

namespace {

TuneReport Measure(Model& model, const InputShapes& shapes, const CommonOptions& options) {
  TuneOptions tune;
  tune.threads = ThreadsOf(options);
  std::unique_ptr<Progress> bar;
  tune.progress = [&](std::size_t done, std::size_t total) {
    if (bar == nullptr) bar = std::make_unique<Progress>(total, !options.quiet);
    bar->Show(done, "measuring kernels");
  };
  return model.Tune(shapes, tune);
}

}  // namespace

TuneReport TuneModel(Model& model, const InputShapes& shapes, const CommonOptions& options) {
  const TuneReport report = Measure(model, shapes, options);
  model.SaveTuning(options.costs.tuning);
  return report;
}

void TuneWhenAsked(Model& model, const InputShapes& shapes, const CommonOptions& options) {
  if (!options.costs.tune) return;
  Measure(model, shapes, options);
  try {
    model.SaveTuning(options.costs.tuning);
  } catch (const Error& error) {
    if (!options.costs.tuning.empty() || error.code() != ErrorCode::kIo) throw;
    PrintNote(options, std::string("warning: measured kernels are not kept: ") + error.what());
  }
}

}  // namespace kinglet::cli
