// kinglet tune with a bound: the batch, threads and instances of the most throughput within it.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/cli/commands.h"
#include "apps/cli/costs.h"
#include "apps/cli/input_file.h"
#include "apps/cli/model_options.h"
#include "apps/cli/network.h"
#include "apps/cli/number_list.h"
#include "apps/cli/output.h"
#include "apps/cli/progress.h"
#include "characterize/analysis/curve.h"
#include "characterize/sweep/measure_points.h"
#include "characterize/tune/profile_file.h"
#include "characterize/tune/search.h"
#include "kinglet/file.h"
#include "kinglet/verdict.h"

namespace kinglet::cli {
namespace {

using characterize::InstanceKind;
using characterize::SearchGoal;
using characterize::SearchResult;
using characterize::SweepKey;
using characterize::SweepPoint;
using characterize::Trial;

constexpr const char* kUsualBatches = "1,2,3,4,6,8,12,16,24,32";
constexpr int kMaxInstances = 256;
constexpr double kMib = 1 << 20;
constexpr double kConfirming = 4;  // times the duration of a point, of the one that is chosen

// 1, 2, 4 ... and the number itself.
std::vector<int> DoublingUpTo(int most) {
  std::vector<int> counts;
  for (int count = 1; count < most; count *= 2) counts.push_back(count);
  counts.push_back(most);
  return counts;
}

characterize::GridLists ListsOf(const TuneCommandOptions& options) {
  characterize::GridLists lists;
  lists.cpus = DefaultThreads();
  const std::vector<int> usual = DoublingUpTo(lists.cpus);
  lists.batches = BatchSizes(options.batch.empty() ? kUsualBatches : options.batch);
  lists.threads = options.threads.empty() ? usual : ThreadCounts(options.threads);
  lists.instances = options.instances.empty()
                        ? usual
                        : ParseNumberList("--instances", options.instances, kMaxInstances);
  lists.kind = options.processes ? InstanceKind::kProcesses : InstanceKind::kThreads;
  return lists;
}

SearchGoal GoalOf(const TuneCommandOptions& options) {
  SearchGoal goal;
  goal.bound.latency_ms = options.latency_ms;
  goal.bound.percentile = options.percentile;
  if (options.memory_bytes)
    goal.bound.memory_mb = static_cast<double>(*options.memory_bytes) / kMib;
  goal.rate = options.rate;
  return goal;
}

// What is known of the network before anything is measured.
class Foreknowledge {
 public:
  Foreknowledge(const TuneCommandOptions& options)
      : network_(OpenDescribed(options.network, options.common)),
        key_(GraphKey(network_.graph)),
        shapes_(network_.graph, options.shapes, network_.descriptor),
        model_(CompileModel(std::move(network_.graph), options.common)) {
    PrintGuess(options.common, shapes_);
  }

  const std::string& network_key() const { return key_; }

  characterize::Prediction Of(const SweepKey& key) {
    const PlanInfo plan = model_.Describe(shapes_.For(key.batch), key.threads);
    const auto weights = static_cast<double>(model_.weight_bytes());
    const auto working = static_cast<double>(plan.arena_bytes + plan.scratch_bytes);
    const int models = key.kind == InstanceKind::kProcesses ? key.instances : 1;
    const double cores = static_cast<double>(key.threads) * key.instances;
    const double shared = std::max(1.0, cores / DefaultThreads());  // more threads than cores
    return {1e3 * plan.predicted_seconds * shared,
            (kProgramBytes + weights) * models / kMib + working * key.instances / kMib};
  }

 private:
  static constexpr double kProgramBytes = 12e6;

  NamedNetwork network_;
  std::string key_;
  measure::ShapeChooser shapes_;
  Model model_;
};

std::string HowText(const SweepKey& key) {
  std::string text =
      fmt::format("batch {}, {}", key.batch, characterize::Counted(key.threads, "thread"));
  if (key.instances > 1) {
    text += fmt::format(", {} instances as {}", key.instances,
                        key.kind == InstanceKind::kThreads ? "threads" : "processes");
  }
  return text;
}

std::string GoalText(const SearchGoal& goal) {
  std::string text = goal.bound.Text();
  if (goal.rate > 0) text += fmt::format(" at {:g} images/s", goal.rate);
  return text;
}

characterize::Trust TrustOf(const TuneCommandOptions& options, bool confirm) {
  characterize::Trust trust;
  trust.duration_s = options.duration;
  if (confirm) {
    trust.duration_s *= kConfirming;
    trust.interval = 0;  // for all of that time: percentiles are what counts
  }
  return trust;
}

nlohmann::ordered_json PointText(const SweepPoint& point, const SearchGoal& goal) {
  return {{"batch", point.key.batch},
          {"threads", point.key.threads},
          {"instances", point.key.instances},
          {"as", point.key.kind == InstanceKind::kThreads ? "threads" : "processes"},
          {"images_per_s", point.images_per_s},
          {"latency_ms", ImageLatency(point, goal)},
          {"peak_rss_mb", point.peak_rss_mb}};
}

void PrintTrials(const SearchResult& result, const SearchGoal& goal) {
  Table table({{"batch", true},
               {"threads", true},
               {"instances", true},
               {"expected ms", true},
               {fmt::format("p{} ms", goal.bound.percentile), true},
               {"images/s", true},
               {"MiB", true},
               {"", false, 0, Fit::kWrap}});
  for (const Trial& trial : result.trials) {
    const SweepKey& key = trial.point.key;
    table.Add({std::to_string(key.batch), std::to_string(key.threads),
               std::to_string(key.instances), fmt::format("{:.2f}", trial.expected_ms),
               fmt::format("{:.2f}", ImageLatency(trial.point, goal)),
               fmt::format("{:.1f}", trial.point.images_per_s),
               fmt::format("{:.0f}", trial.point.peak_rss_mb), trial.verdict});
  }
  Print(table.Text());
}

void PrintResult(const TuneCommandOptions& options, const SearchResult& result,
                 const SearchGoal& goal) {
  if (options.common.json) {
    nlohmann::ordered_json trials = nlohmann::ordered_json::array();
    for (const Trial& trial : result.trials) {
      nlohmann::ordered_json each = PointText(trial.point, goal);
      each["expected_ms"] = trial.expected_ms;
      each["confirms"] = trial.confirms;
      each["verdict"] = trial.verdict;
      trials.push_back(std::move(each));
    }
    nlohmann::ordered_json line = {{"model", options.network},
                                   {"goal", GoalText(goal)},
                                   {"grid", result.grid},
                                   {"trials", trials},
                                   {"reason", result.reason}};
    line["chosen"] = result.chosen ? PointText(*result.chosen, goal) : nlohmann::ordered_json();
    line["file"] = result.chosen ? options.output : "";
    Print(JsonLine(line));
    return;
  }
  if (options.common.quiet) return;
  PrintTrials(result, goal);
  if (!result.chosen) return;
  const SweepPoint& chosen = *result.chosen;
  Print(
      fmt::format("{}: {:.1f} images/s, p{} {:.2f} ms, {:.0f} MiB ({}); {} of {} points measured, "
                  "then {}\nkept in {}\n",
                  HowText(chosen.key), chosen.images_per_s, goal.bound.percentile,
                  ImageLatency(chosen, goal), chosen.peak_rss_mb, GoalText(goal),
                  result.trials.size(), result.grid, result.reason, OneLine(options.output)));
}

characterize::Profile ProfileOf(const TuneCommandOptions& options, const SearchGoal& goal,
                                const SweepPoint& chosen, const std::string& network_key) {
  characterize::Profile profile;
  profile.network_key = network_key;
  profile.key = chosen.key;
  profile.key.rate = 0;
  profile.shapes = options.shapes;
  profile.bound = goal.bound;
  profile.rate = goal.rate;
  profile.latency = chosen.latency;
  profile.images_per_s = chosen.images_per_s;
  profile.peak_rss_mb = chosen.peak_rss_mb;
  profile.machine = measure::ThisMachine();
  return profile;
}

// Measures the kernels of the chosen point, and that again with them; they stay, and the point is
// that, where it holds the bound and is faster. Returns the file of kernels that the point is for.
std::string TryKernels(const TuneCommandOptions& options, const SearchGoal& goal,
                       characterize::Subject subject, SearchResult& result) {
  constexpr double kFaster = 1.01;
  const SweepPoint& chosen = *result.chosen;
  const std::string file =
      std::filesystem::path(options.output).replace_extension(".tuning.json").string();
  std::error_code error;
  const bool is_new = !std::filesystem::exists(file, error);
  CommonOptions common = options.common;
  common.threads = chosen.key.threads;
  common.costs.tune = true;
  common.costs.tuning = file;
  {
    NamedNetwork network = OpenDescribed(options.network, common);
    const measure::ShapeChooser shapes(network.graph, options.shapes, network.descriptor);
    Model model = CompileModel(std::move(network.graph), common);
    TuneModel(model, shapes.For(chosen.key.batch), common);
  }
  subject.base.compile.tuning_file = file;
  Trial trial;
  trial.confirms = true;
  trial.expected_ms = ImageLatency(chosen, goal);
  trial.expected_images_per_s = chosen.images_per_s;
  trial.point = characterize::MeasurePoint(chosen.key, subject, TrustOf(options, true));
  const bool faster = goal.rate > 0
                          ? kFaster * ImageLatency(trial.point, goal) < ImageLatency(chosen, goal)
                          : trial.point.images_per_s > kFaster * chosen.images_per_s;
  const bool kept = faster && Holds(trial.point, goal, goal.margin / 2);
  trial.verdict = kept ? "with measured kernels: faster" : "with measured kernels: not faster";
  result.trials.push_back(trial);
  if (kept) result.chosen = trial.point;
  if (!kept && is_new) std::filesystem::remove(file, error);
  return kept ? file : options.common.costs.tuning;
}

}  // namespace

Status TuneForBound(const TuneCommandOptions& options) {
  if (options.output.empty()) {
    throw UsageError("--output is missing: the file for the profile (see kinglet tune --help)");
  }
  if (options.network == "-") {
    throw UsageError("a network is read again for each point: expected a file, found '-'");
  }
  CheckOutputFile(options.output);
  const SearchGoal goal = GoalOf(options);
  SweepKey base;
  base.network = options.network;
  base.precision = options.common.costs.precision;
  const std::vector<SweepKey> grid = GridOf(base, ListsOf(options), goal.rate);

  characterize::Subject subject;
  subject.base.shapes = options.shapes;
  subject.base.read = ReadOptionsOf(options.common);
  subject.base.compile = CompileOptionsOf(options.common);
  subject.base.compile.on_plan = nullptr;
  std::size_t done = 0;
  const std::size_t most = std::max(grid.size() / 4, goal.least_points);
  Progress bar(most, !options.common.quiet);
  const auto measure = [&](const SweepKey& key, bool confirm) {
    bar.Show(std::min(done++, most - 1), HowText(key));
    return characterize::MeasurePoint(key, subject, TrustOf(options, confirm));
  };
  auto known = std::make_unique<Foreknowledge>(options);
  const std::string network_key = known->network_key();
  std::vector<characterize::Prediction> predictions;
  for (const SweepKey& key : grid) predictions.push_back(known->Of(key));
  known.reset();  // its memory, before anything is measured
  const auto predict = [&](const SweepKey& key) {
    return predictions[static_cast<std::size_t>(std::find(grid.begin(), grid.end(), key) -
                                                grid.begin())];
  };
  SearchResult result = SearchGrid(grid, goal, predict, measure);
  Progress::Hide();
  if (result.chosen) {
    std::string tuning = options.common.costs.tuning;
    if (options.kernels) tuning = TryKernels(options, goal, subject, result);
    characterize::Profile profile = ProfileOf(options, goal, *result.chosen, network_key);
    profile.tuning = tuning;
    WriteFile(options.output, ProfileText(profile));
  }
  PrintResult(options, result, goal);
  if (result.chosen) return Status::kDone;
  std::string message =
      fmt::format("{}: nothing holds {} ({} of {} points measured)", options.network,
                  GoalText(goal), result.trials.size(), result.grid);
  if (result.nearest) {
    message += fmt::format("; nearest is {}: p{} {:.2f} ms, {:.0f} MiB, {:.1f} images/s",
                           HowText(result.nearest->key), goal.bound.percentile,
                           ImageLatency(*result.nearest, goal), result.nearest->peak_rss_mb,
                           result.nearest->images_per_s);
  }
  PrintError(message);
  return Status::kInputFailed;
}

}  // namespace kinglet::cli
