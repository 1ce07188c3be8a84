// From names and files on the command line to a classifier that is ready to run.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/cli/cli.h"
#include "kinglet/descriptor.h"
#include "kinglet/graph.h"
#include "kinglet/model.h"

namespace kinglet::cli {

struct NetworkOptions {
  std::string model;       // "": the demo network
  std::string descriptor;  // name or file; "": the one beside the model
  std::string labels;      // file; "": the descriptor's
  std::string preprocess;  // slim, torch, caffe; "": the descriptor's
};

struct Classifier {
  std::string name;       // the model as it was given, or "demo"
  Descriptor descriptor;  // fitted to the model
  Model model;
  std::vector<std::string> labels;  // one for each class, or none
  std::size_t classes = 0;

  std::string Label(std::size_t index) const;
};

// Reads, compiles and plans: everything that can be wrong with the model is found here.
Classifier OpenClassifier(const NetworkOptions& network, const CommonOptions& options);

// The descriptor that the options ask for or that lies beside the model, not yet fitted.
Descriptor ChooseDescriptor(const NetworkOptions& network, const Graph& graph);

// The descriptor that `name` means: an embedded one, or a file.
Descriptor OpenDescriptor(const std::string& name);
// The one in MODEL.json beside MODEL.onnx, when there is such a file.
std::optional<Descriptor> DescriptorBeside(const std::string& model);

// A network named on the command line: an ONNX file, the name of an embedded descriptor (the demo
// network, or the one that its architecture builds), or a descriptor file with an architecture.
struct NamedNetwork {
  Graph graph;
  std::optional<Descriptor> descriptor;
};
NamedNetwork OpenNetwork(const std::string& name);

}  // namespace kinglet::cli
