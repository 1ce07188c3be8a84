#include "characterize/fit/train.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <exception>
#include <mutex>
#include <set>
#include <thread>

#include "kinglet/model.h"
#include "measure/common/statistics.h"

namespace kinglet::characterize {
namespace {

constexpr std::size_t kLeastRows = 30;
constexpr std::size_t kLeastNetworksOfKernel = 2;
constexpr double kLeastUs = 0.05;  // below it a clock's step is most of what is measured

struct KernelSamples {
  Samples samples;
  std::set<std::string> networks;
};

// `whole`: microseconds of all layers of the network.
void AddSample(const DataRow& layer, double whole, KernelSamples& kernel) {
  const double measured = layer[RowNumber::kMeasured];
  const double physical = layer[RowNumber::kPhysical];
  const bool trusted = layer[RowText::kKind] == "layer" || layer[RowText::kMark].empty();
  if (measured < kLeastUs || physical <= 0 || whole <= 0 || !trusted) return;
  kernel.samples.features = LayerFeatures().size();
  // Errors count by what they are of the network, without those of short layers getting lost.
  kernel.samples.Add(FeaturesOfLayer(layer), std::log(measured / physical),
                     std::sqrt(measured / whole) + 0.02);
  kernel.networks.insert(layer[RowText::kNetwork]);
}

double SumMeasured(const MeasuredPoint& point) {
  double sum = 0;
  for (const DataRow& layer : point.layers) sum += layer[RowNumber::kMeasured];
  return sum;
}

// Fewer trees for fewer rows: those that follow learn the noise.
BoostingOptions OptionsFor(std::size_t rows, BoostingOptions options) {
  constexpr std::size_t kRowsOfARound = 5;
  const int most = static_cast<int>(std::max<std::size_t>(rows / kRowsOfARound, 20));
  options.rounds = std::min(options.rounds, most);
  return options;
}

// All tasks, on as many threads as there are CPUs. Throws what one of them throws.
void RunTogether(const std::vector<std::function<void()>>& tasks) {
  std::atomic<std::size_t> next = 0;
  std::mutex mutex;
  std::exception_ptr failure;
  const auto work = [&] {
    for (std::size_t i = next++; i < tasks.size(); i = next++) {
      try {
        tasks[i]();
      } catch (...) {
        const std::lock_guard lock(mutex);
        failure = std::current_exception();
      }
    }
  };
  std::vector<std::thread> threads;
  for (int t = 1; t < AvailableThreads(); ++t) threads.emplace_back(work);
  work();
  for (std::thread& thread : threads) thread.join();
  if (failure != nullptr) std::rethrow_exception(failure);
}

}  // namespace

Predictor TrainLayers(const PointRefs& points, const BoostingOptions& options) {
  std::map<std::string, KernelSamples> kernels;
  for (const MeasuredPoint* point : points) {
    const double whole = SumMeasured(*point);
    for (const std::vector<DataRow>* rows : {&point->layers, &point->alternatives}) {
      for (const DataRow& row : *rows) AddSample(row, whole, kernels[row[RowText::kKernel]]);
    }
  }
  Predictor predictor;
  std::vector<std::function<void()>> tasks;
  for (auto& [name, kernel] : kernels) {
    if (kernel.samples.size() < kLeastRows || kernel.networks.size() < kLeastNetworksOfKernel)
      continue;
    double sum = 0;
    for (const float weight : kernel.samples.weights) sum += static_cast<double>(weight);
    const auto mean = static_cast<float>(sum / static_cast<double>(kernel.samples.size()));
    for (float& weight : kernel.samples.weights) weight /= mean;
    Correction& correction = predictor.kernels[name];
    correction.rows = kernel.samples.size();
    tasks.push_back([&correction, &options, samples = &kernel.samples] {
      correction.trees = GrowTrees(*samples, LayerFeatures(), OptionsFor(correction.rows, options));
    });
  }
  RunTogether(tasks);
  return predictor;
}

double SumUs(const Predictor& predictor, const MeasuredPoint& point) {
  double sum = 0;
  for (const DataRow& layer : point.layers) sum += CorrectedUs(predictor, layer);
  return sum;
}

Correction TrainNetworks(const PointRefs& points, const std::vector<double>& sums,
                         std::uint64_t seed) {
  Samples samples;
  samples.features = NetworkFeatures().size();
  for (std::size_t i = 0; i < points.size(); ++i) {
    const DataRow& network = points[i]->network;
    samples.Add(FeaturesOfNetwork(network, sums[i]),
                std::log(network[RowNumber::kMeasured] / std::max(sums[i], 1e-6)), 1);
  }
  Correction correction;
  correction.rows = samples.size();
  // What is left between a network and its layers is little, and the same for many.
  constexpr int kRounds = 60;
  constexpr int kDepth = 2;
  constexpr int kLeastWeight = 20;
  correction.trees = GrowTrees(samples, NetworkFeatures(),
                               {.rounds = kRounds,
                                .depth = kDepth,
                                .rate = 0.1,
                                .share = 0.8,
                                .features_share = 1,
                                .least_weight = kLeastWeight,
                                .seed = seed});
  return correction;
}

LogInterval IntervalOf(std::vector<double> logs) {
  if (logs.empty()) return {};
  return {measure::Percentile(logs, 10), measure::Percentile(logs, 90)};
}

}  // namespace kinglet::characterize
