// Whether a network may run in less than float32: its answers to pictures in each precision,
// compared with those in float32, and how long they take.
//
//     kinglet::PrecisionChecker checker("mobilenet_v2.onnx", {.pipeline = {.descriptor =
//                                                                          "mobilenet_v2"}});
//     for (const std::string& file : files) checker.Add(kinglet::ReadImage(file));
//     checker.Save();  // Precision::kAuto takes the fastest that is allowed from now on
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "kinglet/agreement.h"
#include "kinglet/image.h"
#include "kinglet/pipeline.h"
#include "kinglet/precision.h"
#include "kinglet/verdict.h"

namespace kinglet {

struct CheckOptions {
  PipelineOptions pipeline{};  // descriptor, anchors, threads, read, compile
  // The share of the answers that may differ (Agreement::Within).
  double budget = 0.005;
  // An ONNX file, or the name of a demo network, whose answers in float32 are compared with: what a
  // quantised model was made of. "": the model's own.
  std::string reference{};
};

struct CheckedPrecision {
  Precision precision = Precision::kFloat32;
  double milliseconds = 0;  // of the network for one picture: the median
  Agreement agreement;      // with float32
  // Within the budget; and what the model says where it is compared with itself: float32, and int8
  // of a quantised one.
  bool allowed = true;
  std::vector<std::string> notes;  // of the model, compiled so
};

// What Precision::kAuto goes by of them.
PrecisionVerdicts VerdictsOf(const std::vector<CheckedPrecision>& results);

class PrecisionChecker {
 public:
  // `model` is an ONNX file, or the name of a demo network. Compiles it in float32, in bfloat16,
  // and, where it is quantised, in int8. Throws Error as Classifier and Detector do.
  explicit PrecisionChecker(const std::string& model, const CheckOptions& options = {});
  PrecisionChecker(PrecisionChecker&&) noexcept;
  PrecisionChecker& operator=(PrecisionChecker&&) noexcept;
  ~PrecisionChecker();

  // Runs the picture in all precisions in turn; of a classifier, the best class in each, in the
  // order of Results. Throws Error as Classifier::Classify does.
  std::vector<ClassScore> Add(const Image& picture);

  std::string Label(std::size_t index) const;  // of a class, or "class 7"

  // Of the pictures so far, float32 first.
  std::vector<CheckedPrecision> Results() const;
  // Keeps them for Precision::kAuto in the file ("": in the user's cache folder). Throws Error
  // as SaveVerdicts (kinglet/verdict.h) does, and Error(kInvalidInput) before any picture.
  void Save(const std::string& file = "") const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace kinglet
