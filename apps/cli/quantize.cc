// kinglet quantize: an 8-bit network of one in float32.
#include "kinglet/quantize.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/cli/agreement_report.h"
#include "apps/cli/commands.h"
#include "apps/cli/input_file.h"
#include "apps/cli/network.h"
#include "apps/cli/output.h"
#include "apps/cli/pictures.h"
#include "apps/cli/progress.h"
#include "kinglet/file.h"

namespace kinglet::cli {
namespace {

constexpr std::size_t kShownLayers = 8;  // the noisiest

nlohmann::ordered_json LayerJson(const QuantizedLayer& layer) {
  return {{"name", layer.name},
          {"op", layer.op},
          {"macs", layer.macs},
          {"signal_to_noise_db", layer.signal_to_noise},
          {"low", layer.low},
          {"high", layer.high},
          {"precision", layer.float32 ? "f32" : "int8"},
          {"bias_corrected", layer.bias_corrected}};
}

nlohmann::ordered_json ReportJson(const QuantizeCommandOptions& options,
                                  const QuantizeReport& report) {
  nlohmann::ordered_json layers = nlohmann::ordered_json::array();
  for (const QuantizedLayer& layer : report.layers) layers.push_back(LayerJson(layer));
  return {{"model", options.network.model},
          {"file", report.within_budget ? nlohmann::ordered_json(options.output)
                                        : nlohmann::ordered_json()},
          {"pictures", report.calibrated + report.held_out},
          {"held_out", report.held_out},
          {"pictures_hash", fmt::format("{:016x}", report.pictures_hash)},
          {"range", RangeRuleName(report.range)},
          {"budget", report.budget},
          {"within_budget", report.within_budget},
          {"agreement", AgreementJson(report.agreement)},
          {"float32_share", report.float32_share},
          {"layers", layers}};
}

std::vector<QuantizedLayer> Noisiest(const QuantizeReport& report, bool all) {
  std::vector<QuantizedLayer> layers = report.layers;
  if (all) return layers;
  std::stable_sort(layers.begin(), layers.end(),
                   [](const QuantizedLayer& a, const QuantizedLayer& b) {
                     return a.signal_to_noise < b.signal_to_noise;
                   });
  layers.resize(std::min(layers.size(), kShownLayers));
  return layers;
}

std::string LayersText(const QuantizeReport& report, bool all) {
  Table table({{"layer", false, 0, Fit::kShorten},
               {"operator"},
               {"M multiply-adds", true},
               {"signal to noise dB", true},
               {"precision"}});
  for (const QuantizedLayer& layer : Noisiest(report, all)) {
    table.Add({layer.name, layer.op,
               layer.macs > 0 ? fmt::format("{:.2f}", 1e-6 * static_cast<double>(layer.macs)) : "",
               fmt::format("{:.1f}", layer.signal_to_noise), layer.float32 ? "f32" : "int8"});
  }
  return table.Text();
}

void PrintReport(const QuantizeCommandOptions& options, const QuantizeReport& report) {
  if (options.common.json) return Print(JsonLine(ReportJson(options, report)));
  if (options.common.quiet) return;
  const std::size_t given_back = static_cast<std::size_t>(
      std::count_if(report.layers.begin(), report.layers.end(),
                    [](const QuantizedLayer& layer) { return layer.float32; }));
  std::string text = LayersText(report, options.common.verbose);
  text += fmt::format("{} of {} layers in float32, {:.1f} % of the multiply-adds\n", given_back,
                      report.layers.size(), 100 * report.float32_share);
  text += fmt::format("held out, {} picture{}: {}\n", report.held_out,
                      report.held_out == 1 ? "" : "s", AgreementText(report.agreement));
  Print(text);
}

PipelineOptions PipelineOf(const QuantizeCommandOptions& options) {
  PipelineOptions pipeline = PipelineOptionsOf(options.network, options.common);
  pipeline.anchors = options.anchors;
  return pipeline;
}

}  // namespace

namespace {

// Whether both name one file, perhaps one that is not there yet.
bool SameFile(const std::string& a, const std::string& b) {
  std::error_code error;
  if (a.empty() || b.empty()) return false;
  return std::filesystem::equivalent(a, b, error) ||
         std::filesystem::path(a).lexically_normal() == std::filesystem::path(b).lexically_normal();
}

void CheckFiles(const QuantizeCommandOptions& options) {
  const std::string& model = options.network.model;
  if (SameFile(options.output, model) || SameFile(options.report, model)) {
    throw UsageError(OneLine(model) + " would be overwritten: name another file");
  }
  if (SameFile(options.output, options.report)) {
    throw UsageError("--output and --report are the same file: " + OneLine(options.report));
  }
  CheckOutputFile(options.output);
  if (!options.report.empty()) CheckOutputFile(options.report);
}

std::string WhyOverBudget(const QuantizeCommandOptions& options, const QuantizeReport& report) {
  const std::string model = OneLine(options.network.model);
  if (report.agreement.compared == 0) {
    return fmt::format(
        "{}: nothing was found in the pictures that were held out, so nothing "
        "tells whether the result is good; {} is not written",
        model, report.held_out, OneLine(options.output));
  }
  const char* given_back = report.float32_share > 0 ? " with the noisiest layers in float32" : "";
  return fmt::format(
      "{}: expected answers of which at most {} differ from those in float32, found "
      "{}{}, so {} is not written; more pictures, another --range or a larger "
      "--budget may do",
      model, SharePercent(report.budget), SharePercent(1 - report.agreement.share()), given_back,
      OneLine(options.output));
}

}  // namespace

Status QuantizeCommand(const QuantizeCommandOptions& options) {
  CheckFiles(options);
  const PictureList list = ListPictures(options.pictures.images, options.pictures.recursive);
  std::unique_ptr<Progress> bar;
  QuantizeOptions quantize;
  quantize.pipeline = PipelineOf(options);
  quantize.range = *RangeRuleOf(options.range);
  quantize.budget = ParseShare("--budget", options.budget);
  quantize.reduce_range = options.reduce_range;
  quantize.progress = [&](const std::string& what, std::size_t done, std::size_t total) {
    if (bar == nullptr || done == 1) bar = std::make_unique<Progress>(total, !options.common.quiet);
    bar->Show(done, what);
  };
  Quantizer quantizer(ModelFile(options.network.model), quantize);
  std::size_t pictures = 0;
  const auto add = [&](const Picture& picture) {
    quantizer.Add(picture.image);
    ++pictures;
  };
  const Status read = ForEachPicture(options.pictures, list, options.common, add);
  if (pictures == 0 && read != Status::kDone) return read;  // which was said of each
  const QuantizedModel made = quantizer.Quantize();
  bar.reset();
  const QuantizeReport& report = made.report;
  if (report.within_budget) made.Write(options.output);
  if (!options.report.empty()) WriteFile(options.report, JsonLine(ReportJson(options, report)));
  PrintReport(options, report);
  if (!report.within_budget) {
    PrintError(WhyOverBudget(options, report));
    return Status::kInputFailed;
  }
  if (!options.common.json && !options.common.quiet) {
    Print(fmt::format("{} is written\n", OneLine(options.output)));
  }
  NoteFilesBeside(options.network.model, options.output, options.common);
  return read;
}

}  // namespace kinglet::cli
