#include "kinglet/calibrate.h"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "engine/runtime/memory_probes.h"
#include "engine/runtime/probe.h"
#include "engine/runtime/shares.h"
#include "engine/runtime/step_probes.h"
#include "kernels/common/cpu.h"
#include "kernels/common/measure.h"
#include "kinglet/model.h"

namespace kinglet {
namespace {

using Figures = Calibration::Figures;

// Middle one of at least one value; of an even number, the mean of the two in the middle.
double MiddleOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

// Between the quartiles, as a share of the median.
double SpreadOf(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const double median = MiddleOf(values);
  const std::size_t quarter = values.size() / 4;
  const double between = values[values.size() - 1 - quarter] - values[quarter];
  return median > 0 ? between / median : 0;
}

bool IsNamed(const std::string& probe, std::string_view first_word) {
  return probe.substr(0, probe.find(' ')) == first_word;
}

// Whether a figure is made of what this probe measures, apart from the peak, which all shares are.
bool IsMadeOf(const std::string& figure, const std::string& probe) {
  constexpr std::string_view kShare = "share_of_peak.";
  if (figure == probe) return true;
  if (figure == "step_seconds") return probe == "step";
  if (figure == "handover_seconds") return probe == "step" || probe == "step_all";
  if (figure == "l3_bytes") return probe.starts_with("l3_again");
  if (!figure.starts_with(kShare)) return false;
  const std::string_view kind = std::string_view(figure).substr(kShare.size());
  if (kind == "tile_edge") return IsNamed(probe, "tile");
  if (kind == "winograd_transform") return IsNamed(probe, "winograd");
  if (kind == "blas_pack") return IsNamed(probe, "blas");
  return IsNamed(probe, kind);
}

class Calibrator {
 public:
  explicit Calibrator(const CalibrateOptions& options) : options_(options) {
    const auto add = [&](Probes more) {
      for (Probe& probe : more) probes_.push_back(std::move(probe));
    };
    add({{peak_name_, [] { return kernels::MeasurePeakGflops(); }}});
    add(MemoryProbes(threads_));
    add(StepProbes(threads_));
    add(kernels_.probes());
  }

  Calibration Run() {
    const std::vector<ProbeTurns> turns = TakeTurns(probes_, options_);
    std::vector<std::vector<double>> counted;
    Figures middle;
    std::size_t all_have = counted.max_size();
    for (std::size_t i = 0; i < probes_.size(); ++i) {
      counted.push_back(turns[i].counted());
      middle[probes_[i].name] = MiddleOf(counted[i]);
      all_have = std::min(all_have, counted[i].size());
    }
    Calibration calibration = MadeOf(middle);
    std::map<std::string, std::vector<double>, std::less<>> by_turn;
    for (std::size_t turn = 0; turn < all_have; ++turn) {
      Figures found;
      for (std::size_t i = 0; i < probes_.size(); ++i) found[probes_[i].name] = counted[i][turn];
      for (const auto& [name, value] : AllFigures(MadeOf(found))) by_turn[name].push_back(value);
    }
    for (const auto& [name, value] : AllFigures(calibration)) {
      Judge(name, by_turn[name], turns, calibration);
    }
    return calibration;
  }

 private:
  Calibration MadeOf(const Figures& found) const {
    Calibration calibration;
    calibration.threads = threads_;
    calibration.peaks["float32"]["vector"] = found.at(peak_name_);
    SetMemory(found, calibration);
    SetSteps(found, calibration);
    kernels_.Set(found, calibration);
    return calibration;
  }

  void Judge(const std::string& figure, const std::vector<double>& values,
             const std::vector<ProbeTurns>& turns, Calibration& calibration) const {
    constexpr double kUnsteady = 0.1;
    if (values.size() > 1) calibration.spread[figure] = SpreadOf(values);
    for (std::size_t i = 0; i < probes_.size(); ++i) {
      if (turns[i].trusted() || !IsMadeOf(figure, probes_[i].name)) continue;
      calibration.marks[figure] = turns[i].mark();
      return;
    }
    if (values.size() > 1 && calibration.spread[figure] > kUnsteady) {
      calibration.marks[figure] =
          "unsteady: half of the turns lie " +
          std::to_string(static_cast<int>(100 * calibration.spread[figure] + 0.5)) + " % apart";
    }
  }

  const CalibrateOptions& options_;
  const int threads_ = AvailableThreads();
  const std::string peak_name_ =
      PeakName(kernels::ElementType::kFloat32, kernels::InstructionFamily::kVector);
  const KernelSamples kernels_;
  Probes probes_;
};

}  // namespace

Calibration::Figures AllFigures(const Calibration& c) {
  Figures figures = c.more;
  for (const auto& [type, families] : c.peaks) {
    for (const auto& [family, peak] : families) figures["peaks." + type + '.' + family] = peak;
  }
  for (const auto& [kind, share] : c.share_of_peak) figures["share_of_peak." + kind] = share;
  const std::pair<const char*, double> others[] = {
      {"l3_bytes", c.l3_bytes},         {"l2_gbps", c.l2_gbps},
      {"l3_gbps", c.l3_gbps},           {"l3_all_gbps", c.l3_all_gbps},
      {"dram_gbps", c.dram_gbps},       {"dram_all_gbps", c.dram_all_gbps},
      {"step_seconds", c.step_seconds}, {"handover_seconds", c.handover_seconds}};
  for (const auto& [name, value] : others) {
    if (value > 0) figures[name] = value;
  }
  return figures;
}

Calibration Calibrate(const CalibrateOptions& options) { return Calibrator(options).Run(); }

}  // namespace kinglet
