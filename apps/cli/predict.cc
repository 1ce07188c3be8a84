// kinglet predict: what a network would take, without running it.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "apps/cli/commands.h"
#include "apps/cli/costs.h"
#include "apps/cli/foresight.h"
#include "apps/cli/input_file.h"
#include "apps/cli/model_options.h"
#include "apps/cli/number_list.h"
#include "apps/cli/output.h"
#include "apps/cli/predictor_options.h"
#include "apps/cli/quantities.h"
#include "characterize/predict/foresee.h"
#include "kinglet/machine.h"

namespace kinglet::cli {
namespace {

using characterize::Bounds;
using characterize::Forecast;
using characterize::Foresight;
using characterize::Predictor;
using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxForecasts = 2000;
struct Asked {
  std::vector<int> batches, threads, instances;
  Bounds bounds;
  bool search = false;  // nothing was said of what is to be searched
};

// With a bound, and no lists, everything that this machine has room for.
Asked AskedOf(const PredictOptions& options) {
  Asked asked;
  if (!options.latency.empty()) {
    asked.bounds.latency_us = ParseDurationUs("--latency", options.latency);
  }
  if (!options.memory.empty()) {
    asked.bounds.memory_bytes = ParseByteCount("--memory", options.memory);
  }
  const bool bounded = asked.bounds.latency_us > 0 || asked.bounds.memory_bytes > 0;
  asked.search =
      bounded && options.batch.empty() && options.threads.empty() && options.instances.empty();
  if (!asked.search) {
    asked.batches = BatchSizes(options.batch);
    asked.threads = ThreadCounts(options.threads);
    asked.instances = {1};
    if (!options.instances.empty()) {
      asked.instances = ParseNumberList("--instances", options.instances, kMaxInstances);
    }
    return asked;
  }
  const int cores = DefaultThreads();
  asked.batches = {1, 2, 4, 8, 16, 32};
  for (int n = 1; n <= cores; n *= 2) asked.threads.push_back(n);
  if (asked.threads.back() != cores) asked.threads.push_back(cores);
  asked.instances = asked.threads;
  return asked;
}

std::string Ms(double us) { return fmt::format("{:.3f}", 1e-3 * us); }

Json MemoryJson(const Forecast& forecast) {
  const MemoryNeed& need = forecast.memory;
  return {{"weight_bytes", need.weight_bytes},        {"packed_bytes", need.packed_bytes},
          {"arena_bytes", need.arena_bytes},          {"scratch_bytes", need.scratch_bytes},
          {"session_bytes", need.session_bytes},      {"input_bytes", need.input_bytes},
          {"output_bytes", need.output_bytes},        {"program_bytes", forecast.program_bytes},
          {"resident_bytes", forecast.resident_bytes}};
}

Json ForecastJson(const Forecast& forecast, const Bounds& bounds) {
  Json json = {{"batch", forecast.batch},
               {"threads", forecast.threads},
               {"instances", forecast.instances},
               {"ms", 1e-3 * forecast.time.us},
               {"low_ms", 1e-3 * forecast.time.low_us},
               {"high_ms", 1e-3 * forecast.time.high_us},
               {"preprocess_ms", 1e-3 * forecast.preprocess_us},
               {"postprocess_ms", 1e-3 * forecast.postprocess_us},
               {"images_per_s", forecast.images_per_s},
               {"known_share", forecast.time.known_share},
               {"waiting_steps", forecast.waiting_steps},
               {"memory", MemoryJson(forecast)}};
  if (bounds.latency_us > 0) json["holds_latency"] = HoldsLatency(forecast, bounds);
  if (bounds.memory_bytes > 0) json["holds_memory"] = HoldsMemory(forecast, bounds);
  return json;
}

Json LayersJson(const Forecast& forecast) {
  Json layers = Json::array();
  for (const characterize::LayerForecast& layer : forecast.layers) {
    layers.push_back({{"layer", layer.name},
                      {"op", layer.op},
                      {"kernel", layer.kernel},
                      {"us", layer.us},
                      {"physical_us", layer.physical_us},
                      {"known", layer.known}});
  }
  return layers;
}

void PrintForecastsJson(const PredictOptions& options, const std::vector<Forecast>& forecasts,
                        const Bounds& bounds, const std::string& trust) {
  Json points = Json::array();
  for (const Forecast& forecast : forecasts) {
    points.push_back(ForecastJson(forecast, bounds));
    if (options.layers) points.back()["layers"] = LayersJson(forecast);
  }
  Json root = {{"model", options.network}, {"trust", trust}, {"points", std::move(points)}};
  if (bounds.latency_us > 0 || bounds.memory_bytes > 0) {
    const Forecast* best = BestUnder(forecasts, bounds);
    root["best"] = best == nullptr ? Json(nullptr) : ForecastJson(*best, bounds);
  }
  Print(JsonLine(root));
}

std::string LayersText(const Forecast& forecast) {
  Table table({{.heading = "layer", .fit = Fit::kShorten},
               {.heading = "operator", .fit = Fit::kShorten},
               {.heading = "kernel"},
               {.heading = "us", .right = true},
               {.heading = "share", .right = true}});
  double sum = 0;
  for (const characterize::LayerForecast& layer : forecast.layers) sum += layer.us;
  for (const characterize::LayerForecast& layer : forecast.layers) {
    table.Add({OneLine(layer.name), OneLine(layer.op), layer.kernel + (layer.known ? "" : " ?"),
               fmt::format("{:.1f}", layer.us),
               fmt::format("{:.1f} %", 100 * layer.us / std::max(sum, 1e-9))});
  }
  return table.Text();
}

std::string MemoryText(const Forecast& forecast) {
  const MemoryNeed& need = forecast.memory;
  Table table({{"batch", true},
               {"threads", true},
               {"weights", true},
               {"packed", true},
               {"arena", true},
               {"working memory", true},
               {"resident", true}});
  table.Add({std::to_string(forecast.batch), std::to_string(forecast.threads),
             Bytes(need.weight_bytes), Bytes(need.packed_bytes), Bytes(need.arena_bytes),
             Bytes(need.scratch_bytes), Bytes(forecast.resident_bytes)});
  return table.Text();
}

std::string HoldsText(const Forecast& forecast, const Bounds& bounds) {
  if (!HoldsLatency(forecast, bounds)) return "too slow";
  if (!HoldsMemory(forecast, bounds)) return "too large";
  const double around = forecast.preprocess_us + forecast.postprocess_us;
  const bool surely = bounds.latency_us <= 0 || forecast.time.high_us + around <= bounds.latency_us;
  return surely ? "yes" : "likely";
}

void PrintForecasts(const PredictOptions& options, const std::vector<Forecast>& forecasts,
                    const Bounds& bounds, const std::string& trust) {
  const bool bounded = bounds.latency_us > 0 || bounds.memory_bytes > 0;
  const bool around = forecasts.front().preprocess_us > 0;
  std::vector<Table::Column> columns = {
      {"batch", true},        {"threads", true},  {"instances", true}, {"ms", true},
      {"80 % between", true}, {"images/s", true}, {"resident", true}};
  if (around) columns.push_back({"around it ms", true});
  if (bounded) columns.push_back({"holds"});
  Table table(std::move(columns));
  for (const Forecast& forecast : forecasts) {
    std::vector<std::string> cells = {
        std::to_string(forecast.batch),
        std::to_string(forecast.threads),
        std::to_string(forecast.instances),
        (forecast.waiting_steps > 0 ? ">= " : "") + Ms(forecast.time.us),
        IntervalText(forecast.time),
        fmt::format("{:.1f}", forecast.images_per_s),
        Bytes(forecast.resident_bytes)};
    if (around) cells.push_back(Ms(forecast.preprocess_us + forecast.postprocess_us));
    if (bounded) cells.push_back(HoldsText(forecast, bounds));
    table.Add(std::move(cells));
  }
  std::string text = table.Text() + "\n" + MemoryText(forecasts.front());
  if (options.layers) text += "\n" + LayersText(forecasts.front());
  text += '\n' + TrustText(trust);
  if (bounded) {
    const Forecast* best = BestUnder(forecasts, bounds);
    text += best == nullptr
                ? "none of these holds the bounds\n"
                : fmt::format("best: batch {}, threads {}, instances {}: {:.1f} images/s\n",
                              best->batch, best->threads, best->instances, best->images_per_s);
  }
  Print(text);
}

std::vector<Forecast> Forecasts(const Foresight& foresight, const Asked& asked, int cores) {
  if (asked.batches.size() * asked.threads.size() * asked.instances.size() > kMaxForecasts) {
    throw UsageError(
        fmt::format("--batch, --threads and --instances: more than {} points", kMaxForecasts));
  }
  std::vector<Forecast> forecasts;
  for (const int instances : asked.instances) {
    for (const int threads : asked.threads) {
      if (asked.search && instances * threads > cores) continue;
      for (const int batch : asked.batches) {
        forecasts.push_back(foresight.At(batch, threads, instances));
      }
    }
  }
  return forecasts;
}

}  // namespace

Status PredictCommand(const PredictOptions& options) {
  const Asked asked = AskedOf(options);
  characterize::ForeseeOptions foresee;
  foresee.compile = CompileOptionsOf(options.common);
  foresee.shapes = options.shapes;
  foresee.cores = DefaultThreads();
  if (!options.machine.empty()) foresee.machine = ReadForeignCalibration(options.machine);
  const std::optional<Predictor> predictor = PredictorOf(
      options.predictor, foresee.machine ? foresee.machine->instruction_set : InstructionSet());
  foresee.predictor = predictor ? &*predictor : nullptr;
  const Foresight foresight(
      characterize::OpenWithoutWeights(ModelFile(options.network), ReadOptionsOf(options.common)),
      foresee);
  for (const std::string& note : foresight.notes()) PrintNote(options.common, "note: " + note);
  const std::vector<Forecast> forecasts = Forecasts(foresight, asked, foresee.cores);
  const std::string trust = Trust(foresight, foresee.predictor, forecasts.front());
  if (options.common.json) {
    PrintForecastsJson(options, forecasts, asked.bounds, trust);
  } else {
    PrintForecasts(options, forecasts, asked.bounds, trust);
  }
  return Status::kDone;
}

}  // namespace kinglet::cli
