#include "apps/cli/picture_runner.h"

#include <algorithm>
#include <cmath>
#include <new>

#include "apps/cli/cli.h"
#include "apps/cli/progress.h"
#include "kinglet/error.h"

namespace kinglet::cli {
namespace {

std::string PictureMessage(const std::string& path, const std::string& what) {
  return what.find(path) == std::string::npos ? path + ": " + what : what;
}

}  // namespace

void InputWriter::Write(const Image& image, const PreprocessSpec& spec, Tensor& input,
                        std::int64_t n) {
  const std::int64_t size = ElementCount(PreprocessedShape(spec));
  if (input.type() == DataType::kFloat32) {
    Preprocess(image, spec, scratch_, input.data<float>() + n * size);
    return;
  }
  samples_.resize(static_cast<std::size_t>(size));
  Preprocess(image, spec, scratch_, samples_.data());
  std::transform(samples_.begin(), samples_.end(), input.data<std::uint8_t>() + n * size,
                 [](float x) {
                   return static_cast<std::uint8_t>(std::clamp(std::nearbyint(x), 0.0f, 255.0f));
                 });
}

PictureRunner::PictureRunner(const Model& model, const Descriptor& descriptor,
                             std::int64_t max_pixels)
    : descriptor_(descriptor), session_(model.NewSession()) {
  limits_.max_pixels = max_pixels;
  for (const TensorInfo& info : model.inputs()) {
    if (info.name == descriptor.input) input_ = info;
  }
  MakeInput(descriptor.preprocess);
}

void PictureRunner::MakeInput(const PreprocessSpec& spec) {
  spec_ = spec;
  inputs_[descriptor_.input] = Tensor(input_.type, InputShape(spec, input_));
}

const Tensors& PictureRunner::Run(const std::string& path) {
  Stopwatch watch;
  image_ = ReadImage(path, limits_);
  ms_.decode = watch.Lap();
  if (descriptor_.picture_size && (spec_.width != image_.width || spec_.height != image_.height)) {
    PreprocessSpec spec = descriptor_.preprocess;
    spec.width = image_.width;
    spec.height = image_.height;
    MakeInput(spec);
  }
  writer_.Write(image_, spec_, inputs_[descriptor_.input]);
  ms_.preprocess = watch.Lap();
  const Tensors& outputs = session_.Run(inputs_);
  ms_.network = watch.Lap();
  return outputs;
}

Shape InputShape(const PreprocessSpec& spec, const TensorInfo& input) {
  Shape shape = PreprocessedShape(spec);
  if (input.has_shape && input.shape.size() == 3) shape.erase(shape.begin());
  return shape;
}

void PrintPictureError(const std::string& path, const Error& error) {
  const bool limit = error.code() == ErrorCode::kResource;
  PrintError(PictureMessage(path, error.what()) + (limit ? " (--max-pixels N)" : ""));
}

void PrintPictureError(const std::string& path, const std::bad_alloc&) {
  PrintError(PictureMessage(path, "not enough memory"));
}

std::size_t ForEachPicture(const std::vector<std::string>& paths, bool progress_bar,
                           const std::function<void(const std::string&)>& body) {
  std::size_t done = 0;
  Progress progress(paths.size(), progress_bar);
  for (std::size_t i = 0; i < paths.size(); ++i) {
    progress.Show(i, paths[i]);
    try {
      body(paths[i]);
      ++done;
    } catch (const Error& error) {
      PrintPictureError(paths[i], error);
    } catch (const std::bad_alloc& error) {
      PrintPictureError(paths[i], error);
    }
  }
  return done;
}

}  // namespace kinglet::cli
