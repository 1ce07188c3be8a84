// kinglet describe: a first descriptor for a network that has none.
#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>

#include "apps/cli/commands.h"
#include "apps/cli/output.h"
#include "kinglet/descriptor.h"
#include "kinglet/onnx.h"

namespace kinglet::cli {
namespace {

struct DescribeOptions {
  CommonOptions common;
  std::string model;
  std::string output;
};

Status Describe(const DescribeOptions& options) {
  const Graph graph = ReadOnnx(options.model);
  const Descriptor draft =
      DraftDescriptor(graph, std::filesystem::path(options.model).stem().string());
  if (options.output.empty()) {
    Print(DescriptorToJson(draft));
  } else {
    WriteDescriptor(options.output, draft);
    if (options.common.json) {
      const nlohmann::ordered_json line = {
          {"model", options.model}, {"descriptor", options.output}, {"notes", draft.notes}};
      Print(line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
    }
  }
  for (const std::string& note : draft.notes) PrintNote(options.common, "note: " + note);
  return Status::kDone;
}

}  // namespace

Command AddDescribe(CLI::App& app) {
  auto options = std::make_shared<DescribeOptions>();
  CLI::App* command =
      app.add_subcommand("describe", "Draft a descriptor for a network that has none");
  command->add_option("model", options->model, "ONNX file")->required()->option_text("MODEL.onnx");
  command
      ->add_option("--output,-o", options->output,
                   "File to write (default: standard output). As MODEL.json beside MODEL.onnx it "
                   "is used without being named")
      ->option_text("FILE.json");
  AddCommonOptions(*command, options->common, "kinglet describe mynet.onnx -o mynet.json");
  return {command, [options] { return Describe(*options); }};
}

}  // namespace kinglet::cli
