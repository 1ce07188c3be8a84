// From the outputs of a detector to boxes in its pictures.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kinglet/descriptor.h"
#include "kinglet/graph.h"
#include "kinglet/image.h"
#include "kinglet/lifetime.h"
#include "kinglet/tensor.h"

namespace kinglet {

// A box in pixels of the picture; the corner (x1, y1) is the upper left one. Pixel i covers i to
// i + 1.
struct Detection {
  std::size_t index = 0;  // of the class, the background not counted: the line of the label file
  float score = 0;
  float x1 = 0, y1 = 0, x2 = 0, y2 = 0;
  // Where the network has them (of faces: eyes, nose, corners of the mouth), in its order. They may
  // lie outside the box and outside the picture.
  std::vector<PicturePoint> landmarks{};
};

struct PictureSize {
  int width = 0, height = 0;  // pixels
};

struct DetectionDecoderOptions {
  int threads = 1;           // for the pictures of a batch
  std::string anchors_file;  // instead of the descriptor's anchors, as AnchorGenerator::kFile
};

// Seconds of the parts of decoding one answer of a network, all pictures of the batch and all
// threads together.
struct DecodeTimes {
  double choose = 0;    // scores that pass the threshold, and the best of all classes
  double decode = 0;    // codes and anchors to boxes
  double suppress = 0;  // non-maximum suppression
  double other = 0;     // rows that are gathered from feature maps, boxes back in the picture
};

// Decodes, thresholds, suppresses and maps back what one network answers. Used by one thread at a
// time; keeps its working memory.
class DetectionDecoder {
 public:
  // `fitted` is what FitDescriptor gave, of a detector. Throws Error(kInvalidModel, kInvalidInput,
  // kIo, kResource) when its anchors cannot be made or read.
  explicit DetectionDecoder(Descriptor fitted, const DetectionDecoderOptions& options = {});
  DetectionDecoder(DetectionDecoder&&) noexcept;
  DetectionDecoder& operator=(DetectionDecoder&&) noexcept;
  ~DetectionDecoder();

  // Whether this network is the descriptor's: that boxes, scores and anchors fit each other, as far
  // as these outputs (of a plan: PlanInfo::outputs) have known shapes. Nothing for finished
  // detections, and where the input has each picture's own size. Throws Error(kInvalidModel).
  void CheckOutputs(const std::vector<TensorInfo>& outputs) const;

  // The detections of each picture of the batch, best first. `pictures` has the sizes of the
  // pictures that were preprocessed as the descriptor says. Boxes are clipped to the picture; those
  // with NaN, or without area in the picture, are left out. Throws Error(kInvalidModel) when
  // outputs are missing or their types and shapes do not fit each other, the anchors or the number
  // of pictures. `times`, where not null, gets what the parts took added; reading clocks costs some
  // percent then. Detections that the graph has finished count as `other`.
  std::vector<std::vector<Detection>> Decode(const Tensors& outputs,
                                             std::span<const PictureSize> pictures,
                                             DecodeTimes* times = nullptr);

  // Whether outputs of a plan for one picture have a batch axis that can be longer.
  bool TakesBatches(const std::vector<TensorInfo>& outputs) const;

  const Descriptor& descriptor() const KINGLET_LIFETIMEBOUND;

  class Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

// Classes that the scores of a detector tell apart, as its descriptor counts them (without the
// background); 0 where the outputs do not say. `outputs` are those of a plan or a model.
std::size_t CountDetectorClasses(const Descriptor& fitted, const std::vector<TensorInfo>& outputs);

}  // namespace kinglet
