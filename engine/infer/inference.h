// What is known of every value of a graph once the shapes of its inputs are.
#pragma once

#include <cstddef>
#include <vector>

#include "engine/graph/ir.h"
#include "engine/op/context.h"
#include "kinglet/error.h"

namespace kinglet {

// Infers the nodes [0, node_count) for inputs of these shapes, in the order of graph.inputs. Throws
// Error(kInvalidModel, kUnsupported, kResource).
GraphStates InferGraph(const GraphIr& graph, const std::vector<Shape>& input_shapes,
                       const Limits& limits, std::size_t node_count);

// The two halves of InferGraph: what is known before any node, and what a node adds to it.
GraphStates StartInference(const GraphIr& graph, const std::vector<Shape>& input_shapes,
                           const Limits& limits);
void InferOne(const GraphIr& graph, const Node& node, GraphStates& states, const Limits& limits);

// What follows for all nodes from what `states` says of inputs and constants; the outputs of a node
// that has something wrong stay unknown.
void InferWhatFollows(const GraphIr& graph, GraphStates& states, const Limits& limits);

// The nodes of [first, last), as indices, that make `outputs` and whose results are not known.
std::vector<std::size_t> NeededNodes(const GraphIr& graph, const GraphStates& states,
                                     std::size_t first, std::size_t last,
                                     const std::vector<ValueId>& outputs);

// Throws `error` again, with the file and the node added to what it says.
[[noreturn]] void ThrowWithNode(const GraphIr& graph, const Node& node, const Error& error);

// Calls `function`; adds the file and the node to an Error that it throws.
template <typename F>
void WithNode(const GraphIr& graph, const Node& node, F&& function) {
  try {
    function();
  } catch (const Error& error) {
    ThrowWithNode(graph, node, error);
  }
}

}  // namespace kinglet
