#include "characterize/predict/foresee.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "kinglet/error.h"
#include "kinglet/machine.h"
#include "measure/common/machine.h"

namespace kinglet::characterize {
namespace {

// Seconds of one core: what was measured with AVX2, about; both take little beside a network.
constexpr double kPreprocessUsOfValue = 0.0018;    // resized, normalised
constexpr double kPostprocessUsOfScore = 0.0037;   // compared, or a sigmoid
constexpr double kPostprocessUsOfSoftmax = 0.013;  // of a score
constexpr double kPostprocessUsOfAnchor = 0.01;    // decoded
// MiB that a process takes before it opens a network, beside the program itself. How much of that
// systems keep in memory differs by some MiB: a little more for kernels that run than is there
// while a network is predicted. Where that is not known, the usual.
constexpr double kProcessMib = 1.75, kProgramGrows = 1.1, kUsualProgramMib = 9.75;
// What threads take beside scratch.
constexpr std::int64_t kMostZeros = std::int64_t{4} << 30;
constexpr std::size_t kThreadBytes = std::size_t{256} << 10;

// What each of `instances` has of what all share, as threads of one run have of each other.
Calibration ShareOf(Calibration figures, int instances) {
  const double n = instances;
  figures.l3_bytes /= n;
  figures.l3_gbps = std::min(figures.l3_gbps, figures.l3_all_gbps / n);
  figures.l3_all_gbps /= n;
  figures.dram_gbps = std::min(figures.dram_gbps, figures.dram_all_gbps / n);
  figures.dram_all_gbps /= n;
  return figures;
}

double PreprocessUs(const std::optional<Descriptor>& descriptor) {
  if (!descriptor) return 0;
  return kPreprocessUsOfValue * 3.0 * descriptor->preprocess.width * descriptor->preprocess.height;
}

double PostprocessUs(const std::optional<Descriptor>& descriptor,
                     const std::vector<TensorInfo>& outputs, int batch) {
  if (!descriptor || descriptor->task != Task::kDetect) return 0;
  // What kAuto means for raw scores that have a background.
  const bool softmax = descriptor->activation == ScoreActivation::kSoftmax ||
                       (descriptor->activation == ScoreActivation::kAuto &&
                        descriptor->detection.background != Background::kNone);
  const double score = softmax ? kPostprocessUsOfSoftmax : kPostprocessUsOfScore;
  double us = 0;
  for (const TensorInfo& output : outputs) {
    const bool known = output.has_shape && std::all_of(output.shape.begin(), output.shape.end(),
                                                       [](std::int64_t size) { return size >= 0; });
    if (!known || output.shape.size() < 3) continue;
    const bool boxes = output.shape.back() == 4;
    us += static_cast<double>(ElementCount(output.shape)) / batch *
          (boxes ? kPostprocessUsOfAnchor / 4 : score);
  }
  return us;
}

MachineFiles FilesOf(const CompileOptions& compile) {
  return {compile.calibration_file, compile.tuning_file, compile.use_cache};
}

bool IsOfKind(const Predictor& predictor, const std::string& cpu, const std::string& set) {
  return predictor.cpu == cpu && predictor.instruction_set == set;
}

std::size_t BytesOf(double mib) { return static_cast<std::size_t>(mib * 1048576); }

std::size_t ProgramBytes() {
  const double program = measure::FileRssMib();
  return BytesOf(program > 0 ? kProgramGrows * program : kUsualProgramMib);
}

}  // namespace

bool HoldsLatency(const Forecast& forecast, const Bounds& bounds) {
  return bounds.latency_us <= 0 ||
         forecast.time.us + forecast.preprocess_us + forecast.postprocess_us <= bounds.latency_us;
}

bool HoldsMemory(const Forecast& forecast, const Bounds& bounds) {
  return bounds.memory_bytes == 0 || forecast.resident_bytes <= bounds.memory_bytes;
}

const Forecast* BestUnder(const std::vector<Forecast>& forecasts, const Bounds& bounds) {
  const Forecast* best = nullptr;
  for (const Forecast& forecast : forecasts) {
    if (!HoldsLatency(forecast, bounds) || !HoldsMemory(forecast, bounds)) continue;
    if (best == nullptr || forecast.images_per_s > best->images_per_s) best = &forecast;
  }
  return best;
}

// Braces, as what they hold is made in its order: the outline takes the graph.
Foresight::Foresight(NamedNetwork network, const ForeseeOptions& options)
    : Foresight{measure::ShapeChooser(network.graph, options.shapes, network.descriptor),
                network.descriptor, Outline(std::move(network.graph), options.compile), options} {}

Foresight::Foresight(measure::ShapeChooser chooser, std::optional<Descriptor> descriptor,
                     Outline outline, const ForeseeOptions& options)
    : options_(options),
      descriptor_(std::move(descriptor)),
      chooser_(std::move(chooser)),
      outline_(std::move(outline)) {
  notes_ = outline_.notes();
  if (!chooser_.note().empty()) notes_.push_back(chooser_.note());
  const std::string cpu = options.machine ? options.machine->cpu : CpuName();
  const std::string set = options.machine ? options.machine->instruction_set : InstructionSet();
  const Predictor* predictor = options.predictor;
  foreign_ = predictor != nullptr && !IsOfKind(*predictor, cpu, set);
  if (options.machine) {
    figures_ = options.machine->figures;
  } else if (predictor != nullptr && !foreign_) {
    figures_ = predictor->figures;
  } else {
    figures_ = FiguresOf(FilesOf(options.compile));
  }
  if (predictor != nullptr) {  // what it learned of small steps goes with what they cost there
    figures_.step_seconds = predictor->figures.step_seconds;
    figures_.handover_seconds = predictor->figures.handover_seconds;
  }
  if (set != InstructionSet()) {
    notes_.push_back(
        fmt::format("that machine computes with {}, and kernels are chosen as for {} "
                    "here: take the answer as a rough one",
                    set, InstructionSet()));
  }
}

Forecast Foresight::At(int batch, int threads, int instances) const {
  const InputShapes shapes = chooser_.For(batch);
  const Calibration figures = ShareOf(figures_, instances);
  const OutlinedPlan outlined = outline_.At(shapes, threads, &figures);
  Forecast forecast;
  forecast.batch = chooser_.Batch(shapes);
  forecast.threads = threads;
  forecast.instances = instances;
  const std::vector<DataRow> rows = LayerRows(outlined, forecast.batch, threads);
  forecast.time = PredictNetwork(options_.predictor, NetworkRow(outlined, forecast.batch, threads),
                                 rows, foreign_);
  // More threads than cores take turns.
  const double turns = std::max(1.0, static_cast<double>(threads) * instances / options_.cores);
  forecast.time.us *= turns;
  forecast.time.low_us *= turns;
  forecast.time.high_us *= turns;
  forecast.preprocess_us = forecast.batch * PreprocessUs(descriptor_);
  forecast.postprocess_us =
      forecast.batch * PostprocessUs(descriptor_, outlined.plan.outputs, forecast.batch);
  forecast.images_per_s = 1e6 * instances * forecast.batch / std::max(forecast.time.us, 1e-9);
  forecast.memory = outlined.memory;
  const MemoryNeed& need = outlined.memory;
  const std::size_t each = need.session_bytes + need.input_bytes + need.output_bytes +
                           kThreadBytes * static_cast<std::size_t>(threads);
  forecast.program_bytes = ProgramBytes();
  forecast.resident_bytes = BytesOf(kProcessMib) + forecast.program_bytes + need.weight_bytes +
                            need.packed_bytes + need.plan_bytes +
                            each * static_cast<std::size_t>(instances);
  forecast.waiting_steps = outlined.plan.steps.size() - rows.size();
  for (const DataRow& row : rows) {
    LayerForecast layer;
    layer.name = row[RowText::kLayer];
    layer.op = row[RowText::kOp];
    layer.kernel = row[RowText::kKernel];
    layer.physical_us = row[RowNumber::kPhysical];
    layer.us = layer.physical_us;
    if (options_.predictor != nullptr) {
      layer.us = CorrectedUs(*options_.predictor, row);
      layer.known = options_.predictor->Find(layer.kernel) != nullptr;
    }
    forecast.layers.push_back(std::move(layer));
  }
  return forecast;
}

NamedNetwork OpenWithoutWeights(const std::string& name, const ReadOptions& options) {
  const bool is_descriptor =
      HasDescriptor(name) || std::filesystem::path(name).extension() == ".json";
  if (is_descriptor && !IsDemo(name)) {
    Descriptor descriptor = OpenDescriptor(name);
    if (!descriptor.architecture.family.empty()) {
      Graph graph = BuildArchitecture(descriptor.architecture, {.seed = 1, .weights = false});
      return {std::move(graph), std::move(descriptor)};
    }
  }
  ReadOptions without = options;
  without.without_data = true;
  // Zeros that a hostile file claims may still be written to when constants are folded.
  without.limits.total_tensor_bytes = std::min(options.limits.total_tensor_bytes, kMostZeros);
  NamedNetwork network = OpenNetwork(name, without);
  if (!network.descriptor) network.descriptor = DescriptorBeside(name);
  return network;
}

}  // namespace kinglet::characterize
