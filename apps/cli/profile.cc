// kinglet profile: where does the time of a network go, and what bounds it there?
#include "characterize/profile/profile.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>

#include "apps/cli/costs.h"
#include "apps/cli/network.h"
#include "apps/cli/output.h"
#include "apps/cli/profile_commands.h"
#include "apps/cli/progress.h"
#include "characterize/common/output_folder.h"
#include "characterize/pictures/gnuplot.h"
#include "characterize/profile/picture.h"
#include "characterize/profile/report.h"
#include "kinglet/file.h"
#include "kinglet/tuning.h"
#include "measure/network/opened.h"
#include "measure/network/shapes.h"

namespace kinglet::cli {
namespace {

using characterize::LayerProfile;
using characterize::NetworkProfile;

std::string ShareText(double share) { return fmt::format("{:.1f}", 100 * share); }
std::string MsText(double seconds) { return fmt::format("{:.3f}", 1e3 * seconds); }

std::vector<std::string> LayerCells(const LayerProfile& layer) {
  const bool counted = layer.work.operations > 0;
  const auto when = [](bool known, const std::string& text) { return known ? text : "-"; };
  return {OneLine(layer.step.name),
          OneLine(layer.step.op),
          layer.step.kernel,
          MsText(layer.seconds),
          ShareText(layer.share),
          when(!layer.step.waits, MsText(layer.step.predicted_seconds)),
          when(counted, fmt::format("{:.1f}", layer.gflops())),
          when(counted, ShareText(layer.share_of_peak())),
          when(layer.work.bytes > 0, fmt::format("{:.2f}", 1e-6 * layer.work.bytes)),
          when(counted, fmt::format("{:.1f}", layer.work.intensity)),
          when(layer.work.bytes > 0, BoundName(layer.work.bound))};
}

std::string LayersText(const NetworkProfile& profile) {
  Table table({{.heading = "layer", .fit = Fit::kShorten},
               {.heading = "operator", .fit = Fit::kShorten},
               {.heading = "kernel", .fit = Fit::kShorten},
               {"ms", true},
               {"%", true},
               {"predicted", true},
               {"GFLOP/s", true},
               {"% peak", true},
               {"MB", true},
               {"FLOP/byte", true},
               {"bound by"}});
  for (const LayerProfile& layer : profile.layers) table.Add(LayerCells(layer));
  const auto sum = [&](const char* what, double seconds, double predicted) {
    const double share = profile.run_seconds > 0 ? seconds / profile.run_seconds : 0;
    table.Add({what, "", "", MsText(seconds), ShareText(share),
               predicted > 0 ? MsText(predicted) : "", "", "", "", "", ""});
  };
  sum("(between the layers)", profile.rest_seconds, 0);
  sum("(the whole run)", profile.run_seconds, profile.predicted_seconds);
  return table.Text();
}

// Events beside the layers, where they are counted.
std::string CountsText(const NetworkProfile& profile) {
  std::vector<Table::Column> columns = {{.heading = "layer", .fit = Fit::kShorten}};
  for (const std::string& event : profile.events) columns.push_back({event, true});
  Table table(std::move(columns));
  std::vector<double> sums(profile.events.size());
  for (const LayerProfile& layer : profile.layers) {
    std::vector<std::string> cells = {OneLine(layer.step.name)};
    for (std::size_t e = 0; e < sums.size(); ++e) {
      cells.push_back(layer.counts.empty() ? "-" : fmt::format("{:.4g}", layer.counts[e]));
      if (!layer.counts.empty()) sums[e] += layer.counts[e];
    }
    table.Add(std::move(cells));
  }
  std::vector<std::string> cells = {"(all layers)"};
  for (const double sum : sums) cells.push_back(fmt::format("{:.4g}", sum));
  table.Add(std::move(cells));
  return table.Text();
}

std::string ProfileHead(const NetworkProfile& profile) {
  const characterize::Roof& roof = profile.roof;
  const auto peak = roof.peaks.at("float32").at("vector");
  return fmt::format(
      "{}, {}, batch {}, threads {}: {} ms a run ({} ms without profiling)\n"
      "roof: {:.1f} GFLOP/s (float32), memory {:.1f} GB/s: bound by memory below {:.1f} "
      "FLOP/byte\n\n",
      OneLine(profile.network), profile.precision, profile.batch, profile.threads,
      MsText(profile.run_seconds), MsText(profile.plain_seconds), peak, roof.dram_gbps,
      roof.dram_gbps > 0 ? peak / roof.dram_gbps : 0);
}

std::string ProfileFoot(const NetworkProfile& profile) {
  std::string text = fmt::format(
      "\nThe layers are {:.1f} % of the run. Profiling makes it {:+.1f} % slower (median of {} "
      "turns, each beside a run without).\n",
      profile.run_seconds > 0 ? 100 * profile.layer_seconds() / profile.run_seconds : 0,
      100 * profile.overhead, profile.turns);
  if (!profile.events.empty()) {
    text += fmt::format(
        "Events were counted in runs of their own, {:+.1f} % slower, which count in no time above."
        "\n",
        100 * profile.counting_overhead);
  }
  return text;
}

Calibration MeasuredMachine(const CommonOptions& options) {
  std::unique_ptr<Progress> bar;
  return Calibrate([&](std::size_t done, std::size_t total) {
    if (bar == nullptr) bar = std::make_unique<Progress>(total, !options.quiet);
    bar->Show(done, "measuring the roof");
  });
}

void WriteProfile(const NetworkProfile& profile, const std::string& folder) {
  const auto in = [&](const char* name) { return characterize::InFolder(folder, name); };
  WriteFile(in("profile.json"), ProfileJson(profile));
  WriteFile(in("profile.csv"), ProfileCsv(profile));
  WriteFile(in("trace.json"), ProfileTrace(profile));
  characterize::WritePicture(characterize::RooflinePlot(profile), in("roofline"));
}

}  // namespace

Status ProfileCommand(const ProfileOptions& options) {
  characterize::ProfileOptions wanted;
  wanted.threads = ThreadsOf(options.common);
  wanted.counters = characterize::ParseCounterRequest(options.counters);
  wanted.budget_seconds = options.seconds;
  characterize::OpenCounters(wanted.counters);  // what cannot be counted is said now
  if (!options.output.empty()) {
    characterize::CheckGnuplot();
    characterize::PrepareFolder(options.output);
  }
  NamedNetwork network = OpenDescribed(options.network, options.common);
  const measure::ShapeChooser shapes_of(network.graph, options.shapes, network.descriptor,
                                        options.batch);
  PrintGuess(options.common, shapes_of);
  Model model = CompileModel(std::move(network.graph), options.common);
  const InputShapes shapes = shapes_of.For(options.batch);
  TuneWhenAsked(model, shapes, options.common);
  const characterize::Roof roof =
      characterize::RoofOf(MeasuredMachine(options.common), wanted.threads);
  NetworkProfile profile = characterize::ProfileModel(model, shapes, roof, wanted);
  profile.network = options.network;
  profile.batch = shapes_of.Batch(shapes);
  profile.precision =
      measure::PrecisionOfPlan(model.Describe(shapes, wanted.threads), model.precision());
  if (!options.output.empty()) WriteProfile(profile, options.output);
  for (const std::string& note : profile.notes) PrintNote(options.common, "note: " + note);
  if (options.common.json) {
    Print(ProfileJson(profile));
    return Status::kDone;
  }
  Print(ProfileHead(profile) + LayersText(profile));
  if (!profile.events.empty()) Print('\n' + CountsText(profile));
  Print(ProfileFoot(profile));
  return Status::kDone;
}

}  // namespace kinglet::cli
