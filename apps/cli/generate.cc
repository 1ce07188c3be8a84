// kinglet generate: networks drawn from a space, as descriptors.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "apps/cli/foresight.h"
#include "apps/cli/output.h"
#include "characterize/generate/space.h"

namespace kinglet::cli {

Status GenerateCommand(const GenerateOptions& options) {
  characterize::DrawOptions draw;
  draw.count = options.count;
  draw.seed = options.seed;
  draw.size = options.size;
  draw.width = options.width;
  draw.classes = options.classes;
  const std::vector<Descriptor> networks = characterize::DrawNetworks(options.space, draw);
  characterize::WriteNetworks(networks, options.output);
  if (options.common.json) {
    nlohmann::ordered_json names = nlohmann::ordered_json::array();
    for (const Descriptor& network : networks) names.push_back(network.name);
    Print(JsonLine({{"space", options.space},
                    {"seed", options.seed},
                    {"folder", options.output},
                    {"networks", std::move(names)}}));
  } else if (!options.common.quiet) {
    Print(fmt::format("{} networks of the space {} in {}: {}.json to {}.json\n", networks.size(),
                      options.space, OneLine(options.output), networks.front().name,
                      networks.back().name));
  }
  return Status::kDone;
}

}  // namespace kinglet::cli
