// From pictures to labels or boxes in one call.
//
//     kinglet::Detector detector("ssd.onnx", {.descriptor = "ssd_mobilenet_v1"});
//     for (const kinglet::Detection& d : detector.Detect("photo.jpg")) {
//       std::printf("%s %.2f\n", detector.Label(d.index).c_str(), d.score);
//     }
//
// What is found is the caller's: nothing in it refers to the classifier or the detector. What they
// say of themselves by reference (labels, descriptor, model, notes) lives as long as they do. Both
// are used by one thread at a time; make one for each. The stages that they put together can be
// called one by one: kinglet/image.h, preprocess.h, model.h, classify.h and detect.h.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "kinglet/classify.h"
#include "kinglet/descriptor.h"
#include "kinglet/detect.h"
#include "kinglet/error.h"
#include "kinglet/image.h"
#include "kinglet/lifetime.h"
#include "kinglet/model.h"
#include "kinglet/onnx.h"

namespace kinglet {

struct PipelineOptions {
  // Name of a descriptor that is part of the library, or a file; "": MODEL.json beside MODEL.onnx.
  std::string descriptor{};
  std::string labels{};      // file with the names of the classes; "": the descriptor's
  int threads = 0;           // 0: as many as the process may really use
  ReadOptions read{};        // of the model's file
  CompileOptions compile{};  // its `threads` are not used
  ImageLimits limits{};      // of pictures that are read from files
  // How many of several pictures go through the network together, where it can take more than one.
  int batch = 8;
  // Classification only: "slim", "torch" or "caffe" instead of the descriptor's rule for colours,
  // crop and scale; the model then needs no descriptor.
  std::string preprocess{};
  // Detection only, instead of what the descriptor says.
  std::string anchors{};  // file; "": MODEL.anchors.json beside the model, or the descriptor's
  std::optional<float> score_threshold{};
  std::optional<float> iou_threshold{};
  std::optional<int> max_detections{};
  std::optional<NmsKind> nms{};
};

// Milliseconds of the last call, over all its pictures.
struct StageTimes {
  double decode = 0;  // 0 for pictures that came decoded
  double preprocess = 0;
  double network = 0;
  double postprocess = 0;
};

// The network's answers are none that its descriptor tells of.
class DescriptorMismatch : public Error {
 public:
  explicit DescriptorMismatch(const std::string& message)
      : Error(ErrorCode::kInvalidModel, message) {}
};

// What is in a picture?
class Classifier {
 public:
  // `model` is an ONNX file, or "demo". Reads, compiles and plans: what is wrong with the model or
  // its descriptor is found here. Throws Error as ReadOnnx, FitDescriptor and Model::Compile do,
  // and Error(kInvalidInput) when there is no descriptor, when it is that of a detector, and when
  // the file of labels does not fit the number of classes.
  explicit Classifier(const std::string& model, const PipelineOptions& options = {});
  Classifier(Classifier&&) noexcept;
  Classifier& operator=(Classifier&&) noexcept;
  ~Classifier();

  // The `count` best classes, best first (TopScores); a single kNoneOfThese with score 0 where the
  // descriptor has a rule that tells pictures of none of them (Rejection). Throws Error as
  // ReadImage, Preprocess and Session::Run do; the classifier stays usable.
  std::vector<ClassScore> Classify(const std::string& picture, std::size_t count = 5);
  std::vector<ClassScore> Classify(const Image& picture, std::size_t count = 5);
  // The same for each of the files. An error in one of them is an error of the whole call.
  std::vector<std::vector<ClassScore>> ClassifyAll(const std::vector<std::string>& pictures,
                                                   std::size_t count = 5);
  // One score for each class, whatever the picture shows.
  std::vector<float> Scores(const Image& picture);

  std::size_t classes() const;
  // One for each class, or none.
  const std::vector<std::string>& labels() const KINGLET_LIFETIMEBOUND;
  std::string Label(std::size_t index) const;  // or "class 7"; of kNoneOfThese "none of these"

  const std::string& name() const KINGLET_LIFETIMEBOUND;       // the model as it was given
  const Descriptor& descriptor() const KINGLET_LIFETIMEBOUND;  // fitted to the model
  Model& model() KINGLET_LIFETIMEBOUND;
  const Model& model() const KINGLET_LIFETIMEBOUND;
  int threads() const;
  // What a person should know: guesses, files that were ignored, labels that do not fit.
  const std::vector<std::string>& notes() const KINGLET_LIFETIMEBOUND;
  StageTimes times() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// Where is what in a picture?
class Detector {
 public:
  // `model` is an ONNX file, or "demo_detector". Reads, compiles and, where the size of the input
  // is known, plans: what is wrong with the model or its descriptor is found here. Throws as
  // Classifier does, Error for anchors that cannot be read, DescriptorMismatch when boxes, scores
  // and anchors do not fit each other, and Error(kInvalidInput) for an iou_threshold or nms where
  // the network itself does non-maximum suppression.
  explicit Detector(const std::string& model, const PipelineOptions& options = {});
  Detector(Detector&&) noexcept;
  Detector& operator=(Detector&&) noexcept;
  ~Detector();

  // What is found, best first, in pixels of the picture. Throws Error as ReadImage, Preprocess and
  // Session::Run do, and DescriptorMismatch; the detector stays usable.
  std::vector<Detection> Detect(const std::string& picture);
  std::vector<Detection> Detect(const Image& picture);
  // The same for each of the files. An error in one of them is an error of the whole call.
  std::vector<std::vector<Detection>> DetectAll(const std::vector<std::string>& pictures);

  // One for each class, or none.
  const std::vector<std::string>& labels() const KINGLET_LIFETIMEBOUND;
  std::string Label(std::size_t index) const;  // or "class 7"

  const std::string& name() const KINGLET_LIFETIMEBOUND;  // the model as it was given
  // Fitted to the model, with what the options change.
  const Descriptor& descriptor() const KINGLET_LIFETIMEBOUND;
  Model& model() KINGLET_LIFETIMEBOUND;
  const Model& model() const KINGLET_LIFETIMEBOUND;
  int threads() const;
  // What a person should know: guesses, files that were ignored, labels that do not fit.
  const std::vector<std::string>& notes() const KINGLET_LIFETIMEBOUND;
  StageTimes times() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kinglet
