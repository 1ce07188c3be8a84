#pragma once

#include <memory>

#include "engine/graph/ir.h"

namespace kinglet {

// A graph of its own: nothing that is done to one shows in the other. Constants share memory.
std::unique_ptr<GraphIr> CopyGraph(const GraphIr& graph);

}  // namespace kinglet
