// What a network says of pictures, and how two answers are compared.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "kinglet/agreement.h"
#include "kinglet/detect.h"
#include "kinglet/evaluate.h"
#include "kinglet/pipeline.h"
#include "models/pipeline/input_writer.h"

namespace kinglet {

// A network's inputs and outputs as its descriptor tells them.
class DescribedNetwork {
 public:
  // `graph` is the one of `model`, a file or the name of a demo network. Throws Error as Classifier
  // and Detector do.
  DescribedNetwork(const std::string& model, const Graph& graph, const PipelineOptions& options);

  // The picture as the network takes it.
  Tensors InputOf(const Image& picture);
  InputShapes ShapesOf(const Tensors& inputs) const;
  // Those of one picture; none where each picture has its own.
  std::optional<InputShapes> KnownShapes() const;

  const Descriptor& descriptor() const { return descriptor_; }
  const std::string& anchors() const { return anchors_; }  // file; "": the descriptor's

 private:
  Descriptor descriptor_;
  std::string anchors_;
  TensorInfo input_;
  InputWriter writer_;
};

struct Answer {
  std::vector<float> scores;     // of a classifier, or all numbers where it is neither
  std::vector<Detection> boxes;  // of a detector, down to half of its threshold
};

// Compares answers to the same pictures.
class AnswerComparer {
 public:
  // `outputs` are those of a plan for one picture.
  AnswerComparer(const DescribedNetwork& network, const std::vector<TensorInfo>& outputs);

  Answer Read(const Tensors& outputs, PictureSize picture);
  Agreement::Kind kind() const { return kind_; }
  float threshold() const { return threshold_; }

 private:
  Agreement::Kind kind_;
  Descriptor descriptor_;
  float threshold_ = 0;
  std::optional<DetectionDecoder> decoder_;
};

// Adds up what is compared.
class AgreementCounter {
 public:
  // `threshold`: the least score of a box that counts.
  AgreementCounter(Agreement::Kind kind, float threshold) : threshold_(threshold) {
    agreement_.kind = kind;
  }
  void Add(const Answer& reference, const Answer& other);
  Agreement Total() const;

 private:
  void AddScores(const std::vector<float>& reference, const std::vector<float>& other);
  void AddClasses(const Answer& reference, const Answer& other);
  void AddNumbers(const Answer& reference, const Answer& other);
  void AddBoxes(const Answer& reference, const Answer& other);

  Agreement agreement_;
  float threshold_;
  double sum_ = 0;  // of differences
  std::size_t differences_ = 0;
  DetectionDataset truth_;
  std::vector<FoundBox> found_;
};

}  // namespace kinglet
