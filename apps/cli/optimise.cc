// kinglet optimise: a network as it runs, as an ONNX file; and kinglet info --graph, which prints
// it.
#include "kinglet/optimise.h"

#include <fmt/format.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "apps/cli/commands.h"
#include "apps/cli/graph_listing.h"
#include "apps/cli/model_options.h"
#include "apps/cli/network.h"
#include "apps/cli/number_list.h"
#include "apps/cli/output.h"
#include "kinglet/network.h"
#include "kinglet/onnx.h"
#include "measure/network/shapes.h"

namespace kinglet::cli {
namespace {

using Json = nlohmann::ordered_json;

// The shapes that the network is planned for; none where a size is free and nothing says it.
InputShapes ShapesToShow(const Graph& graph, const InfoOptions& options,
                         const std::optional<Descriptor>& descriptor) {
  const int batch = BatchSizes(options.batch).front();
  try {
    return measure::ShapeChooser(graph, options.shapes, descriptor, batch).For(batch);
  } catch (const Error&) {
    if (!options.batch.empty() || !options.shapes.empty()) throw;
    return {};
  }
}

}  // namespace

Status GraphCommand(const InfoOptions& options) {
  NamedNetwork network = OpenDescribed(options.network, options.common);
  PrintReadNotes(network.graph, options.common);
  const InputShapes shapes = ShapesToShow(network.graph, options, network.descriptor);
  const bool as_read = options.as_read;
  const Graph graph =
      as_read ? std::move(network.graph)
              : Optimise(std::move(network.graph), OptimiseOptionsOf(options.common)).graph();
  const GraphInfo info = DescribeGraph(graph, shapes);
  const char* stage = graph.optimised() ? "optimised" : "read";
  if (options.common.json) {
    Print(JsonLine({{"model", options.network}, {"stage", stage}, {"graph", GraphJson(info)}}));
  } else {
    Print(fmt::format("network {}, {}\n", OneLine(options.network), stage) + GraphText(info));
  }
  return Status::kDone;
}

Status OptimiseCommand(const OptimiseCommandOptions& options) {
  NamedNetwork network = OpenNamed(options.network, options.common);
  PrintReadNotes(network.graph, options.common);
  CheckOutputFile(options.output);
  const std::size_t nodes_read = network.graph.node_count();
  const OptimisedGraph optimised =
      Optimise(std::move(network.graph), OptimiseOptionsOf(options.common));
  const Graph& graph = optimised.graph();
  WriteOnnx(options.output, graph);
  const auto bytes = static_cast<std::size_t>(std::filesystem::file_size(options.output));
  if (options.common.json) {
    const Json line = {{"model", options.network},
                       {"file", options.output},
                       {"nodes_read", nodes_read},
                       {"nodes", graph.node_count()},
                       {"bytes", bytes}};
    Print(JsonLine(line));
  } else if (!options.common.quiet) {
    Print(fmt::format("{}: {} of {} nodes, {}\n", OneLine(options.output), graph.node_count(),
                      nodes_read, Bytes(bytes)));
  }
  NoteFilesBeside(options.network, options.output, options.common);
  return Status::kDone;
}

}  // namespace kinglet::cli
