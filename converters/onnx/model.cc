// ModelProto.
#include <limits>
#include <new>
#include <stdexcept>

#include "converters/onnx/graph_reader.h"
#include "converters/onnx/schema.h"
#include "converters/onnx/wire.h"
#include "engine/graph/fusion.h"
#include "engine/graph/ir.h"
#include "kinglet/onnx.h"

namespace kinglet {
namespace converters {
namespace {

constexpr std::int64_t kMinIrVersion = 3;
constexpr std::int64_t kMaxIrVersion = 10;
constexpr std::int64_t kMinOpset = 1;
constexpr std::int64_t kMaxOpset = 28;

void ReadOpsetImport(std::string_view proto, Context& context, const Place& place) {
  std::string_view domain;
  std::int64_t version = 0;
  WireReader reader(proto, place);
  while (reader.Next()) {
    if (reader.field() == kOpsetDomain) domain = NormalDomain(reader.Bytes());
    if (reader.field() == kOpsetVersion) version = reader.Int();
  }
  if (domain.empty() && (version < kMinOpset || version > kMaxOpset)) {
    Unsupported(place, "imports operator set " + std::to_string(version) +
                           " of ONNX; supported are " + std::to_string(kMinOpset) + " to " +
                           std::to_string(kMaxOpset));
  }
  if (domain == kKingletDomain && version != kKingletOpset) {
    Unsupported(place, "holds operators of version " + std::to_string(version) +
                           " of Kinglet's own domain, this is version " +
                           std::to_string(kKingletOpset) +
                           "; optimise the model that it was made from again");
  }
  if (version < 0 || version > std::numeric_limits<int>::max()) {
    Invalid(place,
            "imports version " + std::to_string(version) + " of the domain " + Quoted(domain));
  }
  context.ChargeValues(1, place);
  const auto [it, added] =
      context.opsets.emplace(context.Name(domain, place), static_cast<int>(version));
  if (!added && it->second != version) {
    Invalid(place,
            "imports two versions of the domain " + Quoted(domain.empty() ? "ai.onnx" : domain));
  }
}

void ReadFunction(std::string_view proto, Context& context, const Place& place) {
  std::string_view name;
  std::string_view domain;
  WireReader reader(proto, place);
  while (reader.Next()) {
    if (reader.field() == kFunctionName) name = reader.Bytes();
    if (reader.field() == kFunctionDomain) domain = NormalDomain(reader.Bytes());
  }
  context.ChargeValues(1, place);
  context.functions.emplace(domain, name);
}

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

void CheckIrVersion(std::int64_t version, const Place& place) {
  if (version == 0) Invalid(place, "has no IR version: the file is no ONNX model");
  if (version < kMinIrVersion || version > kMaxIrVersion) {
    Unsupported(place, "has IR version " + std::to_string(version) + "; supported are " +
                           std::to_string(kMinIrVersion) + " to " + std::to_string(kMaxIrVersion));
  }
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
        ReadOpsetImport(reader.Bytes(), context, place);
        break;
      case kModelFunctions:
        ReadFunction(reader.Bytes(), context, place);
        break;
      case kModelMetadata:
        optimised = SaysOptimised(reader.Bytes(), place) || optimised;
        break;
      default:
        break;
    }
  }
  CheckIrVersion(ir_version, place);
  if (graphs != 1) {
    Invalid(place, "has " + std::to_string(graphs) +
                       " graphs, expected one: the file is no ONNX "
                       "model or damaged");
  }
  if (context.opsets.empty()) {
    Invalid(place, "imports no operator set (opset_import); supported are versions " +
                       std::to_string(kMinOpset) + " to " + std::to_string(kMaxOpset));
  }
  const Place graph_place(place, "graph");
  std::unique_ptr<GraphIr> ir = GraphReader(context, graph_place, nullptr).Read(graph);
  CheckGraph(*ir);
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

Graph ReadOnnx(const std::string& path, const OnnxLimits& limits) {
  converters::Context context;
  context.limits = limits;
  context.source = converters::Printable(path);
  const converters::Place place(context.source);
  converters::ExternalFiles external(path);
  context.external = &external;
  const auto file = converters::MappedFile::Open(path, place);
  context.owner = file;
  return converters::WithMemoryErrors(
      place, [&] { return converters::ReadModel(file->bytes(), context, place); });
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
