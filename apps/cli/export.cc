// kinglet export: a network that Kinglet knows by name as an ONNX file.
#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "apps/cli/commands.h"
#include "apps/cli/output.h"
#include "kinglet/network.h"
#include "kinglet/onnx.h"

namespace kinglet::cli {

Status ExportCommand(const ExportOptions& options) {
  const NamedNetwork network = OpenNetwork(options.descriptor);
  if (!network.descriptor) {
    throw UsageError(options.descriptor +
                     ": expected a descriptor (kinglet models lists those that are built in), "
                     "found a model file");
  }
  CheckOutputFile(options.output);
  WriteOnnx(options.output, network.graph);
  const auto bytes = static_cast<std::size_t>(std::filesystem::file_size(options.output));
  const std::int64_t parameters = network.graph.parameter_count();
  if (options.common.json) {
    const nlohmann::ordered_json line = {{"descriptor", network.descriptor->name},
                                         {"file", options.output},
                                         {"parameters", parameters},
                                         {"bytes", bytes}};
    Print(JsonLine(line));
  } else if (!options.common.quiet) {
    Print(fmt::format("{}: {}, {} parameters, {}\n", OneLine(options.output),
                      network.descriptor->name, Thousands(parameters), Bytes(bytes)));
  }
  return Status::kDone;
}

}  // namespace kinglet::cli
