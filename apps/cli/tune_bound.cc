// kinglet tune with a bound: the batch, threads and instances of the most throughput within it.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "apps/cli/commands.h"
#include "apps/cli/costs.h"
#include "apps/cli/instance_kinds.h"
#include "apps/cli/model_options.h"
#include "apps/cli/network.h"
#include "apps/cli/number_list.h"
#include "apps/cli/output.h"
#include "apps/cli/progress.h"
#include "characterize/analysis/curve.h"
#include "characterize/predict/builtin.h"
#include "characterize/predict/foresee.h"
#include "characterize/sweep/measure_points.h"
#include "characterize/tune/foreknowledge.h"
#include "characterize/tune/profile_file.h"
#include "characterize/tune/search.h"
#include "kinglet/file.h"
#include "kinglet/machine.h"
#include "kinglet/verdict.h"
#include "measure/network/opened.h"
#include "measure/network/turn_inputs.h"

namespace kinglet::cli {
namespace {

using characterize::InstanceKind;
using characterize::SearchGoal;
using characterize::SearchResult;
using characterize::SweepKey;
using characterize::SweepPoint;
using characterize::Trial;

constexpr const char* kUsualBatches = "1,2,3,4,6,8,12,16,24,32";
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
  lists.kinds = InstanceKinds(options.kind);
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

characterize::Subject SubjectOf(const TuneCommandOptions& options) {
  characterize::Subject subject;
  subject.base.network = options.network;
  subject.base.shapes = options.shapes;
  subject.base.descriptor = options.descriptor;
  subject.base.read = ReadOptionsOf(options.common);
  subject.base.compile = CompileOptionsOf(options.common);
  subject.base.compile.on_plan = nullptr;
  if (options.input != "random") subject.pictures = options.input;
  return subject;
}

// What a turn would find wrong with network, descriptor and pictures is found before the first one.
void CheckSubject(const TuneCommandOptions& options, const characterize::Subject& subject,
                  int batch) {
  measure::Point point = subject.base;
  point.batch = batch;
  const measure::OpenedNetwork network = measure::OpenForPoint(point);
  for (const std::string& note : network.notes) PrintNote(options.common, "note: " + note);
  if (!subject.pictures.empty()) {
    measure::TurnInputs(network, network.shapes.For(batch), {subject.pictures});
  }
}

// Of each point of the grid, as 'kinglet predict' has it.
std::vector<characterize::Prediction> PredictionsOf(const TuneCommandOptions& options,
                                                    const std::vector<SweepKey>& grid) {
  NamedNetwork network =
      characterize::OpenWithoutWeights(options.network, ReadOptionsOf(options.common));
  if (!options.descriptor.empty()) network.descriptor = OpenDescriptor(options.descriptor);
  const std::optional<characterize::Predictor> predictor =
      characterize::BuiltInPredictor(InstructionSet());
  characterize::ForeseeOptions foresee;
  foresee.compile = CompileOptionsOf(options.common);
  foresee.compile.on_plan = nullptr;
  foresee.shapes = options.shapes;
  foresee.predictor = predictor ? &*predictor : nullptr;
  foresee.cores = DefaultThreads();
  const characterize::Foresight foresight(std::move(network), foresee);
  std::vector<characterize::Prediction> predictions;
  for (const SweepKey& key : grid) predictions.push_back(PredictionOf(foresight, key));
  return predictions;
}

std::string InstancesText(const SweepKey& key) {
  const bool processes = key.kind == InstanceKind::kProcesses;
  return fmt::format("{}{}", key.instances, processes ? " processes" : "");
}

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
    table.Add({std::to_string(key.batch), std::to_string(key.threads), InstancesText(key),
               fmt::format("{:.2f}", trial.expected_ms),
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
      each["kernels"] = trial.point.key.tuning.empty() ? "chosen" : "measured";
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
  if (profile.key.tuning.empty()) profile.key.tuning = options.common.costs.tuning;
  profile.shapes = options.shapes;
  profile.descriptor = options.descriptor;
  profile.bound = goal.bound;
  profile.rate = goal.rate;
  profile.latency = chosen.latency;
  profile.images_per_s = chosen.images_per_s;
  profile.peak_rss_mb = chosen.peak_rss_mb;
  profile.machine = measure::ThisMachine();
  return profile;
}

// Measures points one after the other. What the host delivers is known of all turns together.
class TrialMeasurer {
 public:
  TrialMeasurer(const TuneCommandOptions& options, characterize::Subject subject, std::size_t most)
      : options_(options),
        subject_(std::move(subject)),
        most_(most),
        bar_(most, !options.common.quiet) {}

  // The points in turns; `confirm`: anew, and for longer.
  std::vector<SweepPoint> Measure(const std::vector<SweepKey>& keys, bool confirm) {
    const characterize::Trust trust = TrustOf(options_, confirm);
    if (confirm) {
      std::erase_if(turns_, [&](const characterize::TurnRecord& turn) {
        return std::find(keys.begin(), keys.end(), turn.key) != keys.end();
      });
    }
    bar_.Show(std::min(done_++, most_ - 1), HowText(keys.front()));
    turns_ = characterize::TakeTurns(keys, subject_, trust, std::move(turns_), {});
    return characterize::MergeRun(keys, turns_, trust);
  }

 private:
  const TuneCommandOptions& options_;
  const characterize::Subject subject_;
  std::vector<characterize::TurnRecord> turns_;
  std::size_t done_ = 0, most_;
  Progress bar_;
};

// Measures the kernels of the chosen point, and the point with them and without them in turns. They
// stay in a file beside the profile, and the point is the one with them, where that is faster and
// holds the bound.
void TryKernels(const TuneCommandOptions& options, const SearchGoal& goal, TrialMeasurer& measurer,
                SearchResult& result) {
  const SweepKey key = result.chosen->key;
  const std::string file =
      std::filesystem::path(options.output).replace_extension(".tuning.json").string();
  std::error_code error;
  const bool is_new = !std::filesystem::exists(file, error);
  CommonOptions common = options.common;
  common.threads = key.threads;
  common.costs.tune = true;
  common.costs.tuning = file;
  {
    NamedNetwork network = OpenDescribed(options.network, common, options.descriptor);
    const measure::ShapeChooser shapes(network.graph, options.shapes, network.descriptor);
    Model model = CompileModel(std::move(network.graph), common);
    TuneModel(model, shapes.For(key.batch), common);
  }
  SweepKey with_kernels = key;
  with_kernels.tuning = file;
  const std::vector<SweepPoint> both = measurer.Measure({key, with_kernels}, true);
  const SweepPoint& plain = both.front();
  Trial trial = {both.back(), plain.images_per_s, ImageLatency(plain, goal), true, ""};
  const bool kept =
      IsSurelyBetter(trial.point, plain, goal) && Holds(trial.point, goal, goal.margin / 2);
  const double gain = 100 * (trial.point.images_per_s / std::max(plain.images_per_s, 1e-9) - 1);
  trial.verdict =
      fmt::format("with measured kernels: {:+.1f} % images/s in turns with the others, {}", gain,
                  kept ? "kept" : "not kept");
  result.trials.push_back(trial);
  if (kept) result.chosen = trial.point;
  if (!kept && is_new) std::filesystem::remove(file, error);
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
  const characterize::Subject subject = SubjectOf(options);
  CheckSubject(options, subject, grid.front().batch);
  const std::string network_key = GraphKey(OpenNamed(options.network, options.common).graph);
  const std::vector<characterize::Prediction> predictions = PredictionsOf(options, grid);
  const auto predict = [&](const SweepKey& key) {
    return predictions[static_cast<std::size_t>(std::find(grid.begin(), grid.end(), key) -
                                                grid.begin())];
  };
  TrialMeasurer measurer(options, subject, std::max(grid.size() / 4, goal.least_points));
  SearchResult result = SearchGrid(grid, goal, predict, [&](const SweepKey& key, bool confirm) {
    return measurer.Measure({key}, confirm).front();
  });
  if (result.chosen && options.kernels) TryKernels(options, goal, measurer, result);
  Progress::Hide();
  if (result.chosen) {
    WriteProfile(options.output, ProfileOf(options, goal, *result.chosen, network_key));
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
