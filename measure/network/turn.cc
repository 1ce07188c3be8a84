#include "measure/network/turn.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <optional>

#include "kinglet/error.h"
#include "measure/common/answer.h"
#include "measure/common/machine.h"
#include "measure/common/process.h"
#include "measure/network/instances.h"
#include "measure/network/opened.h"
#include "measure/network/turn_inputs.h"
#include "measure/network/turn_json.h"

namespace kinglet::measure {
namespace {

constexpr const char* kReady = "ready";
constexpr const char* kOver = "over";

std::string PlaceOf(const TurnPlan& plan) {
  const Point& point = plan.point;
  std::string text = point.network + ", batch " + std::to_string(point.batch) + ", threads " +
                     std::to_string(point.threads);
  if (plan.instances > 1) text += ", instances " + std::to_string(plan.instances);
  return text + ": ";
}

// What CPUs and instances do from its begin on.
class Watch {
 public:
  void Begin() {
    cpus_ = ReadCpuTimes();
    usage_ = OwnUsage();
    begin_ = SteadySeconds();
    clock_mhz_ = ReadClockMhz();
  }
  void End() {
    end_cpus_ = ReadCpuTimes();
    end_usage_ = OwnUsage();
    end_ = SteadySeconds();
    end_clock_mhz_ = ReadClockMhz();
  }
  // `children`: of processes that belong to this one.
  void Tell(const Usage& children, TurnResult& result) const {
    result.usage = end_usage_ - usage_;
    result.usage += children;
    result.load = LoadBetween(cpus_, end_cpus_, end_ - begin_, result.usage);
    result.clock_mhz = (clock_mhz_ + end_clock_mhz_) / 2;
  }

 private:
  std::vector<CpuTimes> cpus_, end_cpus_;
  Usage usage_, end_usage_;
  double begin_ = 0, end_ = 0;
  double clock_mhz_ = 0, end_clock_mhz_ = 0;
};

// Sorts, and thins out evenly where they are too many: every percentile stays where it is.
void KeepLatencies(std::vector<double> all, TurnResult& result) {
  std::sort(all.begin(), all.end());
  if (all.size() <= kMostLatencies) {
    result.latencies_ms = std::move(all);
    return;
  }
  for (std::size_t i = 0; i < kMostLatencies; ++i) {
    result.latencies_ms.push_back(all[i * (all.size() - 1) / (kMostLatencies - 1)]);
  }
}

void KeepRuns(const std::vector<InstanceRuns>& runs, const TurnPlan& plan, double start,
              TurnResult& result) {
  std::vector<double> all;
  double closed = 0;  // runs per second
  for (const InstanceRuns& each : runs) {
    const auto count = static_cast<double>(each.latencies_ms.size());
    all.insert(all.end(), each.latencies_ms.begin(), each.latencies_ms.end());
    if (each.end > each.begin) closed += count / (each.end - each.begin);
    result.window_s = std::max(result.window_s, each.end - start);
    result.backlog_s = std::max(result.backlog_s, each.backlog_s);
  }
  result.runs = all.size();
  if (plan.rate > 0) result.window_s = std::max(result.window_s, plan.window_s);
  const double open = static_cast<double>(result.runs) / result.window_s;
  result.images_per_s = result.batch * (plan.rate > 0 ? open : closed);
  KeepLatencies(std::move(all), result);
}

void Say(const char* word) {
  std::puts(word);
  std::fflush(stdout);
}

// Of an instance that is a process of another turn: when the others begin, too.
double AskForStart() {
  Say(kReady);
  char line[64] = {};
  if (std::fgets(line, sizeof line, stdin) == nullptr) {
    throw Error(ErrorCode::kIo, "the turn that this process is a part of has ended");
  }
  return std::strtod(line, nullptr);
}

TurnResult TakeInThreads(const TurnPlan& plan) {
  const OpenedNetwork network = OpenForPoint(plan.point);
  const InputShapes shapes = network.shapes.For(plan.point.batch);
  const PlanInfo info = network.model.Describe(shapes, plan.point.threads);
  const std::vector<Tensors> inputs =
      TurnInputs(network, shapes, {plan.pictures, plan.first_picture, plan.most_batches});
  // Each has the threads that it was asked for, as it had in a process of its own.
  std::vector<Session> sessions;
  std::vector<std::function<void()>> runs;
  for (int i = 0; i < plan.instances; ++i) {
    sessions.push_back(network.model.NewSession({plan.point.threads, false}));
  }
  for (Session& session : sessions) {
    runs.emplace_back([&session, &inputs, next = std::size_t{0}]() mutable {
      session.Run(inputs[next++ % inputs.size()]);
    });
  }
  std::unique_ptr<SharedCounter> counter;
  std::optional<ArrivalQueue> queue;
  InstanceWindow window{plan.window_s, plan.warm_up_s};
  if (plan.rate > 0) {
    counter = plan.arrivals_file >= 0 ? std::make_unique<SharedCounter>(plan.arrivals_file)
                                      : std::make_unique<SharedCounter>();
    queue.emplace(PoissonArrivals(plan.rate, plan.window_s, plan.seed), counter->counter());
    window.arrivals = &*queue;
  }
  double start = 0;
  Watch watch;
  window.gate = [&] { return start = plan.follows ? AskForStart() : SteadySeconds() + 1e-3; };
  window.began = [&] { watch.Begin(); };
  TurnResult result;
  const std::vector<InstanceRuns> did = RunInstances(runs, window);
  watch.End();
  watch.Tell({}, result);
  if (plan.follows) Say(kOver);
  result.batch = network.shapes.Batch(shapes);
  result.precision = PrecisionOfPlan(info, network.model.precision());
  result.notes = network.notes;
  for (const StepInfo& step : info.steps) {
    if (!step.kernel.empty()) result.kernels.push_back({step.name, step.kernel});
  }
  KeepRuns(did, plan, start, result);
  result.peak_rss_mb = PeakRssMib();
  return result;
}

TurnResult ParseTurnResult(const std::string& line, const std::string& which) {
  const JsonReader::Json json = JsonReader::Json::parse(line, nullptr, false);
  if (!json.is_object()) {
    throw Error(ErrorCode::kResource, which + "expected the result of a turn, found: " + line);
  }
  return ReadTurnResult(JsonReader(json, which));
}

// Reads what the instance prints up to the word; what it prints besides is passed over.
void WaitFor(Child& child, const char* word, const std::string& which) {
  std::string line;
  while (child.ReadLine(line)) {
    if (line == word) return;
    if (const std::optional<Error> error = ErrorOf(line)) throw *error;
  }
  CheckedAnswer(child.Wait(), which);
  throw Error(ErrorCode::kResource, which + "an instance ended before its turn was over");
}

std::vector<std::string> ArgumentsOf(const TurnPlan& plan) {
  return {"sweep", "--turn", TurnPlanJson(plan)};
}

// What all instances did together.
TurnResult Joined(std::vector<TurnResult> each, const TurnPlan& plan) {
  TurnResult result = each.front();
  std::vector<double> all;
  result.runs = 0;
  result.images_per_s = result.window_s = result.peak_rss_mb = result.backlog_s = 0;
  for (const TurnResult& one : each) {
    all.insert(all.end(), one.latencies_ms.begin(), one.latencies_ms.end());
    result.runs += one.runs;
    result.images_per_s += one.images_per_s;
    result.peak_rss_mb += one.peak_rss_mb;
    result.window_s = std::max(result.window_s, one.window_s);
    result.backlog_s = std::max(result.backlog_s, one.backlog_s);
  }
  if (plan.rate > 0) {
    result.images_per_s = result.batch * static_cast<double>(result.runs) / result.window_s;
  }
  result.latencies_ms.clear();
  KeepLatencies(std::move(all), result);
  return result;
}

TurnResult TakeInProcesses(const TurnPlan& plan) {
  const std::string which = PlaceOf(plan);
  TurnPlan one = plan;
  one.instances = 1;
  one.processes = false;
  one.follows = true;
  std::unique_ptr<SharedCounter> counter;
  if (plan.rate > 0) {
    counter = std::make_unique<SharedCounter>();
    one.arrivals_file = counter->file();
  }
  std::vector<Child> children;
  for (int i = 0; i < plan.instances; ++i) children.emplace_back("kinglet", ArgumentsOf(one));
  for (Child& child : children) WaitFor(child, kReady, which);
  constexpr double kUntilAllKnow = 20e-3;
  const double start = SteadySeconds() + kUntilAllKnow;
  char moment[64];
  std::snprintf(moment, sizeof moment, "%.9f\n", start);
  for (Child& child : children) child.Write(moment);
  SleepUntil(start);
  Watch watch;
  watch.Begin();
  for (Child& child : children) WaitFor(child, kOver, which);
  watch.End();
  std::vector<TurnResult> results;
  Usage usage;
  for (Child& child : children) {
    results.push_back(ParseTurnResult(CheckedAnswer(child.Wait(), which), which));
    usage += results.back().usage;
  }
  TurnResult result = Joined(std::move(results), plan);
  watch.Tell(usage, result);
  return result;
}

}  // namespace

TurnResult TakeTurn(const TurnPlan& plan) {
  return plan.processes ? TakeInProcesses(plan) : TakeInThreads(plan);
}

std::string AnswerTurn(const TurnPlan& plan) {
  return AnswerOf([&] { return CompactJson(TurnResultJson(TakeTurn(plan))) + "\n"; });
}

TurnResult TakeTurnInOwnProcess(const TurnPlan& plan) {
  const std::string which = PlaceOf(plan);
  return ParseTurnResult(CheckedAnswer(RunOwnProcess("kinglet", ArgumentsOf(plan)), which), which);
}

}  // namespace kinglet::measure
