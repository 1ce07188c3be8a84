// From the file of a picture to the outputs of a network, stage by stage.
#pragma once

#include <cstdint>
#include <new>
#include <string>

#include "kinglet/descriptor.h"
#include "kinglet/error.h"
#include "kinglet/image.h"
#include "kinglet/model.h"
#include "kinglet/preprocess.h"

namespace kinglet::cli {

struct StageMilliseconds {
  double decode = 0;
  double preprocess = 0;
  double network = 0;
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
  const Descriptor& descriptor_;
  Session session_;
  ImageLimits limits_;
  PreprocessScratch scratch_;
  Tensors inputs_;
  float* pixels_ = nullptr;
  Image image_;
  StageMilliseconds ms_;
};

// Prints what is wrong with one picture: the message names the file, and the option where a limit
// is what stopped it.
void PrintPictureError(const std::string& path, const Error& error);
void PrintPictureError(const std::string& path, const std::bad_alloc&);

}  // namespace kinglet::cli
