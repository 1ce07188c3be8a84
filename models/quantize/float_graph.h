// The float32 graph that is quantised.
#pragma once

#include <vector>

#include "engine/graph/ir.h"
#include "engine/op/context.h"
#include "kinglet/graph.h"
#include "kinglet/limits.h"

namespace kinglet {

// Throws Error(kUnsupported) where anything of the graph is computed on codes or rounded to them
// already (weights alone that are stored so are not), and where the graph is an optimised one.
void CheckQuantisable(const Graph& graph);

// Folds what can be folded (FoldPortably), makes products with a bias out of MatMul and Add where
// the input is a matrix, and brings all to operator set 13. `shapes` are those of one picture.
Graph PrepareToQuantise(Graph graph, const InputShapes& shapes, const Limits& limits);

// What follows from these shapes of the inputs: parallel to the values, unknown where it does not.
std::vector<TensorState> StatesFor(const GraphIr& graph, const InputShapes& shapes,
                                   const Limits& limits);

}  // namespace kinglet
