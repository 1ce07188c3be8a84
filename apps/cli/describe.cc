// kinglet describe: a first descriptor for a network that has none.
#include <filesystem>
#include <nlohmann/json.hpp>

#include "apps/cli/commands.h"
#include "apps/cli/input_file.h"
#include "apps/cli/model_options.h"
#include "apps/cli/network.h"
#include "apps/cli/output.h"
#include "kinglet/descriptor.h"

namespace kinglet::cli {

Status DescribeCommand(const DescribeOptions& options) {
  const Graph graph = OpenModel(options.model, options.common);
  PrintReadNotes(graph, options.common);
  const Descriptor draft = DraftDescriptor(
      graph,
      IsStream(options.model) ? "network" : std::filesystem::path(options.model).stem().string());
  if (options.output.empty()) {
    Print(DescriptorToJson(draft));
  } else {
    std::error_code unknown;
    if (std::filesystem::equivalent(options.model, options.output, unknown)) {
      throw UsageError("--output " + options.output + " would overwrite the model");
    }
    CheckOutputFile(options.output);
    WriteDescriptor(options.output, draft);
    if (options.common.json) {
      const nlohmann::ordered_json line = {
          {"model", options.model}, {"descriptor", options.output}, {"notes", draft.notes}};
      Print(JsonLine(line));
    }
  }
  for (const std::string& note : draft.notes) PrintNote(options.common, "note: " + note);
  return Status::kDone;
}

}  // namespace kinglet::cli
