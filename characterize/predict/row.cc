#include "characterize/predict/row.h"

#include <algorithm>
#include <cmath>

namespace kinglet::characterize {
namespace {

constexpr double kMicro = 1e6;

float Log(double value) { return static_cast<float>(std::log2(1.0 + std::max(value, 0.0))); }

float Share(double part, double whole) {
  return static_cast<float>(whole > 0 ? part / whole : 0.0);
}

double Size(const Shape& shape, std::size_t dim) {
  return dim < shape.size() ? static_cast<double>(shape[dim]) : 1.0;
}

void AddOperations(const WorkInfo& work, DataRow& row) {
  const std::string prefix = "ops_";
  double most = 0;
  for (const WorkInfo::Operations& each : work.operations) {
    if (each.count > most) {
      most = each.count;
      row[RowText::kType] = each.type;
    }
    const auto* column =
        std::find_if(std::begin(kNumberColumns), std::end(kNumberColumns),
                     [&](const NumberColumn& c) { return prefix + each.kind == c.name; });
    // A kind that is newer than the columns counts as a plain loop.
    const auto index = column == std::end(kNumberColumns)
                           ? static_cast<std::size_t>(RowNumber::kScalarOps)
                           : static_cast<std::size_t>(column - kNumberColumns);
    row.numbers[index] += each.count;
  }
}

constexpr RowNumber kOperations[] = {
    RowNumber::kTileOps,      RowNumber::kTileEdgeOps,   RowNumber::kPlaneOps,
    RowNumber::kDepthwiseOps, RowNumber::kStridedOps,    RowNumber::kWinogradOps,
    RowNumber::kTransformOps, RowNumber::kActivationOps, RowNumber::kBlasOps,
    RowNumber::kBlasPackOps,  RowNumber::kAverageOps,    RowNumber::kMaxOps,
    RowNumber::kScalarOps,    RowNumber::kReferenceOps};

double Operations(const DataRow& row) {
  double sum = 0;
  for (const RowNumber kind : kOperations) sum += row[kind];
  return sum;
}

// Numbers of a layer that add up to those of a network.
constexpr RowNumber kSums[] = {
    RowNumber::kMacs,     RowNumber::kReadBytes,  RowNumber::kWriteBytes, RowNumber::kWeightBytes,
    RowNumber::kPhysical, RowNumber::kArithmetic, RowNumber::kCached,     RowNumber::kMemory,
    RowNumber::kAgain,    RowNumber::kBegin,      RowNumber::kSteps};

constexpr Feature kLayerFeatures[] = {
    {"arithmetic_share", 0},
    {"cached_share", 0},
    {"memory_share", 0},
    {"again_share", 0},
    {"begin_share", 0},
    {"idle_share", 1},  // of the threads' time, while the busiest one works
    {"edge_share", 0},
    {"transform_share", 0},
    {"scalar_share", 0},
    {"log_units_per_thread", 0},
    {"log_threads", 0},
    {"log_images", 0},
    {"own_thread", 0},
    {"log_channels", 0},
    {"log_height", 0},
    {"log_width", 0},
    {"log_depth", 0},  // multiply-adds for each output
    {"log_operations_per_output", 0},
    {"log_activation_bytes", 0},
    {"log_weight_bytes", 0},
    {"log_scratch_traffic", 0},
    {"log_network_weight_bytes", 1},
    {"log_physical", 0},
    {"channels_beyond_16", 0},
    {"activation_share", 0},
};

constexpr Feature kNetworkFeatures[] = {{"log_predicted_per_step", 0},
                                        {"log_steps", 0},
                                        {"log_threads", 0},
                                        {"log_batch", 0},
                                        {"log_weight_bytes", 0},
                                        {"log_arena_bytes", 0},
                                        {"memory_share", 0},
                                        {"predicted_to_physical", 0}};

}  // namespace

DataRow LayerRow(const StepInfo& step, const StepTime& time, int batch, int threads,
                 std::size_t network_weight_bytes) {
  DataRow row;
  row[RowText::kKind] = "layer";
  row[RowText::kLayer] = step.name;
  row[RowText::kOp] = step.op;
  row[RowText::kKernel] = step.kernel;
  row[RowNumber::kBatch] = batch;
  row[RowNumber::kThreads] = threads;
  row[RowNumber::kImages] = step.images > 0 ? static_cast<double>(step.images) : batch;
  row[RowNumber::kRuns] = static_cast<double>(step.runs);
  row[RowNumber::kOwnThread] = step.own_thread ? 1 : 0;
  row[RowNumber::kChannels] = Size(step.output_shape, 1);
  row[RowNumber::kHeight] = Size(step.output_shape, 2);
  row[RowNumber::kWidth] = Size(step.output_shape, 3);
  row[RowNumber::kMacs] = static_cast<double>(step.macs);
  row[RowNumber::kUnits] = static_cast<double>(step.units);
  row[RowNumber::kBusiest] = step.work.busiest_share;
  AddOperations(step.work, row);
  row[RowNumber::kReadBytes] = step.work.read_bytes;
  row[RowNumber::kWriteBytes] = step.work.write_bytes;
  row[RowNumber::kWeightBytes] = step.work.weight_bytes;
  row[RowNumber::kWeightParts] = static_cast<double>(step.work.weight_parts);
  row[RowNumber::kWeightPasses] = step.work.weight_passes;
  row[RowNumber::kScratchBytes] = step.work.scratch_bytes;
  row[RowNumber::kScratchPasses] = step.work.scratch_passes;
  row[RowNumber::kNetworkWeights] = static_cast<double>(network_weight_bytes);
  row[RowNumber::kSteps] = 1;
  row[RowNumber::kPhysical] = kMicro * time.total;
  row[RowNumber::kArithmetic] = kMicro * time.arithmetic;
  row[RowNumber::kCached] = kMicro * time.cached;
  row[RowNumber::kMemory] = kMicro * time.memory;
  row[RowNumber::kAgain] = kMicro * time.again;
  row[RowNumber::kBegin] = kMicro * time.begin;
  return row;
}

std::vector<DataRow> LayerRows(const OutlinedPlan& outlined, int batch, int threads) {
  std::vector<DataRow> rows;
  for (std::size_t s = 0; s < outlined.plan.steps.size(); ++s) {
    if (outlined.plan.steps[s].waits) continue;
    rows.push_back(LayerRow(outlined.plan.steps[s], outlined.times[s], batch, threads,
                            outlined.memory.weight_bytes));
  }
  return rows;
}

DataRow NetworkRow(const OutlinedPlan& outlined, int batch, int threads) {
  DataRow network;
  network[RowText::kKind] = "network";
  for (const DataRow& layer : LayerRows(outlined, batch, threads)) {
    for (const RowNumber sum : kSums) network[sum] += layer[sum];
    for (const RowNumber kind : kOperations) network[kind] += layer[kind];
  }
  network[RowNumber::kBatch] = network[RowNumber::kImages] = batch;
  network[RowNumber::kThreads] = threads;
  network[RowNumber::kRuns] = 1;
  network[RowNumber::kNetworkWeights] = static_cast<double>(outlined.memory.weight_bytes);
  network[RowNumber::kArenaBytes] = static_cast<double>(outlined.memory.arena_bytes);
  return network;
}

std::span<const Feature> LayerFeatures() { return kLayerFeatures; }

std::vector<float> FeaturesOfLayer(const DataRow& row) {
  const double physical = row[RowNumber::kPhysical];
  const double operations = Operations(row);
  const double images = row[RowNumber::kImages];
  const double outputs =
      images * row[RowNumber::kChannels] * row[RowNumber::kHeight] * row[RowNumber::kWidth];
  const double runs = std::max(row[RowNumber::kRuns], 1.0);
  const double threads =
      row[RowNumber::kOwnThread] > 0 ? 1.0 : std::max(row[RowNumber::kThreads], 1.0);
  const double busiest = std::max(row[RowNumber::kBusiest] * threads, 1.0);
  return {
      Share(row[RowNumber::kArithmetic], physical),
      Share(row[RowNumber::kCached], physical),
      Share(row[RowNumber::kMemory], physical),
      Share(row[RowNumber::kAgain], physical),
      Share(row[RowNumber::kBegin], physical),
      static_cast<float>(1.0 - 1.0 / busiest),
      Share(row[RowNumber::kTileEdgeOps], operations),
      Share(row[RowNumber::kTransformOps], operations),
      Share(row[RowNumber::kScalarOps] + row[RowNumber::kReferenceOps], operations),
      Log(row[RowNumber::kUnits] / threads),
      Log(row[RowNumber::kThreads]),
      Log(images),
      static_cast<float>(row[RowNumber::kOwnThread]),
      Log(row[RowNumber::kChannels]),
      Log(row[RowNumber::kHeight]),
      Log(row[RowNumber::kWidth]),
      Log(row[RowNumber::kMacs] / std::max(runs * outputs, 1.0)),
      Log(operations / std::max(runs * outputs, 1.0)),
      Log((row[RowNumber::kReadBytes] + row[RowNumber::kWriteBytes]) / runs),
      Log(row[RowNumber::kWeightBytes]),
      Log(row[RowNumber::kScratchBytes] * row[RowNumber::kScratchPasses] / runs),
      Log(row[RowNumber::kNetworkWeights]),
      Log(physical / runs),
      static_cast<float>(std::fmod(row[RowNumber::kChannels], 16.0) / 16.0),
      Share(row[RowNumber::kActivationOps], operations),
  };
}

std::span<const Feature> NetworkFeatures() { return kNetworkFeatures; }

std::vector<float> FeaturesOfNetwork(const DataRow& row, double predicted_us) {
  const double physical = row[RowNumber::kPhysical];
  return {
      Log(predicted_us / std::max(row[RowNumber::kSteps], 1.0)),
      Log(row[RowNumber::kSteps]),
      Log(row[RowNumber::kThreads]),
      Log(row[RowNumber::kBatch]),
      Log(row[RowNumber::kNetworkWeights]),
      Log(row[RowNumber::kArenaBytes]),
      Share(row[RowNumber::kMemory], physical),
      Share(predicted_us, physical),
  };
}

}  // namespace kinglet::characterize
