// What is left to do when all passes have run: a graph that says everything about itself by names.
#pragma once

#include <unordered_map>
#include <vector>

#include "engine/graph/ir.h"
#include "kinglet/graph.h"

namespace kinglet {

// What graphs within one another declare of their outputs, by graph.
using DeclaredOutputs = std::unordered_map<const GraphIr*, std::vector<TensorInfo>>;

// Of the graph and of all inside it.
DeclaredOutputs OutputsOf(const GraphIr& graph);

// Gives the graph's outputs the names, types and shapes of `outputs`, which were the graph's before
// the passes, again, as the passes let everybody read the value that another one was made from; and
// has each output of a subgraph made by a node of its own there. Removes what nothing needs any
// more, in subgraphs too; and makes names unique, also in the graphs around one another, with
// inputs and outputs keeping theirs. A value that a subgraph takes from the graph around it has its
// name there.
void FinishGraph(GraphIr& graph, const DeclaredOutputs& outputs);

}  // namespace kinglet
