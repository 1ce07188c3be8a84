// ModelProto.
#include <new>

#include "converters/common/external_files.h"
#include "converters/onnx/graph_reader.h"
#include "converters/onnx/opset.h"
#include "converters/onnx/schema.h"
#include "converters/onnx/wire.h"
#include "engine/graph/fusion.h"
#include "engine/graph/ir.h"
#include "kinglet/onnx.h"

namespace kinglet {
namespace converters {
namespace {

// Whether the entry says that the graph has been optimised.
bool SaysOptimised(std::string_view proto, const Place& place) {
  std::string_view key;
  std::string_view value;
  WireReader reader(proto, place);
  while (reader.Next()) {
    if (reader.field() == kEntryKey) key = reader.Bytes();
    if (reader.field() == kEntryValue) value = reader.Bytes();
  }
  return key == kStageKey && value == kOptimisedStage;
}

// The set that a model of IR version 1 or 2, which do not say it, has.
void ImportFirstOpset(std::int64_t ir_version, Context& context, const Place& place) {
  constexpr std::int64_t kSaysOpsets = 3;
  if (ir_version >= kSaysOpsets) Invalid(place, "imports no operator set (opset_import)");
  context.opsets.emplace("", 1);
}

Graph ReadModel(std::string_view bytes, Context& context, const Place& place) {
  if (bytes.empty()) Invalid(place, "the file is empty, expected an ONNX model");
  std::int64_t ir_version = 0;
  std::string_view graph;
  int graphs = 0;
  bool optimised = false;
  WireReader reader(bytes, place);
  while (reader.Next()) {
    switch (reader.field()) {
      case kModelIrVersion:
        ir_version = reader.Int();
        break;
      case kModelGraph:
        graph = reader.Bytes();
        ++graphs;
        break;
      case kModelOpsetImport:
        ReadOpsetImport(reader.Bytes(), context.opsets, context, place);
        break;
      case kModelFunctions:
        AddFunction(reader.Bytes(), context, place);
        break;
      case kModelMetadata:
        optimised = SaysOptimised(reader.Bytes(), place) || optimised;
        break;
      default:
        break;
    }
  }
  CheckIrVersion(ir_version, context, place);
  if (graphs != 1) {
    Invalid(place, "has " + std::to_string(graphs) +
                       " graphs, expected one: the file is no ONNX "
                       "model or damaged");
  }
  if (context.opsets.empty()) ImportFirstOpset(ir_version, context, place);
  const Place graph_place(place, "graph");
  std::unique_ptr<GraphIr> ir = GraphReader(context, graph_place, nullptr, nullptr).Read(graph);
  CheckGraph(*ir);
  ir->notes = context.notes;
  Graph read(std::move(ir));
  // Where no version of the domain is said, it says nothing.
  if (optimised && context.opsets.contains(kKingletDomain)) read.set_optimised();
  return read;
}

// Running out of memory is an error like another here: the tensors are as large as the file says.
template <typename Fn>
Graph WithMemoryErrors(const Place& place, Fn fn) {
  try {
    return fn();
  } catch (const std::bad_alloc&) {
    Fail(ErrorCode::kResource, place, "not enough memory to read the model");
  }
}

}  // namespace
}  // namespace converters

Graph ReadOnnx(const std::string& path, const ReadOptions& options) {
  converters::Context context;
  context.limits = options.limits;
  context.without_data = options.without_data;
  context.source = converters::Printable(path);
  const converters::Place place(context.source);
  const converters::FileHandle file = converters::OpenFile(path, place);
  converters::ExternalFiles external(path, file, options.data_folders);
  context.external = &external;
  const auto mapped = converters::MappedFile::Map(file, place);
  context.owner = mapped;
  return converters::WithMemoryErrors(
      place, [&] { return converters::ReadModel(mapped->bytes(), context, place); });
}

Graph ReadOnnxBytes(std::span<const std::byte> bytes, std::string name, const OnnxLimits& limits) {
  converters::Context context;
  context.limits = limits;
  context.source = converters::Printable(name);
  const converters::Place place(context.source);
  const std::string_view view(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return converters::WithMemoryErrors(place,
                                      [&] { return converters::ReadModel(view, context, place); });
}

}  // namespace kinglet
