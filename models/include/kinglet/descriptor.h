// Descriptors: what a network file does not say about its pictures and classes.
//
// A descriptor is a small JSON file (docs: models/README.md). Those of well-known networks are part
// of the library; a user's own lies beside the model as <model>.json or is named explicitly.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kinglet/detection.h"
#include "kinglet/graph.h"
#include "kinglet/preprocess.h"

namespace kinglet {

enum class Task : std::uint8_t {
  kClassify,
  kDetect,  // the network's answers are boxes
};

// What turns the output of scores into probabilities.
enum class ScoreActivation : std::uint8_t {
  // Nothing where the graph ends with a Softmax or Sigmoid already. Otherwise softmax, but for a
  // detector without background a sigmoid.
  kAuto,
  kNone,     // the output is probabilities
  kSoftmax,  // the output is logits of classes that exclude one another
  kSigmoid,  // the output is logits of classes, each on its own
};

// By what a classifier tells pictures that show none of its classes.
enum class RejectionMeasure : std::uint8_t {
  kNone,      // it does not
  kScore,     // the best score, after the activation, is below the limit
  kEntropy,   // of the scores after the activation, in nats, is above the limit
  kMaxLogit,  // the greatest number of the output, before the activation, is below the limit
  kEnergy,    // the logarithm of the sum of exponentials of the output is below the limit (Liu et
              // al., Energy-based Out-of-distribution Detection, 2020)
  kOutput,    // another output, one number for each picture, is above the limit: a distance
};

struct Rejection {
  RejectionMeasure measure = RejectionMeasure::kNone;
  std::string output;  // kOutput only: the name of the graph's output
  float limit = 0;
};

// A network that can be built without a weights file.
struct Architecture {
  std::string family;             // "mobilenet_v1"; "" when there is none
  double width_multiplier = 1.0;  // MobileNets only
  int resolution = 0;             // width of the input, and its height where that is 0, pixels
  int height = 0;
  int classes = 1000;               // outputs for each picture or anchor, background included
  std::string version;              // squeezenet only: "1.0" or "1.1"; "" is the family's default
  std::string backbone;             // of a detector that has a choice; "" is the family's default
  std::vector<std::string> blocks;  // of the family "blocks" only (models/README.md)

  int input_height() const { return height == 0 ? resolution : height; }
};

struct Descriptor {
  std::string name;         // letters, digits and _ . - only
  std::string description;  // one line for people
  Task task = Task::kClassify;
  std::string input;          // name of the graph's picture input; "" when it has one input
  PreprocessSpec preprocess;  // size, layout, colour order, resize and crop rule, mean and std
  // Detection only: the graph takes pictures of any size and resizes them itself: each keeps its
  // own size, and that of `preprocess` is for timing.
  bool picture_size = false;
  std::string output;  // classification only: name of the scores; "" when there is one output
  ScoreActivation activation = ScoreActivation::kAuto;
  Rejection rejection;      // classification only
  DetectionSpec detection;  // detection only
  // "imagenet", "coco", "voc", "demo", a file (one name on each line) or "" for none. A relative
  // path counts from the descriptor's folder and stays within it.
  std::string labels;
  std::string folder;  // of the file that it was read from; "" for embedded ones. Not written.
  Architecture architecture;
  std::vector<std::string> notes;  // what a person should check
};

// Largest descriptor file, bytes.
inline constexpr std::size_t kMaxDescriptorBytes = std::size_t{1} << 18;

// Reads a descriptor from JSON text; `source` (a file name) stands for it in messages. Strict:
// unknown or repeated keys, wrong types and values out of range throw Error(kInvalidModel) that
// names source, key, what was expected and what was found; a text that is too long, or nested too
// deeply, Error(kResource).
Descriptor ParseDescriptor(std::string_view text, const std::string& source);

// The same for a file. Without a "name" the descriptor is called as the file is, without extension.
// Throws Error(kIo) when the file cannot be read.
Descriptor ReadDescriptor(const std::string& path);

// The JSON text of a descriptor: ParseDescriptor gives the same descriptor again.
std::string DescriptorToJson(const Descriptor& descriptor);

// Writes it to a file, under a temporary name first. Throws Error(kIo).
void WriteDescriptor(const std::string& path, const Descriptor& descriptor);

// Names of the descriptors that are part of the library, sorted.
std::vector<std::string> ListDescriptors();
bool HasDescriptor(std::string_view name);
// Throws Error(kInvalidInput) listing the names when there is none of this name.
Descriptor FindDescriptor(std::string_view name);

// A first descriptor for a network that has none: input, size, layout and number of classes as the
// graph declares them, the rest by convention; `notes` says what was guessed. Throws
// Error(kUnsupported) when no input looks like a batch of colour pictures.
Descriptor DraftDescriptor(const Graph& graph, const std::string& name);

// The descriptor as it applies to this graph: names of input and output that the graph has (its
// only ones, where the descriptor's are empty or not there), the size and layout that the graph
// declares, and kAuto resolved. Where the two differ in size the graph is right. Throws
// Error(kUnsupported) when the graph does not take one colour picture in float32 at a time,
// Error(kInvalidInput) when it has several inputs or outputs and none of the descriptor's name.
Descriptor FitDescriptor(Descriptor descriptor, const Graph& graph);

struct BuildOptions {
  std::uint64_t seed = 1;
  // False: the weights are zeros that take no memory until something writes to them.
  bool weights = true;
};

// Families that BuildArchitecture knows, sorted.
std::vector<std::string> ListArchitectures();

// Builds the network as an exporter writes it (opset 10, batch norm folded into convolutions, free
// batch dimension "N", input "input" {N, 3, height, resolution}), with seeded random weights:
// the same on every machine, scaled so that activations keep their size through the depth. A
// classifier's output is "output" {N, classes}, logits. Of the SSDs it is the network part: outputs
// "box_encodings" (of UltraFace "boxes") {N, anchors, 4}, raw, and "scores" {N, anchors, classes},
// background first: logits, but of UltraFace probabilities. Throws Error(kInvalidInput) naming a
// parameter that is out of range. Faster R-CNN takes one picture and gives finished detections, as
// the TensorFlow Object Detection API names and lays them out.
Graph BuildArchitecture(const Architecture& architecture, const BuildOptions& options = {});

// The demo networks that are part of the library, each under the name of its descriptor: "demo", a
// classifier, "demo_detector", and both of them quantised, "demo_int8" and "demo_detector_int8".
bool IsDemo(std::string_view name);
// The bytes of its ONNX file; none where the library was built without.
std::span<const std::byte> DemoBytes(std::string_view name);

}  // namespace kinglet
