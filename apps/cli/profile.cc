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
#include "kinglet/calibrate.h"
#include "kinglet/file.h"
#include "measure/network/opened.h"
#include "measure/network/shapes.h"

namespace kinglet::cli {
namespace {

using characterize::LayerProfile;
using characterize::NetworkProfile;

std::string ShareText(double share) { return fmt::format("{:.1f}", 100 * share); }
std::string MsText(double seconds) { return fmt::format("{:.3f}", 1e3 * seconds); }

struct LayerCell {
  Table::Column column;
  std::string text;
  bool wide = false;  // left out where the output is narrow; the files have it
};

std::vector<LayerCell> LayerCells(const LayerProfile& layer) {
  const bool counted = layer.work.operations > 0;
  const bool moves = layer.work.bytes > 0;
  const auto when = [](bool known, const std::string& text) { return known ? text : "-"; };
  return {{{.heading = "layer", .fit = Fit::kShorten}, OneLine(layer.step.name)},
          {{.heading = "kernel", .fit = Fit::kShorten}, layer.step.kernel, true},
          {{"ms", true}, MsText(layer.seconds)},
          {{"%", true}, ShareText(layer.share)},
          {{"predicted", true}, when(!layer.step.waits, MsText(layer.step.predicted_seconds))},
          {{"GFLOP/s", true}, when(counted, fmt::format("{:.1f}", layer.gflops()))},
          {{"% peak", true}, when(counted, ShareText(layer.share_of_peak()))},
          {{"MB", true}, when(moves, fmt::format("{:.2f}", 1e-6 * layer.work.bytes)), true},
          {{"FLOP/B", true}, when(counted, fmt::format("{:.1f}", layer.work.intensity))},
          {{"bound by"}, when(moves, BoundName(layer.work.bound))}};
}

std::string LayersText(const NetworkProfile& profile) {
  constexpr std::size_t kWide = 120;
  const bool narrow = OutputWidth() < kWide;
  const auto shown = [&](const LayerCell& cell) { return !narrow || !cell.wide; };
  std::vector<Table::Column> columns;
  for (LayerCell& cell : LayerCells(LayerProfile())) {
    if (shown(cell)) columns.push_back(std::move(cell.column));
  }
  const std::size_t numbers = narrow ? 1 : 2;  // where they begin
  const std::size_t width = columns.size();
  Table table(std::move(columns));
  for (const LayerProfile& layer : profile.layers) {
    std::vector<std::string> texts;
    for (LayerCell& cell : LayerCells(layer)) {
      if (shown(cell)) texts.push_back(std::move(cell.text));
    }
    table.Add(std::move(texts));
  }
  const auto sum = [&](const char* what, double seconds, double predicted) {
    std::vector<std::string> texts(width);
    texts[0] = what;
    texts[numbers] = MsText(seconds);
    texts[numbers + 1] = ShareText(profile.run_seconds > 0 ? seconds / profile.run_seconds : 0);
    if (predicted > 0) texts[numbers + 2] = MsText(predicted);
    table.Add(std::move(texts));
  };
  sum("(between)", profile.rest_seconds, 0);
  sum("(the run)", profile.run_seconds, profile.predicted_seconds);
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
      "\nThe layers are {:.1f} % of the run. Overhead of profiling: {:+.1f} % (median of {} turns, "
      "each beside a run without).\n",
      profile.run_seconds > 0 ? 100 * profile.layer_seconds() / profile.run_seconds : 0,
      100 * profile.overhead, profile.turns);
  if (!profile.events.empty()) {
    text += fmt::format(
        "Events were counted in runs of their own ({:+.1f} %), which count in no time above.\n",
        100 * profile.counting_overhead);
  }
  return text;
}

Calibration MeasuredMachine(const CommonOptions& options) {
  std::unique_ptr<Progress> bar;
  kinglet::CalibrateOptions calibrate;
  calibrate.turns = 3;
  calibrate.progress = [&](std::size_t done, std::size_t total) {
    if (bar == nullptr) bar = std::make_unique<Progress>(total, !options.quiet);
    bar->Show(done, "measuring the roof");
  };
  return Calibrate(calibrate);
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
  NetworkProfile profile = characterize::ProfileModel(model, shapes, wanted);
  characterize::SetRoof(characterize::RoofOf(MeasuredMachine(options.common), wanted.threads),
                        profile);
  profile.network = options.network;
  profile.batch = shapes_of.Batch(shapes);
  profile.precision =
      measure::PrecisionOfPlan(model.Describe(shapes, wanted.threads), model.precision());
  for (const std::string& note : profile.notes) PrintNote(options.common, "note: " + note);
  if (options.common.json) {
    Print(ProfileJson(profile));
  } else {
    Print(ProfileHead(profile) + LayersText(profile));
    if (!profile.events.empty()) Print('\n' + CountsText(profile));
    Print(ProfileFoot(profile));
  }
  // Last, so that a disk that is full by then does not take what was measured.
  if (!options.output.empty()) WriteProfile(profile, options.output);
  return Status::kDone;
}

}  // namespace kinglet::cli
