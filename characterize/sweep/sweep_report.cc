#include "characterize/sweep/sweep_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "characterize/analysis/bounds.h"
#include "characterize/analysis/curve.h"
#include "characterize/pictures/gnuplot.h"
#include "characterize/sweep/sweep_pictures.h"
#include "characterize/sweep/sweep_words.h"
#include "kinglet/error.h"

namespace kinglet::characterize {
namespace {

// Bounds on latency worth asking for: round numbers between what the fastest and the slowest point
// take.
std::vector<double> RoundBounds(const std::vector<SweepPoint>& sweep) {
  double low = 0;
  double high = 0;
  for (const SweepPoint& point : sweep) {
    const double ms = point.latency.p99_ms;
    if (ms <= 0 || !point.mark.empty()) continue;
    low = low == 0 ? ms : std::min(low, ms);
    high = std::max(high, ms);
  }
  std::vector<double> bounds;
  if (low <= 0) return bounds;
  for (int power = static_cast<int>(std::floor(std::log10(low))); power < 9; ++power) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double bound = factor * std::pow(10.0, power);
      if (bound < low) continue;
      bounds.push_back(bound);
      if (bound >= high || bounds.size() == 8) return bounds;
    }
  }
  return bounds;
}

void AddBestPoints(Report& report, const std::vector<SweepPoint>& sweep) {
  ReportTable table{.columns = {{"network"},
                                {"latency p99 at most", true},
                                {"best"},
                                {"batch", true},
                                {"images/s", true},
                                {"p99 ms", true},
                                {"MiB", true}},
                    .caption = "The point of the most throughput under a bound"};
  std::vector<std::string> networks;
  for (const SweepPoint& point : sweep) {
    if (std::find(networks.begin(), networks.end(), point.key.network) == networks.end()) {
      networks.push_back(point.key.network);
    }
  }
  for (const std::string& network : networks) {
    std::vector<SweepPoint> own;
    std::copy_if(sweep.begin(), sweep.end(), std::back_inserter(own),
                 [&](const SweepPoint& point) { return point.key.network == network; });
    const std::vector<Curve> curves = CurvesOf(own);
    for (const double bound : RoundBounds(own)) {
      const std::optional<SweepPoint> best = BestWithin(own, {.latency_ms = bound});
      if (!best) continue;
      table.rows.push_back(
          {network, fmt::format("{:g} ms", bound), CurveName(best->key, curves),
           std::to_string(best->key.batch), fmt::format("{:.1f}", best->images_per_s),
           fmt::format("{:.2f}", best->latency.p99_ms), fmt::format("{:.0f}", best->peak_rss_mb)});
    }
  }
  if (!table.rows.empty()) report.AddTable(table);
}

void AddAllPoints(Report& report, const std::vector<SweepPoint>& sweep) {
  ReportTable table{.columns = {{"point"},
                                {"images/s", true},
                                {"p50 ms", true},
                                {"interval ms", true},
                                {"p90", true},
                                {"p95", true},
                                {"p99", true},
                                {"variation %", true},
                                {"runs", true},
                                {"cores %"},
                                {"MHz", true},
                                {"switches/run", true},
                                {"faults/run", true},
                                {"MiB", true},
                                {"host %", true},
                                {"mark"}},
                    .caption = fmt::format("All {} points", sweep.size()),
                    .folded = true};
  for (const SweepPoint& point : sweep) {
    const Latency& l = point.latency;
    std::string cores;
    for (const double use : point.core_utilisation) cores += fmt::format("{:.0f} ", 100 * use);
    const auto number = [](double value) { return fmt::format("{:.3f}", value); };
    table.rows.push_back(
        {KeyText(point.key), fmt::format("{:.1f}", point.images_per_s), number(l.p50_ms),
         fmt::format("{:.3f}-{:.3f}", l.median_low_ms, l.median_high_ms), number(l.p90_ms),
         number(l.p95_ms), number(l.p99_ms), fmt::format("{:.1f}", 100 * l.variation),
         std::to_string(l.runs), cores,
         point.clock_mhz > 0 ? fmt::format("{:.0f}", point.clock_mhz) : "-",
         fmt::format("{:.2f}", point.context_switches_per_run),
         fmt::format("{:.1f}", point.page_faults_per_run), fmt::format("{:.0f}", point.peak_rss_mb),
         fmt::format("{:.0f}", 100 * point.host_share), point.mark});
  }
  report.AddTable(table);
}

}  // namespace

void AddMachine(Report& report, const measure::Machine& machine) {
  std::vector<std::pair<std::string, std::string>> facts;
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) facts.emplace_back(name, value);
  };
  add("CPU", machine.cpu);
  add("instruction set", machine.instruction_set);
  add("features", machine.features);
  add("CPUs", std::to_string(machine.cpus));
  if (machine.cpu_quota > 0) add("quota, CPUs", fmt::format("{:g}", machine.cpu_quota));
  add("caches", machine.caches);
  if (machine.clock_mhz > 0) add("clock, MHz", fmt::format("{:.0f}", machine.clock_mhz));
  add("governor", machine.governor);
  if (machine.peak_gflops > 0) {
    add("peak of a core, GFLOP/s", fmt::format("{:.1f}", machine.peak_gflops));
  }
  add("kernel", machine.kernel);
  add("virtual machine", machine.hypervisor);
  add("Kinglet", machine.kinglet);
  add("compiler", machine.compiler);
  add("BLAS", machine.blas);
  report.AddFacts(facts);
}

void AddSweep(Report& report, const std::vector<SweepPoint>& sweep, int level) {
  report.AddHeading("What was found", level);
  report.AddList(SweepWords(sweep));
  AddBestPoints(report, sweep);
  for (const SweepPicture& picture : SweepPictures(sweep)) {
    report.AddHeading(picture.plot.title, level);
    report.AddPicture(picture.plot, picture.caption);
  }
  report.AddHeading("All points", level);
  AddAllPoints(report, sweep);
}

void WriteSweepReport(const std::string& folder, const std::vector<SweepPoint>& sweep,
                      const measure::Machine& machine) {
  const std::filesystem::path pictures = std::filesystem::path(folder) / "pictures";
  std::error_code error;
  std::filesystem::create_directories(pictures, error);
  if (error) {
    throw Error(ErrorCode::kIo,
                pictures.string() + ": the folder cannot be made: " + error.message());
  }
  for (const SweepPicture& picture : SweepPictures(sweep)) {
    WritePicture(picture.plot, (pictures / picture.name).string());
  }
  std::string title = "Sweep";
  std::vector<std::string> networks;
  for (const SweepPoint& point : sweep) {
    if (std::find(networks.begin(), networks.end(), point.key.network) != networks.end()) continue;
    title += (networks.empty() ? " of " : ", ") + point.key.network;
    networks.push_back(point.key.network);
  }
  Report report(title);
  AddSweep(report, sweep);
  report.AddHeading("Machine");
  AddMachine(report, machine);
  report.Write((std::filesystem::path(folder) / "report.html").string());
}

}  // namespace kinglet::characterize
