// kinglet sweep: how latency and throughput follow batch, threads, instances and precision.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/cli/agreement_report.h"
#include "apps/cli/commands.h"
#include "apps/cli/costs.h"
#include "apps/cli/instance_kinds.h"
#include "apps/cli/model_options.h"
#include "apps/cli/number_list.h"
#include "apps/cli/output.h"
#include "apps/cli/profile_options.h"
#include "apps/cli/progress.h"
#include "characterize/pictures/gnuplot.h"
#include "characterize/sweep/plan.h"
#include "characterize/sweep/sweep_file.h"
#include "characterize/sweep/sweep_report.h"
#include "kinglet/file.h"
#include "kinglet/precision.h"
#include "measure/common/answer.h"
#include "measure/common/process.h"
#include "measure/common/statistics.h"
#include "measure/network/arrivals.h"
#include "measure/network/turn_json.h"

namespace kinglet::cli {
namespace {

using characterize::InstanceKind;
using characterize::SweepKey;
using characterize::SweepPoint;

std::vector<std::string> Precisions(const std::string& list) {
  if (list.empty()) return {""};
  std::vector<std::string> names;
  for (std::size_t begin = 0; begin <= list.size();) {
    const std::size_t comma = std::min(list.find(',', begin), list.size());
    const std::string name = list.substr(begin, comma - begin);
    if (name != "f32" && name != "bf16" && name != "int8") {
      throw UsageError(
          fmt::format("--precision: expected a list of f32, bf16 and int8, found '{}'", list));
    }
    names.push_back(name);
    begin = comma + 1;
  }
  return names;
}

characterize::SweepRequest RequestOf(const SweepCommandOptions& options) {
  if (options.networks.empty()) throw UsageError("networks are missing (see kinglet sweep --help)");
  if (options.output.empty())
    throw UsageError("--output is missing: a folder for what is measured");
  for (const std::string& network : options.networks) {
    if (network == "-") {
      throw UsageError("a sweep reads a network again and again: expected a file, found '-'");
    }
  }
  characterize::SweepRequest request;
  request.networks = options.networks;
  request.precisions = Precisions(options.precision);
  request.batches = BatchSizes(options.batch);
  request.threads = ThreadCounts(options.threads);
  request.instances = ParseNumberList(
      "--instances", options.instances.empty() ? "1" : options.instances, kMaxInstances);
  request.kinds = InstanceKinds(options.kind);
  request.rate = options.rate;
  return request;
}

characterize::Subject SubjectOf(const SweepCommandOptions& options) {
  characterize::Subject subject;
  subject.base.shapes = options.shapes;
  subject.base.read = ReadOptionsOf(options.common);
  subject.base.compile = CompileOptionsOf(options.common);
  subject.base.compile.on_plan = nullptr;
  subject.base.descriptor = options.descriptor;
  if (options.input != "random") subject.pictures = options.input;
  subject.seed = static_cast<std::uint64_t>(options.seed);
  return subject;
}

characterize::Trust TrustOf(const SweepCommandOptions& options) {
  characterize::Trust trust;
  trust.duration_s = options.duration;
  trust.interval = ParseShare("--within", options.within);
  return trust;
}

// What makes a sweep this one, so that it does not go on with the turns of another.
characterize::SweepHeader HeaderOf(const SweepCommandOptions& options,
                                   const characterize::Trust& trust, std::vector<SweepKey> keys) {
  characterize::SweepHeader header;
  const CostOptions& costs = options.common.costs;
  const auto flag = [](bool set) { return set ? std::string("yes") : std::string(); };
  header.options = {
      {"networks", fmt::format("{}", fmt::join(options.networks, " "))},
      {"--batch", options.batch},
      {"--threads", options.threads},
      {"--instances", options.instances},
      {"--as", options.kind},
      {"--precision", options.precision},
      {"--input", options.input},
      {"--duration", fmt::format("{:g}", options.duration)},
      {"--within", options.within},
      {"--rate", options.rate > 0 ? fmt::format("{:g}", options.rate) : ""},
      {"--seed", std::to_string(options.seed)},
      {"--shape", fmt::format("{}", fmt::join(options.shapes, " "))},
      {"--descriptor", options.descriptor},
      {"--calibration", costs.calibration},
      {"--tuning", costs.tuning},
      {"--no-cache", flag(costs.no_cache)},
      {"--no-winograd", flag(costs.no_winograd)},
      {"--deterministic", flag(costs.deterministic)},
      {"limits", fmt::format("{}", fmt::join(ArgumentsOf(options.common.model), " "))}};
  for (auto& [name, hash] : characterize::FilesOf(options.networks)) {
    header.options.emplace_back("the content of " + name, hash);
  }
  header.trust = trust;
  header.keys = std::move(keys);
  header.machine = measure::ThisMachine();
  return header;
}

std::string Duration(double seconds) {
  constexpr double kMinute = 60;
  if (seconds < 2 * kMinute) return fmt::format("{:.0f} s", seconds);
  if (seconds < 120 * kMinute) return fmt::format("{:.0f} min", seconds / kMinute);
  return fmt::format("{:.1f} h", seconds / (60 * kMinute));
}

// Takes the turns that are missing, and keeps each.
void TakeAll(const SweepCommandOptions& options, const characterize::Subject& subject,
             characterize::SweepFile& file) {
  const characterize::SweepHeader& header = file.sweep().header;
  std::unique_ptr<Progress> bar;
  characterize::Measuring measuring;
  measuring.keep = [&](const characterize::TurnRecord& turn) {
    file.Add(turn);
    const std::string& trouble = turn.failed.empty() ? turn.disturbed : turn.failed;
    if (!trouble.empty()) PrintDetail(options.common, KeyText(turn.key) + ": " + trouble);
  };
  measuring.progress = [&](const characterize::Progress& progress) {
    if (bar == nullptr) bar = std::make_unique<Progress>(progress.total, !options.common.quiet);
    const std::string left =
        progress.seconds_left > 0 ? Duration(progress.seconds_left) + " left, " : "";
    bar->Show(progress.done, fmt::format("{}batch {}, threads {}, x{}", left, progress.key.batch,
                                         progress.key.threads, progress.key.instances));
  };
  characterize::TakeTurns(header.keys, subject, header.trust, file.sweep().turns, measuring);
}

// A column of the table: those that tell the points apart are there where they differ.
struct PointColumn {
  Table::Column column;
  std::function<std::string(const SweepPoint&)> text;
};

std::string SureText(const SweepPoint& point) {
  const characterize::Latency& latency = point.latency;
  if (latency.p50_ms <= 0) return "-";
  const double half =
      std::max(latency.median_high_ms - latency.p50_ms, latency.p50_ms - latency.median_low_ms);
  return fmt::format("{:.1f} %", 100 * half / latency.p50_ms);
}

std::string BusyText(const SweepPoint& point) {
  return fmt::format("{:.0f} %", 100 * measure::Mean(point.core_utilisation));
}

std::vector<PointColumn> ColumnsFor(const std::vector<SweepPoint>& points) {
  const SweepKey usual = points.front().key;
  const auto any = [&](auto differs) {
    return std::any_of(points.begin(), points.end(),
                       [&](const SweepPoint& point) { return differs(point.key); });
  };
  const auto count = [](int SweepKey::*member) {
    return [member](const SweepPoint& point) { return std::to_string(point.key.*member); };
  };
  std::vector<PointColumn> columns;
  if (any([&](const SweepKey& key) { return key.network != usual.network; })) {
    columns.push_back({{"network", false, 0, Fit::kShorten},
                       [](const SweepPoint& point) { return OneLine(point.key.network); }});
  }
  if (any([&](const SweepKey& key) { return key.precision != usual.precision; })) {
    columns.push_back({{"type"}, [](const SweepPoint& point) { return point.key.precision; }});
  }
  columns.push_back({{"threads", true}, count(&SweepKey::threads)});
  columns.push_back({{"batch", true}, count(&SweepKey::batch)});
  if (any([](const SweepKey& key) { return key.instances > 1; })) {
    columns.push_back({{"instances", true}, count(&SweepKey::instances)});
  }
  if (any([](const SweepKey& key) { return key.kind == InstanceKind::kProcesses; })) {
    columns.push_back({{"as"}, [](const SweepPoint& point) { return KindName(point.key.kind); }});
  }
  columns.push_back({{"p50 ms", true}, [](const SweepPoint& point) {
                       return fmt::format("{:.3f}", point.latency.p50_ms);
                     }});
  columns.push_back({{"+/-", true}, SureText});
  columns.push_back({{"p99 ms", true}, [](const SweepPoint& point) {
                       return fmt::format("{:.3f}", point.latency.p99_ms);
                     }});
  columns.push_back({{"images/s", true}, [](const SweepPoint& point) {
                       return fmt::format("{:.1f}", point.images_per_s);
                     }});
  columns.push_back({{"CPU", true}, BusyText});
  columns.push_back({{"MiB", true}, [](const SweepPoint& point) {
                       return fmt::format("{:.0f}", point.peak_rss_mb);
                     }});
  columns.push_back(
      {{""}, [](const SweepPoint& point) { return std::string(point.mark.empty() ? "" : "*"); }});
  return columns;
}

std::string TableOf(const std::vector<SweepPoint>& points) {
  const std::vector<PointColumn> columns = ColumnsFor(points);
  std::vector<Table::Column> headings;
  for (const PointColumn& each : columns) headings.push_back(each.column);
  Table table(std::move(headings));
  for (const SweepPoint& point : points) {
    std::vector<std::string> cells;
    for (const PointColumn& each : columns) cells.push_back(each.text(point));
    table.Add(std::move(cells));
  }
  return table.Text();
}

void PrintPoints(const SweepCommandOptions& options, const std::vector<SweepPoint>& points) {
  if (options.common.json) {
    for (const SweepPoint& point : points) Print(JsonLine(PointJson(point)));
    return;
  }
  Print(TableOf(points));
  constexpr double kSlow = 0.9;
  if (points.front().host_rule < kSlow) {
    PrintNote(options.common,
              fmt::format("note: as a rule the host delivered {:.0f} % of the best that the "
                          "reference loop reached",
                          100 * points.front().host_rule));
  }
  for (const SweepPoint& point : points) {
    if (point.mark.empty()) continue;
    PrintNote(options.common, fmt::format("* {}: {}", KeyText(point.key), point.mark));
  }
}

// The options with what the profile says where nothing was given.
SweepCommandOptions WithProfile(SweepCommandOptions options) {
  if (options.common.profile.empty()) return options;
  if (options.networks.size() != 1) {
    throw UsageError(
        fmt::format("--profile is for one network, found {}", options.networks.size()));
  }
  const characterize::Profile profile = *TakeProfile(options.networks.front(), options.common);
  const SweepKey& key = profile.key;
  if (options.batch.empty()) options.batch = std::to_string(key.batch);
  if (options.threads.empty()) options.threads = std::to_string(key.threads);
  if (options.instances.empty()) options.instances = std::to_string(key.instances);
  if (options.kind.empty()) options.kind = KindName(key.kind);
  if (options.precision.empty() && key.precision != "auto") options.precision = key.precision;
  if (options.shapes.empty()) options.shapes = profile.shapes;
  if (options.descriptor.empty()) options.descriptor = profile.descriptor;
  return options;
}

}  // namespace

Status SweepCommand(const SweepCommandOptions& given) {
  if (!given.turn.empty()) {
    measure::EndWithParent();
    Print(
        measure::AnswerOf([&] { return measure::AnswerTurn(measure::ParseTurnPlan(given.turn)); }));
    return Status::kDone;
  }
  const SweepCommandOptions options = WithProfile(given);
  const characterize::SweepRequest request = RequestOf(options);
  if (!options.no_pictures) characterize::CheckGnuplot();
  const characterize::Subject subject = SubjectOf(options);
  const characterize::Trust trust = TrustOf(options);
  if (options.rate > 0)
    measure::PoissonArrivals(options.rate, trust.window_s(), 1);  // not too many
  std::vector<std::string> notes;
  std::vector<SweepKey> keys = characterize::PlanPoints(request, subject, notes);
  for (const std::string& note : notes) PrintNote(options.common, "note: " + note);
  characterize::SweepFile file(options.output, HeaderOf(options, trust, std::move(keys)),
                               options.restart);
  if (const std::size_t turns = file.sweep().turns.size(); turns > 0) {
    PrintNote(options.common,
              fmt::format("note: goes on with the {} turns in {}", turns, options.output));
  }
  TakeAll(options, subject, file);
  const std::vector<SweepPoint> points = file.sweep().Points();
  PrintPoints(options, points);
  WriteFile(options.output + "/sweep.csv", characterize::SweepCsv(points));
  if (!options.no_pictures) {
    characterize::WriteSweepReport(options.output, points, file.sweep().header.machine);
    PrintNote(options.common, fmt::format("note: pictures are in {}/report.html", options.output));
  }
  const bool failed = std::any_of(points.begin(), points.end(),
                                  [](const SweepPoint& point) { return point.turns == 0; });
  return failed ? Status::kIo : Status::kDone;
}

}  // namespace kinglet::cli
