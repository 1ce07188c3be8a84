// What is left to do when all passes have run: a graph that says everything about itself by names.
#pragma once

#include <vector>

#include "engine/graph/ir.h"
#include "kinglet/graph.h"

namespace kinglet {

// Gives the graph's outputs the names, types and shapes of `outputs` again, as the passes let
// everybody read the value that another one was made from; removes what nothing needs any more, in
// subgraphs too; and makes names unique, also in the graphs around one another, with inputs and
// outputs keeping theirs. A value that a subgraph takes from the graph around it has its name
// there.
void FinishGraph(GraphIr& graph, const std::vector<TensorInfo>& outputs);

}  // namespace kinglet
