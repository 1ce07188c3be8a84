#include "characterize/split/split.h"

#include <algorithm>
#include <functional>
#include <optional>

#include "characterize/common/picture_input.h"
#include "characterize/profile/profile.h"
#include "characterize/split/scene.h"
#include "kinglet/detect.h"
#include "kinglet/error.h"
#include "kinglet/image.h"
#include "kinglet/network.h"
#include "measure/common/json_reader.h"
#include "measure/common/statistics.h"
#include "measure/network/stages.h"

namespace kinglet::characterize {
namespace {

// The network as it is, or built anew for another number of classes.
NamedNetwork OpenWithClasses(const SplitOptions& options) {
  if (options.classes == 0) return OpenNetwork(options.network, options.read);
  Descriptor descriptor = OpenDescriptor(options.network);
  if (descriptor.architecture.family.empty() || descriptor.task != Task::kDetect) {
    throw Error(ErrorCode::kInvalidInput,
                options.network +
                    ": its number of classes cannot be changed; --classes is for detectors that "
                    "a descriptor builds ('kinglet models')");
  }
  const int background = descriptor.detection.background == Background::kNone ? 0 : 1;
  descriptor.architecture.classes = options.classes + background;
  Graph graph = BuildArchitecture(descriptor.architecture);
  return {std::move(graph), std::move(descriptor)};
}

Descriptor DetectorOf(const SplitOptions& options, const NamedNetwork& network) {
  std::optional<Descriptor> descriptor = network.descriptor;
  if (!options.descriptor.empty()) descriptor = OpenDescriptor(options.descriptor);
  if (!descriptor) descriptor = DescriptorBeside(options.network);
  if (!descriptor || descriptor->task != Task::kDetect) {
    throw Error(ErrorCode::kInvalidInput,
                options.network + (descriptor ? ": is no detector" : ": has no descriptor") +
                    ", and only detectors are split (--descriptor names what it is)");
  }
  return FitDescriptor(*std::move(descriptor), network.graph);
}

// Outputs {1, anchors, 4} and {1, anchors, columns} like those of a trained network, where the
// network has such; else none.
std::optional<Tensors> MadeUpOutputs(const Descriptor& descriptor, const Tensors& outputs) {
  const DetectionSpec& spec = descriptor.detection;
  const auto boxes = outputs.find(spec.boxes);
  const auto scores = outputs.find(spec.scores);
  const bool plain = boxes != outputs.end() && scores != outputs.end() &&
                     scores->second.shape().size() == 3 && scores->second.shape()[2] >= 2 &&
                     spec.background == Background::kFirst &&
                     boxes->second.shape() == Shape{1, scores->second.shape()[1], 4};
  if (!plain || spec.nms == NmsKind::kNone) return std::nullopt;
  const Shape& shape = scores->second.shape();
  const Scene scene = MakeScene(shape[1], shape[2]);
  return Tensors{{spec.boxes, Tensor::From<float>({1, shape[1], 4}, scene.codes)},
                 {spec.scores, Tensor::From<float>(shape, scene.scores)}};
}

// What is measured of one picture after the other.
class Splitter {
 public:
  Splitter(const SplitOptions& options, Descriptor descriptor, Model model, bool random_weights)
      : options_(options),
        descriptor_(std::move(descriptor)),
        model_(std::move(model)),
        session_(model_.NewSession({.threads = options.threads})),
        input_(descriptor_, InputOf(descriptor_, model_.inputs())),
        decoder_(descriptor_, {options.threads,
                               random_weights ? std::string() : AnchorsBeside(options.network)}),
        random_weights_(random_weights) {
    if (options_.pictures.empty()) drawn_ = measure::DrawnPictureFile();
  }

  DetectorSplit Measure() {
    DetectorSplit split;
    split.network = options_.network;
    split.threads = options_.threads;
    split.pictures = std::max<std::size_t>(options_.pictures.size(), 1);
    const Image first = ReadPicture(0);
    const Tensors& outputs = session_.Run(input_.Prepare(first));
    if (random_weights_) made_up_ = MadeUpOutputs(descriptor_, outputs);
    split.made_up = made_up_.has_value();
    TakeTimes(split);
    split.parts = NetworkPartsFor(first);
    return split;
  }

 private:
  Image ReadPicture(std::size_t picture) const {
    if (options_.pictures.empty()) return DecodeImage(drawn_, "the drawn picture");
    return ReadImage(options_.pictures[picture % options_.pictures.size()]);
  }

  static double Timed(std::vector<double>& times, const std::function<void()>& stage) {
    const double start = measure::SteadySeconds();
    stage();
    times.push_back(1e3 * (measure::SteadySeconds() - start));
    return times.back();
  }

  void TakeTimes(DetectorSplit& split) {
    std::vector<double> read, prepare, network, answer;
    DecodeTimes parts;
    std::size_t detections = 0;
    const double begin = measure::SteadySeconds();
    std::size_t runs = 0;
    while (runs < std::max<std::size_t>(split.pictures, kLeastPictures) ||
           measure::SteadySeconds() - begin < options_.budget_seconds) {
      Image image;
      const Tensors* inputs = nullptr;
      const Tensors* outputs = nullptr;
      Timed(read, [&] { image = ReadPicture(runs); });
      Timed(prepare, [&] { inputs = &input_.Prepare(image); });
      Timed(network, [&] { outputs = &session_.Run(*inputs); });
      if (made_up_) outputs = &*made_up_;
      const PictureSize size{image.width, image.height};
      Timed(answer, [&] { detections += decoder_.Decode(*outputs, {{size}}).front().size(); });
      decoder_.Decode(*outputs, {{size}}, &parts);
      if (++runs >= kMostPictures) break;
    }
    split.read_ms = measure::Median(read);
    split.prepare_ms = measure::Median(prepare);
    split.network_ms = measure::Median(network);
    split.answer_ms = measure::Median(answer);
    split.detections = static_cast<double>(detections) / static_cast<double>(runs);
    // The shares of the parts, of a time that was taken without clocks in between.
    const double all = parts.choose + parts.decode + parts.suppress + parts.other;
    const double scale = all > 0 ? split.answer_ms / all : 0;
    split.choose_ms = scale * parts.choose;
    split.decode_ms = scale * parts.decode;
    split.suppress_ms = scale * parts.suppress;
    split.other_ms = scale * parts.other;
  }

  NetworkParts NetworkPartsFor(const Image& picture) {
    const Tensors inputs = input_.Prepare(picture);
    ProfileOptions profiling;
    profiling.threads = options_.threads;
    profiling.counters.mode = CounterMode::kOff;
    profiling.inputs = &inputs;
    profiling.budget_seconds = options_.budget_seconds / 2;
    const NetworkProfile profile =
        ProfileModel(model_, {{descriptor_.input, inputs.begin()->second.shape()}}, profiling);
    std::vector<StepInfo> steps;
    std::vector<double> seconds;
    for (const LayerProfile& layer : profile.layers) {
      steps.push_back(layer.step);
      seconds.push_back(layer.seconds);
    }
    return PartsOf(steps, seconds);
  }

  static constexpr std::size_t kLeastPictures = 9;
  static constexpr std::size_t kMostPictures = 100'000;

  const SplitOptions& options_;
  const Descriptor descriptor_;
  Model model_;
  Session session_;
  PictureInput input_;
  DetectionDecoder decoder_;
  bool random_weights_;
  std::vector<std::uint8_t> drawn_;  // file
  std::optional<Tensors> made_up_;
};

measure::JsonReader::Json CountsJson(const StepCounts& counts) {
  constexpr double kDigits = 1e4;
  return {{"operators", counts.operators},
          {"conversions", counts.conversions},
          {"copies", counts.copies},
          {"ms", measure::Rounded(counts.ms(), kDigits)},
          {"operator_ms", measure::Rounded(counts.operator_ms, kDigits)},
          {"conversion_ms", measure::Rounded(counts.conversion_ms, kDigits)},
          {"copy_ms", measure::Rounded(counts.copy_ms, kDigits)}};
}

}  // namespace

DetectorSplit SplitDetector(const SplitOptions& options) {
  NamedNetwork network = OpenWithClasses(options);
  Descriptor descriptor = DetectorOf(options, network);
  const bool random_weights = network.descriptor.has_value() && !IsDemo(options.network);
  CompileOptions compile = options.compile;
  compile.threads = options.threads;
  Model model = Model::Compile(std::move(network.graph), compile);
  const std::size_t classes = CountDetectorClasses(descriptor, model.outputs());
  Splitter splitter(options, std::move(descriptor), std::move(model), random_weights);
  DetectorSplit split = splitter.Measure();
  split.classes = options.classes > 0 ? options.classes : static_cast<int>(classes);
  return split;
}

std::string SplitJson(const DetectorSplit& split) {
  constexpr int kSplitFormat = 1;
  const auto ms = [](double value) { return measure::Rounded(value, 1e4); };
  measure::JsonReader::Json json = {{"model", split.network},
                                    {"classes", split.classes},
                                    {"threads", split.threads},
                                    {"pictures", split.pictures},
                                    {"scores", split.made_up ? "made up" : "the network's"},
                                    {"detections", measure::Rounded(split.detections, 1e2)}};
  json["ms"] = {{"read", ms(split.read_ms)},
                {"preprocess", ms(split.prepare_ms)},
                {"network", ms(split.network_ms)},
                {"postprocess", ms(split.answer_ms)}};
  json["postprocess_ms"] = {{"choose", ms(split.choose_ms)},
                            {"decode", ms(split.decode_ms)},
                            {"suppress", ms(split.suppress_ms)},
                            {"other", ms(split.other_ms)}};
  json["network_steps"] = {{"before", CountsJson(split.parts.before)},
                           {"body", CountsJson(split.parts.body)},
                           {"behind", CountsJson(split.parts.behind)}};
  json["format"] = kSplitFormat;
  return measure::CompactJson(json) + "\n";
}

}  // namespace kinglet::characterize
