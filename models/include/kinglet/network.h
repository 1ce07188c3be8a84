// Networks by their names, and what lies beside a model file by convention.
#pragma once

#include <optional>
#include <string>

#include "kinglet/descriptor.h"
#include "kinglet/graph.h"
#include "kinglet/onnx.h"

namespace kinglet {

struct NamedNetwork {
  Graph graph;
  std::optional<Descriptor> descriptor;  // none: `name` was a model file
};

// An ONNX file, the name of a descriptor that is part of the library (the demo networks, or the one
// that its architecture builds, with random weights), or a descriptor file with an architecture.
// Throws Error as ReadOnnx, ReadDescriptor and BuildArchitecture do, and Error(kInvalidInput) for a
// descriptor without an architecture. `options` are for ONNX files.
NamedNetwork OpenNetwork(const std::string& name, const ReadOptions& options = {});

// The descriptor that `name` means: one that is part of the library, or a file. Throws as
// FindDescriptor and ReadDescriptor do.
Descriptor OpenDescriptor(const std::string& name);

// The one in MODEL.json beside MODEL.onnx, when there is such a file. Throws as ReadDescriptor.
std::optional<Descriptor> DescriptorBeside(const std::string& model);

// MODEL.anchors.json beside MODEL.onnx, or one for all variants MODEL_*.onnx; "": there is none.
std::string AnchorsBeside(const std::string& model);

}  // namespace kinglet
