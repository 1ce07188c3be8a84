// What is in a graph, for people and tools.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "kinglet/graph.h"

namespace kinglet {

struct ValueInfo {
  TensorInfo tensor;      // its name is "" for an optional input that is absent
  bool constant = false;  // its elements are in the graph
};

struct AttributeInfo {
  std::string name;
  std::string text;  // "3,3", "same_upper", "float32 2x3" of a tensor
};

struct NodeInfo;

struct GraphInfo {
  std::string name;
  std::vector<ValueInfo> inputs, outputs;
  std::vector<NodeInfo> nodes;  // in the order in which they may run
  std::size_t constants = 0;    // how many, and their bytes
  std::size_t constant_bytes = 0;
};

struct NodeInfo {
  std::string name, op;
  std::string domain;  // "" for ONNX's own
  int opset = 0;       // version of the domain
  std::string fusion;  // what is done to the results before they are stored: "sum, Clip(0, 6)"
  std::vector<AttributeInfo> attributes;
  std::vector<ValueInfo> inputs, outputs;
  std::vector<GraphInfo> subgraphs;  // by the name of their attribute
};

// Types and shapes are as they are declared, or follow from inputs of these shapes; they may be
// unknown. Inputs that are not named have the shape that they declare.
GraphInfo DescribeGraph(const Graph& graph, const InputShapes& shapes = {});

// Throws what is wrong with inputs of these shapes, as far as shapes follow without running: Error
// (kInvalidModel, kUnsupported, kResource) that names the node, Error(kInvalidInput) for an input
// that is not named. The declared shapes of the inputs are not looked at.
void CheckInputShapes(const Graph& graph, const InputShapes& shapes);

}  // namespace kinglet
