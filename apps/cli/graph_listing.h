// A graph, node by node.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "kinglet/graph_info.h"

namespace kinglet::cli {

// A paragraph for each node.
std::string GraphText(const GraphInfo& graph);
nlohmann::ordered_json GraphJson(const GraphInfo& graph);

}  // namespace kinglet::cli
