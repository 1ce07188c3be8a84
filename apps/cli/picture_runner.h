// From the file of a picture to the outputs of a network, stage by stage.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <new>
#include <string>
#include <vector>

#include "kinglet/descriptor.h"
#include "kinglet/error.h"
#include "kinglet/image.h"
#include "kinglet/model.h"
#include "kinglet/preprocess.h"

namespace kinglet::cli {

class Stopwatch {
 public:
  // Milliseconds since the last call, or since the watch was made.
  double Lap() {
    const auto now = std::chrono::steady_clock::now();
    const std::chrono::duration<double, std::milli> lap = now - last_;
    last_ = now;
    return lap.count();
  }

 private:
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

struct StageMilliseconds {
  double decode = 0;
  double preprocess = 0;
  double network = 0;
};

// The shape of one picture for this input of a network, with or without a batch axis.
Shape InputShape(const PreprocessSpec& spec, const TensorInfo& input);

// Pictures as a network takes them.
class InputWriter {
 public:
  // Makes the picture the `n`th of the batch in `input`, which has the size of `spec`, and as type
  // float32 or uint8. Throws Error.
  void Write(const Image& image, const PreprocessSpec& spec, Tensor& input, std::int64_t n = 0);

 private:
  PreprocessScratch scratch_;
  std::vector<float> samples_;  // of pictures that the network takes as bytes
};

class PictureRunner {
 public:
  // `descriptor` is fitted to the model, and both outlive the runner.
  PictureRunner(const Model& model, const Descriptor& descriptor, std::int64_t max_pixels);

  // The outputs stay valid until the next call. Throws Error, std::bad_alloc.
  const Tensors& Run(const std::string& path);
  // Of the last picture.
  const Image& image() const { return image_; }
  const StageMilliseconds& ms() const { return ms_; }

 private:
  void MakeInput(const PreprocessSpec& spec);

  const Descriptor& descriptor_;
  TensorInfo input_;
  Session session_;
  ImageLimits limits_;
  InputWriter writer_;
  Tensors inputs_;
  PreprocessSpec spec_;  // of the input that was made last
  Image image_;
  StageMilliseconds ms_;
};

// Prints what is wrong with one picture: the message names the file, and the option where a limit
// is what stopped it.
void PrintPictureError(const std::string& path, const Error& error);
void PrintPictureError(const std::string& path, const std::bad_alloc&);

// Calls `body` for each of the pictures, with a progress bar; prints what is wrong with one and
// goes on. Returns how many were done.
std::size_t ForEachPicture(const std::vector<std::string>& paths, bool progress_bar,
                           const std::function<void(const std::string&)>& body);

}  // namespace kinglet::cli
