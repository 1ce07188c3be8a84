#include "apps/cli/picture_runner.h"

#include <chrono>
#include <new>

#include "apps/cli/cli.h"
#include "kinglet/error.h"

namespace kinglet::cli {
namespace {

class Stopwatch {
 public:
  double Lap() {
    const auto now = std::chrono::steady_clock::now();
    const std::chrono::duration<double, std::milli> lap = now - last_;
    last_ = now;
    return lap.count();
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

std::string PictureMessage(const std::string& path, const std::string& what) {
  return what.find(path) == std::string::npos ? path + ": " + what : what;
}

}  // namespace

PictureRunner::PictureRunner(const Model& model, const Descriptor& descriptor,
                             std::int64_t max_pixels)
    : descriptor_(descriptor), session_(model.NewSession()) {
  limits_.max_pixels = max_pixels;
  Tensor input(DataType::kFloat32, PreprocessedShape(descriptor.preprocess));
  pixels_ = input.data<float>();
  inputs_[descriptor.input] = std::move(input);
}

const Tensors& PictureRunner::Run(const std::string& path) {
  Stopwatch watch;
  image_ = ReadImage(path, limits_);
  ms_.decode = watch.Lap();
  Preprocess(image_, descriptor_.preprocess, scratch_, pixels_);
  ms_.preprocess = watch.Lap();
  const Tensors& outputs = session_.Run(inputs_);
  ms_.network = watch.Lap();
  return outputs;
}

void PrintPictureError(const std::string& path, const Error& error) {
  const bool limit = error.code() == ErrorCode::kResource;
  PrintError(PictureMessage(path, error.what()) + (limit ? " (--max-pixels N)" : ""));
}

void PrintPictureError(const std::string& path, const std::bad_alloc&) {
  PrintError(PictureMessage(path, "not enough memory"));
}

}  // namespace kinglet::cli
