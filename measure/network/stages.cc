#include "measure/network/stages.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include "kinglet/error.h"
#include "kinglet/image.h"
#include "measure/common/repeat.h"
#include "measure/common/statistics.h"
#include "models/pipeline/input_writer.h"

namespace kinglet::measure {
namespace {

constexpr int kWidth = 640;
constexpr int kHeight = 480;

// Slopes, soft waves, a few hard edges and noise: about as many bytes as a photograph has.
Image DrawnPicture() {
  Image image{kWidth, kHeight, {}};
  image.pixels.resize(std::size_t{kWidth} * kHeight * 3);
  std::uint32_t noise = 1;
  for (int y = 0; y < kHeight; ++y) {
    for (int x = 0; x < kWidth; ++x) {
      const bool edge = (x / 80 + y / 60) % 3 == 0;
      const double wave =
          40 * std::sin(0.031 * x + 0.017 * y) + 25 * std::sin(0.19 * x) * std::cos(0.13 * y);
      for (int c = 0; c < 3; ++c) {
        noise = noise * 1664525 + 1013904223;
        const double grain = static_cast<double>(noise >> 24) / 255 * 16 - 8;
        const double slope = 60.0 * (c + 1) * x / kWidth / 3 + 50.0 * y / kHeight;
        const double sample = 90 + (edge ? 25 * (c - 1) : 0) + wave + slope + grain;
        *(image.row(y) + 3 * x + c) = static_cast<std::uint8_t>(std::clamp(sample, 0.0, 255.0));
      }
    }
  }
  return image;
}

// Calls `stage` after one call that does not count: the median of what it takes.
double MedianMilliseconds(const std::function<void()>& stage) {
  stage();
  return Median(
      TimeRuns(stage, {.warm_up_ms = 0, .budget_ms = 300, .min_runs = 3, .max_runs = 1000}));
}

}  // namespace

Descriptor SizedAs(Descriptor descriptor, const Shape& shape) {
  PreprocessSpec& spec = descriptor.preprocess;
  const bool rows_last = spec.layout == ImageLayout::kNchw;
  const std::size_t channels = shape.size() - (rows_last ? 3 : 1);
  if ((shape.size() != 3 && shape.size() != 4) || shape[channels] != 3) {
    throw Error(ErrorCode::kInvalidInput, std::string("expected an input of colour pictures as ") +
                                              (rows_last ? "Nx3xHxW" : "NxHxWx3") + ", found " +
                                              ShapeToString(shape));
  }
  const std::size_t rows = shape.size() - (rows_last ? 2 : 3);
  spec.height = static_cast<int>(shape[rows]);
  spec.width = static_cast<int>(shape[rows + 1]);
  if (spec.fit == FitRule::kShortestSide) {
    spec.resize_shortest = std::max({spec.resize_shortest, spec.width, spec.height});
  }
  return descriptor;
}

std::vector<std::uint8_t> DrawnPictureFile() {
  return EncodeImage("picture.jpg", DrawnPicture(), {.jpeg_quality = 90});
}

DetectorStages TimeStages(DetectionDecoder& decoder, Session& session, const TensorInfo& input,
                          const Shape& shape, const std::string& picture) {
  const PreprocessSpec& spec = decoder.descriptor().preprocess;
  const std::int64_t batch = shape.size() == 4 ? shape[0] : 1;
  std::vector<std::uint8_t> file;
  if (picture.empty()) file = DrawnPictureFile();
  Image image;
  DetectorStages stages;
  stages.decode = MedianMilliseconds([&] {
    for (std::int64_t n = 0; n < batch; ++n) {
      image = picture.empty() ? DecodeImage(file, "picture.jpg") : ReadImage(picture);
    }
  });
  Tensors inputs = {{input.name, Tensor(input.type, shape)}};
  InputWriter writer;
  stages.preprocess = MedianMilliseconds([&] {
    for (std::int64_t n = 0; n < batch; ++n) {
      writer.Write(image, spec, inputs.begin()->second, n);
    }
  });
  const Tensors& outputs = session.Run(inputs);
  const PictureSize size = decoder.descriptor().picture_size
                               ? PictureSize{spec.width, spec.height}
                               : PictureSize{image.width, image.height};
  const std::vector<PictureSize> pictures(static_cast<std::size_t>(batch), size);
  stages.postprocess = MedianMilliseconds([&] { decoder.Decode(outputs, pictures); });
  return stages;
}

}  // namespace kinglet::measure
