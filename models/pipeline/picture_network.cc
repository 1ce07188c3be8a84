#include "models/pipeline/picture_network.h"

#include <algorithm>
#include <filesystem>

#include "kinglet/network.h"
#include "kinglet/onnx.h"

namespace kinglet {
namespace {

CompileOptions WithThreads(CompileOptions compile, int threads) {
  compile.threads = threads;
  return compile;
}

// A file comes before a demo network of that name.
bool NamesDemo(const std::string& model) {
  std::error_code error;
  return IsDemo(model) && !std::filesystem::is_regular_file(model, error);
}

}  // namespace

Graph OpenWeights(const std::string& model, const ReadOptions& options) {
  if (!NamesDemo(model)) return ReadOnnx(model, options);
  const std::span<const std::byte> bytes = DemoBytes(model);
  if (bytes.empty()) {
    throw Error(ErrorCode::kInvalidInput,
                "'" + model + "' is not part of this build: name an ONNX file");
  }
  return ReadOnnxBytes(bytes, model);
}

std::optional<Descriptor> ChooseDescriptor(const std::string& model,
                                           const PipelineOptions& options) {
  if (!options.descriptor.empty()) return OpenDescriptor(options.descriptor);
  if (NamesDemo(model)) return FindDescriptor(model);
  return DescriptorBeside(model);
}

void ThrowNoDescriptor(const std::string& model, bool rule) {
  const std::string draft = std::filesystem::path(model).replace_extension(".json").string();
  throw Error(ErrorCode::kInvalidInput,
              model +
                  ": has no descriptor, so how pictures become its input is not known: name one "
                  "(--descriptor; kinglet models lists them)" +
                  (rule ? ", a rule (--preprocess)," : "") +
                  " or draft one with kinglet describe " + model + " -o " + draft);
}

std::string LabelOr(const std::vector<std::string>& labels, std::size_t index) {
  return index < labels.size() ? labels[index] : "class " + std::to_string(index);
}

PictureNetwork::PictureNetwork(std::string name_, Graph graph, const PipelineOptions& options,
                               std::vector<std::string>& notes)
    : name(std::move(name_)),
      model(Model::Compile(std::move(graph), WithThreads(options.compile, options.threads))),
      threads(model.threads()),
      limits_(options.limits),
      batch_(std::max(options.batch, 1)) {
  notes.insert(notes.end(), model.notes().begin(), model.notes().end());
}

void PictureNetwork::Describe(const Descriptor& fitted) {
  descriptor_ = &fitted;
  for (const TensorInfo& info : model.inputs()) {
    if (info.name == fitted.input) input_ = info;
  }
  const bool free_batch = !input_.has_shape || (input_.shape.size() == 4 && input_.shape[0] < 0);
  // Finished detections are often those of one picture, whatever the input says.
  const bool finished = fitted.task == Task::kDetect && fitted.detection.nms == NmsKind::kNone;
  together_ = free_batch && !finished && !fitted.picture_size ? batch_ : 1;
}

const Tensors& PictureNetwork::Run(std::span<const Image> pictures) {
  Stopwatch watch;
  PreprocessSpec spec = descriptor_->preprocess;
  if (descriptor_->picture_size) {
    spec.width = pictures.front().width;
    spec.height = pictures.front().height;
  }
  const Shape shape = InputShape(spec, input_, static_cast<std::int64_t>(pictures.size()));
  Tensor& input = inputs_[descriptor_->input];
  if (!input.defined() || input.shape() != shape) input = Tensor(input_.type, shape);
  for (std::size_t n = 0; n < pictures.size(); ++n) {
    writer_.Write(pictures[n], spec, input, static_cast<std::int64_t>(n));
  }
  times.preprocess += watch.Lap();
  if (!session_) session_ = model.NewSession();
  const Tensors& outputs = session_->Run(inputs_);
  times.network += watch.Lap();
  return outputs;
}

std::vector<TensorInfo> PictureNetwork::PlannedOutputs() const {
  if (descriptor_->picture_size) return model.outputs();
  return model.Describe({{descriptor_->input, InputShape(descriptor_->preprocess, input_)}})
      .outputs;
}

}  // namespace kinglet
