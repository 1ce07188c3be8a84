// The float32 graph with codes in it.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/graph/ir.h"
#include "models/quantize/layer_weights.h"
#include "models/quantize/points.h"
#include "models/quantize/ranges.h"

namespace kinglet {

// What is known of one layer (Role::kWeighted).
struct CodedLayer {
  LayerWeights weights;
  std::vector<float> bias;  // of each channel; empty: none
};

// All that makes codes of a float32 graph: the layers by node, none where it is no layer.
struct Coding {
  QuantizationPoints points;
  std::vector<CodeScale> codes;  // by range
  std::vector<std::optional<CodedLayer>> layers;
};

// A copy in which QuantizeLinear and DequantizeLinear stand behind every value that has codes, and
// DequantizeLinear before weights and biases of layers: what ONNX calls QDQ. Inputs and outputs
// keep names, types and shapes.
std::unique_ptr<GraphIr> WithCodes(const GraphIr& graph, const Coding& coding);

// A copy that has the values `ids` as outputs too.
std::unique_ptr<GraphIr> WithOutputs(const GraphIr& graph, const std::vector<ValueId>& ids);

// What codes of its input and weights change in the results of one layer.
struct LayerError {
  std::size_t node = 0;
  std::size_t results = 0, difference = 0;  // places among the outputs
  bool channels_last = false;               // the last axis; otherwise the second one
};
// A copy with these outputs for every layer.
std::unique_ptr<GraphIr> WithErrors(const GraphIr& graph, const Coding& coding,
                                    std::vector<LayerError>& errors);

}  // namespace kinglet
