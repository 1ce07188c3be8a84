#include "kinglet/network.h"
#include "kinglet/pipeline.h"
#include "models/pipeline/labels.h"
#include "models/pipeline/picture_network.h"

namespace kinglet {
namespace {

void Override(const PipelineOptions& options, const std::string& name, DetectionSpec& spec) {
  if (options.score_threshold) spec.score_threshold = *options.score_threshold;
  if (options.max_detections) spec.max_detections = *options.max_detections;
  if (spec.nms == NmsKind::kNone && (options.iou_threshold || options.nms)) {
    throw Error(ErrorCode::kInvalidInput,
                name +
                    ": the network does non-maximum suppression itself, so another IoU "
                    "threshold or kind of suppression changes nothing");
  }
  if (options.iou_threshold) spec.iou_threshold = *options.iou_threshold;
  if (options.nms) spec.nms = *options.nms;
}

Descriptor FittedDescriptor(const std::string& model, const Graph& graph,
                            const PipelineOptions& options, std::vector<std::string>& notes) {
  std::optional<Descriptor> descriptor = ChooseDescriptor(model, options);
  if (!descriptor) ThrowNoDescriptor(model, false);
  if (descriptor->task != Task::kDetect) {
    throw Error(ErrorCode::kInvalidInput,
                "descriptor '" + descriptor->name +
                    "' is of a classifier, and detecting needs a detector (task 'detect'); "
                    "kinglet classify and kinglet::Classifier run classifiers");
  }
  descriptor->notes.clear();  // what a person should have checked
  Descriptor fitted = FitDescriptor(*std::move(descriptor), graph);
  for (const std::string& note : fitted.notes) notes.push_back(model + ": " + note);
  Override(options, model, fitted.detection);
  return fitted;
}

std::string ChooseAnchors(const std::string& model, const Descriptor& descriptor,
                          const PipelineOptions& options, std::vector<std::string>& notes) {
  if (!options.anchors.empty() || !HasAnchors(descriptor.detection.box_coding)) {
    return options.anchors;
  }
  std::string anchors = IsDemo(model) ? "" : AnchorsBeside(model);
  if (!anchors.empty()) notes.push_back("anchors from " + anchors);
  return anchors;
}

std::string DoesNotFit(const std::string& name, const Descriptor& descriptor, const Error& error) {
  return name + ": the network and its descriptor '" + descriptor.name +
         "' do not fit: " + error.what();
}

}  // namespace

class Detector::Impl {
 public:
  Impl(const std::string& model, Graph graph, const PipelineOptions& options)
      : descriptor(FittedDescriptor(model, graph, options, notes)),
        anchors(ChooseAnchors(model, descriptor, options, notes)),
        network(model, std::move(graph), options, notes) {
    network.Describe(descriptor);
    const std::vector<TensorInfo> outputs = network.PlannedOutputs();
    labels = DetectorLabels(model, descriptor, options.labels, outputs, notes);
    decoder.emplace(descriptor, DetectionDecoderOptions{network.threads, anchors});
    try {
      decoder->CheckOutputs(outputs);
      if (!decoder->TakesBatches(outputs)) network.OneAtATime();
    } catch (const Error& error) {
      throw DescriptorMismatch(DoesNotFit(model, descriptor, error));
    }
  }

  std::vector<std::vector<Detection>> Detect(std::span<const Image> pictures) {
    const Tensors& outputs = network.Run(pictures);
    std::vector<PictureSize> sizes;
    for (const Image& picture : pictures) sizes.push_back({picture.width, picture.height});
    Stopwatch watch;
    try {
      auto found = decoder->Decode(outputs, sizes);
      network.times.postprocess += watch.Lap();
      return found;
    } catch (const Error& error) {
      if (error.code() != ErrorCode::kInvalidModel) throw;
      throw DescriptorMismatch(DoesNotFit(network.name, descriptor, error));
    }
  }

  std::vector<std::string> notes;
  Descriptor descriptor;
  std::string anchors;  // file
  PictureNetwork network;
  std::vector<std::string> labels;
  std::optional<DetectionDecoder> decoder;
};

Detector::Detector(const std::string& model, const PipelineOptions& options)
    : impl_(std::make_unique<Impl>(model, OpenWeights(model, options.read), options)) {}

Detector::Detector(Detector&&) noexcept = default;
Detector& Detector::operator=(Detector&&) noexcept = default;
Detector::~Detector() = default;

std::vector<Detection> Detector::Detect(const std::string& picture) {
  return std::move(DetectAll({picture}).front());
}

std::vector<Detection> Detector::Detect(const Image& picture) {
  impl_->network.times = {};
  return std::move(impl_->Detect({&picture, 1}).front());
}

std::vector<std::vector<Detection>> Detector::DetectAll(const std::vector<std::string>& pictures) {
  impl_->network.times = {};
  std::vector<std::vector<Detection>> found;
  impl_->network.ForEachGroup(pictures, [&](std::span<const Image> group) {
    for (auto& of_picture : impl_->Detect(group)) found.push_back(std::move(of_picture));
  });
  return found;
}

const std::vector<std::string>& Detector::labels() const { return impl_->labels; }
std::string Detector::Label(std::size_t index) const { return LabelOr(impl_->labels, index); }
const std::string& Detector::name() const { return impl_->network.name; }
const Descriptor& Detector::descriptor() const { return impl_->descriptor; }
Model& Detector::model() { return impl_->network.model; }
const Model& Detector::model() const { return impl_->network.model; }
int Detector::threads() const { return impl_->network.threads; }
const std::vector<std::string>& Detector::notes() const { return impl_->notes; }
StageTimes Detector::times() const { return impl_->network.times; }

}  // namespace kinglet
