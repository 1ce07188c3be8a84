// kinglet calibrate: measuring the machine.
#include "kinglet/calibrate.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "apps/cli/commands.h"
#include "apps/cli/output.h"
#include "apps/cli/progress.h"
#include "kinglet/machine.h"
#include "measure/common/machine_watch.h"

namespace kinglet::cli {
namespace {

using FiguresJson = nlohmann::ordered_json;

constexpr const char* kDisturbed = "disturbed";  // how marks of that kind begin
constexpr std::size_t kMostReasons = 3;          // that are shown

// How people read a figure.
struct Reading {
  double value;
  const char* unit;
};

Reading ReadingOf(const std::string& name, double value) {
  if (name.starts_with("peaks.")) return {value, "1e9/s"};
  if (name.ends_with("gbps")) return {value, "GB/s"};
  if (name.ends_with("_ns")) return {value, "ns"};
  if (name.ends_with("_seconds")) return {1e9 * value, "ns"};
  if (name.ends_with("_bytes")) return {1e-6 * value, "MB"};
  return {100 * value, "% of peak"};
}

// All figures, those of one kind together.
std::vector<std::pair<std::string, double>> InOrder(const Calibration& calibration) {
  const auto rank = [](const std::string& name) {
    constexpr const char* kFirst[] = {"peaks.", "l1_",   "l2_",       "l3_",
                                      "dram_",  "step_", "handover_", "share_of_peak."};
    const auto found = std::find_if(std::begin(kFirst), std::end(kFirst),
                                    [&](const char* first) { return name.starts_with(first); });
    return found - std::begin(kFirst);
  };
  const Calibration::Figures all = AllFigures(calibration);
  std::vector<std::pair<std::string, double>> figures(all.begin(), all.end());
  std::stable_sort(figures.begin(), figures.end(),
                   [&](const auto& a, const auto& b) { return rank(a.first) < rank(b.first); });
  return figures;
}

template <typename Map>
typename Map::mapped_type ValueOr(const Map& map, const std::string& name,
                                  typename Map::mapped_type otherwise) {
  const auto found = map.find(name);
  return found == map.end() ? otherwise : found->second;
}

bool IsDisturbed(const Calibration& calibration) {
  return std::any_of(calibration.marks.begin(), calibration.marks.end(),
                     [](const auto& mark) { return mark.second.starts_with(kDisturbed); });
}

FiguresJson CalibrationJson(const Calibration& c, const std::string& file, int turns) {
  FiguresJson root = {{"file", file},
                      {"instruction_set", InstructionSet()},
                      {"threads", c.threads},
                      {"turns", turns},
                      {"disturbed", IsDisturbed(c)},
                      {"peak_gflops", c.peaks.at("float32").at("vector")},
                      {"l3_mb", c.l3_bytes * 1e-6},
                      {"l2_gbps", c.l2_gbps},
                      {"l3_gbps", c.l3_gbps},
                      {"l3_all_gbps", c.l3_all_gbps},
                      {"dram_gbps", c.dram_gbps},
                      {"dram_all_gbps", c.dram_all_gbps},
                      {"peaks", c.peaks},
                      {"share_of_peak", c.share_of_peak}};
  for (const auto& [name, value] : InOrder(c)) {
    FiguresJson& figure = root["figures"][name] = {{"value", value}};
    if (c.spread.contains(name)) figure["spread"] = ValueOr(c.spread, name, 0);
    if (c.marks.contains(name)) figure["mark"] = ValueOr(c.marks, name, "");
  }
  return root;
}

std::string CalibrationTable(const Calibration& c) {
  Table table({{"figure"}, {"value", true}, {"unit"}, {"spread", true}, {"mark"}});
  std::set<std::string> reasons;
  for (const auto& [name, value] : InOrder(c)) {
    const Reading reading = ReadingOf(name, value);
    const bool turns = c.spread.contains(name);
    const std::string mark = ValueOr(c.marks, name, "");
    table.Add({name, fmt::format("{:.1f}", reading.value), reading.unit,
               turns ? fmt::format("{:.1f} %", 100 * ValueOr(c.spread, name, 0)) : "",
               mark.substr(0, mark.find(':'))});
    if (mark.starts_with(kDisturbed)) reasons.insert(mark);
  }
  std::string text = fmt::format("instruction set {}, {} threads\n", InstructionSet(), c.threads) +
                     table.Text() +
                     "spread: between the quartiles of the turns, of the median\n"
                     "unsteady: that is above 10 %\n";
  std::size_t shown = 0;
  for (const std::string& reason : reasons) {
    if (shown++ < kMostReasons) text += reason + '\n';
  }
  return text;
}

}  // namespace

Status CalibrateCommand(const CalibrateOptions& options) {
  if (!options.output.empty()) CheckOutputFile(options.output);
  std::unique_ptr<Progress> bar;
  measure::MachineWatch watch;
  kinglet::CalibrateOptions calibrate;
  calibrate.turns = options.turns;
  calibrate.watch = &watch;
  calibrate.progress = [&](std::size_t done, std::size_t total) {
    if (bar == nullptr) bar = std::make_unique<Progress>(total, !options.common.quiet);
    bar->Show(done, "measuring the machine");
  };
  const Calibration calibration = Calibrate(calibrate);
  bar.reset();
  SaveCalibration(calibration, options.output);
  const std::string file = options.output.empty() ? DefaultCalibrationFile() : options.output;
  if (IsDisturbed(calibration)) {
    PrintNote(options.common,
              "warning: something else ran meanwhile; marked figures are not to be trusted: "
              "calibrate again when the machine is quiet");
  }
  if (options.common.json) {
    Print(JsonLine(CalibrationJson(calibration, file, options.turns)));
  } else if (!options.common.quiet) {
    Print(CalibrationTable(calibration) + "kept in " + OneLine(file) + "\n");
  }
  return Status::kDone;
}

}  // namespace kinglet::cli
