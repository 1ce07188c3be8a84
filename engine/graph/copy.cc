#include "engine/graph/copy.h"

#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace kinglet {

std::unique_ptr<GraphIr> CopyGraph(const GraphIr& graph) {
  auto copy = std::make_unique<GraphIr>(graph);
  for (Value& value : copy->values) value.derived.reset();
  for (Node& node : copy->nodes) {
    std::vector<std::pair<std::string, std::shared_ptr<GraphIr>>> inside;
    for (const auto& [name, attribute] : node.attributes) {
      if (const auto* subgraph = std::get_if<std::shared_ptr<GraphIr>>(&attribute)) {
        inside.emplace_back(name, CopyGraph(**subgraph));
      }
    }
    for (auto& [name, subgraph] : inside) node.attributes.Set(name, std::move(subgraph));
  }
  return copy;
}

}  // namespace kinglet
