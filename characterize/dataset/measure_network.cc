#include "characterize/dataset/measure_network.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <tuple>

#include "characterize/predict/foresee.h"
#include "kinglet/error.h"
#include "kinglet/machine.h"
#include "kinglet/trials.h"
#include "measure/common/reference_loop.h"
#include "measure/common/statistics.h"
#include "measure/network/shapes.h"

namespace kinglet::characterize {
namespace {

using Clock = std::chrono::steady_clock;

// Of the fastest reference loop that was seen, below which something else had a part of a CPU.
constexpr double kBusyShare = 0.9;
constexpr double kUnsteadySpread = 0.2;
constexpr std::size_t kMostRuns = 500;  // of a turn
constexpr double kLongUs = 100'000;     // runs that leave nothing of others in the caches, and that
constexpr std::size_t kLongTurns = 2;   // two turns are enough of

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Medians of each step, one for each turn.
using StepTurns = std::vector<std::vector<double>>;

// What is measured at one point, turn by turn.
struct PointTimes {
  int batch = 1;
  int threads = 1;
  OutlinedPlan outlined;
  std::unique_ptr<Session> session;
  Tensors inputs;
  std::optional<KernelTrials> trials;  // none: other kernels are not timed
  std::vector<double> whole;           // microseconds: the median of each turn
  StepTurns layers;
  std::vector<StepTurns> others;  // of each trial
};

bool IsLong(const PointTimes& point) {
  return !point.whole.empty() && point.whole.front() > kLongUs;
}

// Microseconds of each run, by step; then their medians, which begin or go on with `turns`.
class StepRuns {
 public:
  void Add(const std::vector<double>& seconds) {
    steps_.resize(seconds.size());
    for (std::size_t s = 0; s < seconds.size(); ++s) steps_[s].push_back(1e6 * seconds[s]);
  }
  void EndTurn(StepTurns& turns) {
    turns.resize(steps_.size());
    for (std::size_t s = 0; s < steps_.size(); ++s) {
      turns[s].push_back(measure::Median(std::move(steps_[s])));
    }
  }

 private:
  std::vector<std::vector<double>> steps_;
};

// Runs the network with each kernel that could be in a place.
void TryOthers(PointTimes& point, double seconds) {
  std::vector<StepRuns> runs(point.trials->size());
  point.others.resize(runs.size());
  const Clock::time_point start = Clock::now();
  std::size_t rounds = 0;
  do {
    for (std::size_t t = 0; t < runs.size(); ++t) runs[t].Add(point.trials->Run(t));
  } while (SecondsSince(start) < seconds && ++rounds < kMostRuns);
  for (std::size_t t = 0; t < runs.size(); ++t) runs[t].EndTurn(point.others[t]);
}

// Runs the network whole and layer by layer in turns until the time is over, once each at least.
void TakeTurn(PointTimes& point, double seconds) {
  std::vector<double> whole;
  StepRuns steps;
  if (!IsLong(point)) point.session->Run(point.inputs);  // what others have left in the caches goes
  const Clock::time_point start = Clock::now();
  do {
    const Clock::time_point begin = Clock::now();
    point.session->Run(point.inputs);
    whole.push_back(1e6 * SecondsSince(begin));
    steps.Add(point.session->Profile(point.inputs));
  } while (SecondsSince(start) < seconds && whole.size() < kMostRuns);
  point.whole.push_back(measure::Median(whole));
  steps.EndTurn(point.layers);
  if (point.trials) TryOthers(point, seconds);
}

double SpreadOf(const std::vector<double>& turns) {
  const auto [least, most] = std::minmax_element(turns.begin(), turns.end());
  const double median = measure::Median(turns);
  return median > 0 ? (*most - *least) / median : 0;
}

// At the batches that the network takes; throws what is wrong with the last one where it takes
// none.
std::vector<InputShapes> ShapesAt(const measure::ShapeChooser& chooser,
                                  const std::vector<int>& batches) {
  std::vector<InputShapes> shapes;
  std::optional<Error> refused;
  for (const int batch : batches) {
    try {
      shapes.push_back(chooser.For(batch));
    } catch (const Error& error) {
      refused = error;
    }
  }
  if (shapes.empty() && refused) throw *refused;
  return shapes;
}

class NetworkMeasurement {
 public:
  NetworkMeasurement(const std::string& network, const MeasureOptions& options)
      : options_(options), name_(NetworkNameOf(network)) {
    NamedNetwork light = OpenWithoutWeights(network, options.read);
    NamedNetwork named = OpenNetwork(network, options.read);
    const measure::ShapeChooser chooser(named.graph, {}, light.descriptor);
    family_ = options.family.empty() ? FamilyOf(name_) : options.family;
    const Outline outline(std::move(light.graph), options.compile);
    const Model model = Model::Compile(std::move(named.graph), options.compile);
    for (const int threads : options.threads) {
      for (const InputShapes& shapes : ShapesAt(chooser, options.batches)) {
        AddPoint(outline, model, shapes, chooser.Batch(shapes), threads);
      }
    }
    if (points_.empty()) {
      throw Error(ErrorCode::kInvalidInput, network + ": no point is predicted to take less than " +
                                                std::to_string(options.most_ms) + " ms");
    }
  }

  std::vector<DataRow> Run() {
    const double each = options_.seconds / (options_.turns * static_cast<double>(points_.size()));
    AskReference();
    for (int turn = 0; turn < options_.turns; ++turn) {
      for (PointTimes& point : points_) {
        if (!IsLong(point) || point.whole.size() < kLongTurns) TakeTurn(point, each);
      }
      AskReference();
    }
    std::vector<DataRow> rows;
    for (const PointTimes& point : points_) AddRows(point, rows);
    DataRow done;
    done[RowText::kKind] = "done";
    rows.push_back(std::move(done));
    for (DataRow& row : rows) {
      row[RowText::kNetwork] = name_;
      row[RowText::kFamily] = family_;
    }
    return rows;
  }

 private:
  void AddPoint(const Outline& outline, const Model& model, const InputShapes& shapes, int batch,
                int threads) {
    PointTimes point;
    point.outlined = outline.At(shapes, threads);
    double ms = 0;
    for (const StepTime& time : point.outlined.times) ms += 1e3 * time.total;
    if (ms > options_.most_ms) return;
    point.batch = batch;
    point.threads = threads;
    point.inputs = measure::RandomInputs(model.inputs(), shapes);
    point.session = std::make_unique<Session>(model.NewSession({.threads = threads}));
    if (options_.candidates > 1) {
      point.trials.emplace(model, shapes, threads, options_.candidates);
    }
    points_.push_back(std::move(point));
  }

  void AskReference() {
    const measure::ReferenceSpeed speed = measure::RunReferenceLoop();
    host_shares_.push_back(watch_.Share(speed));
    references_.push_back(*std::min_element(speed.gflops.begin(), speed.gflops.end()));
  }

  std::string MarkOf(double spread) const {
    if (measure::Median(host_shares_) < kBusyShare) return "busy";
    return spread > kUnsteadySpread ? "unsteady" : "";
  }

  void Finish(const std::vector<double>& turns, DataRow& row) const {
    row[RowNumber::kMeasured] = measure::Median(turns);
    row[RowNumber::kSpread] = SpreadOf(turns);
    row[RowNumber::kReference] = *std::min_element(references_.begin(), references_.end());
    row[RowText::kMark] = MarkOf(row[RowNumber::kSpread]);
  }

  void AddRows(const PointTimes& point, std::vector<DataRow>& rows) const {
    std::size_t step = 0;
    for (DataRow& row : LayerRows(point.outlined, point.batch, point.threads)) {
      while (point.outlined.plan.steps[step].waits) ++step;
      Finish(point.layers[step++], row);
      rows.push_back(std::move(row));
    }
    if (point.trials) AddAlternatives(point, rows);
    DataRow network = NetworkRow(point.outlined, point.batch, point.threads);
    Finish(point.whole, network);
    rows.push_back(std::move(network));
  }

  // Of the layers that several kernels were timed for, those that were chosen with them.
  void AddAlternatives(const PointTimes& point, std::vector<DataRow>& rows) const {
    using Place = std::tuple<std::string, std::string, double, double>;
    std::map<Place, std::map<std::string, DataRow>> places;
    for (std::size_t t = 0; t < point.others.size(); ++t) {
      const OutlinedPlan& outlined = point.trials->plan(t);
      std::size_t step = 0;
      for (DataRow& row : LayerRows(outlined, point.batch, point.threads)) {
        while (outlined.plan.steps[step].waits) ++step;
        Finish(point.others[t][step++], row);
        row[RowText::kKind] = "alternative";
        const Place place{row[RowText::kLayer], row[RowText::kOp], row[RowNumber::kImages],
                          row[RowNumber::kRuns]};
        places[place].emplace(row[RowText::kKernel], std::move(row));
      }
    }
    for (auto& [place, kernels] : places) {
      if (kernels.size() < 2) continue;
      for (auto& [kernel, row] : kernels) rows.push_back(std::move(row));
    }
  }

  const MeasureOptions& options_;
  const std::string name_;
  std::string family_;
  std::vector<PointTimes> points_;
  measure::HostWatch watch_;
  std::vector<double> host_shares_;  // around the turns; times are medians of turns, too
  std::vector<double> references_;   // 1e9 per second, of the slowest CPU
};

}  // namespace

DatasetMachine ThisDatasetMachine(const CompileOptions& compile) {
  return {CpuName(), InstructionSet(), AvailableThreads(), Version(),
          FiguresOf({compile.calibration_file, "", compile.use_cache})};
}

std::string NetworkNameOf(const std::string& network) {
  const std::filesystem::path path(network);
  const bool file = path.extension() == ".json" || path.extension() == ".onnx";
  return file ? path.stem().string() : path.filename().string();
}

std::string FamilyOf(const std::string& name) {
  std::string family = name;
  while (true) {
    const std::size_t last = family.find_last_not_of("0123456789");
    const bool number = last != family.npos && last > 0 && last + 1 < family.size();
    if (!number || family[last] != '_') return family;
    family.resize(last);
  }
}

std::vector<DataRow> MeasureNetwork(const std::string& network, const MeasureOptions& options) {
  return NetworkMeasurement(network, options).Run();
}

DataRow FailedRow(const std::string& network, const std::string& family,
                  const std::string& reason) {
  constexpr std::size_t kMostReason = 1000;
  DataRow row;
  row[RowText::kKind] = "failed";
  row[RowText::kNetwork] = NetworkNameOf(network);
  row[RowText::kFamily] = family.empty() ? FamilyOf(row[RowText::kNetwork]) : family;
  row[RowText::kMark] = reason.substr(0, kMostReason);
  return row;
}

}  // namespace kinglet::characterize
