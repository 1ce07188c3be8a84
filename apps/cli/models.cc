// kinglet models: the networks that Kinglet knows by name.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "apps/cli/commands.h"
#include "apps/cli/output.h"
#include "kinglet/descriptor.h"

namespace kinglet::cli {

Status ModelsCommand(const CommonOptions& options) {
  using Json = nlohmann::ordered_json;
  Json list = Json::array();
  Table table({{"name"}, {"input"}, {"classes", true}, {.heading = "what", .fit = Fit::kWrap}});
  for (const std::string& name : ListDescriptors()) {
    const Descriptor descriptor = FindDescriptor(name);
    list.push_back(Json::parse(DescriptorToJson(descriptor)));
    const bool built = !descriptor.architecture.family.empty();
    table.Add(
        {name, fmt::format("{}x{}", descriptor.preprocess.width, descriptor.preprocess.height),
         built ? std::to_string(descriptor.architecture.classes) : "", descriptor.description});
  }
  Print(options.json ? Json{{"models", list}}.dump() + "\n" : table.Text());
  return Status::kDone;
}

}  // namespace kinglet::cli
