// kinglet models: the networks that Kinglet knows by name.
#include <fmt/format.h>

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/cli/commands.h"
#include "apps/cli/output.h"
#include "kinglet/descriptor.h"

namespace kinglet::cli {
namespace {

Status Models(const CommonOptions& options) {
  using Json = nlohmann::ordered_json;
  Json list = Json::array();
  Table table({{"name"}, {"input"}, {"classes", true}, {"what"}});
  for (const std::string& name : ListDescriptors()) {
    const Descriptor descriptor = FindDescriptor(name);
    list.push_back(Json::parse(DescriptorToJson(descriptor)));
    table.Add({name,
               fmt::format("{}x{}", descriptor.preprocess.width, descriptor.preprocess.height),
               std::to_string(descriptor.architecture.classes), descriptor.description});
  }
  Print(options.json ? Json{{"models", list}}.dump() + "\n" : table.Text());
  return Status::kDone;
}

}  // namespace

Command AddModels(CLI::App& app) {
  auto options = std::make_shared<CommonOptions>();
  CLI::App* command = app.add_subcommand(
      "models", "List the networks that are known by name: for --descriptor and kinglet info");
  AddCommonOptions(*command, *options, "kinglet models");
  return {command, [options] { return Models(*options); }};
}

}  // namespace kinglet::cli
