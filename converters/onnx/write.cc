// Graphs to ONNX files.
#include <protozero/pbf_writer.hpp>

#include "converters/onnx/graph_writer.h"
#include "converters/onnx/schema.h"
#include "converters/onnx/wire.h"
#include "engine/graph/fusion.h"
#include "kinglet/file.h"
#include "kinglet/onnx.h"

namespace kinglet {
namespace converters {
namespace {

// The first version in which initializers need not be inputs too: what everybody can read.
constexpr std::int32_t kIrVersion = 4;
constexpr const char* kProducer = "kinglet";

using Metadata = std::map<std::string, std::string>;

std::string ModelHead(const Opsets& opsets, const Metadata& metadata, std::size_t graph_bytes) {
  std::string bytes;
  protozero::pbf_writer model(bytes);
  model.add_int32(kModelIrVersion, kIrVersion);
  model.add_string(kModelProducer, kProducer);
  for (const auto& [domain, version] : opsets) {
    protozero::pbf_writer opset(model, kModelOpsetImport);
    opset.add_string(kOpsetDomain, domain);
    opset.add_int64(kOpsetVersion, version);
  }
  for (const auto& [key, value] : metadata) {
    protozero::pbf_writer entry(model, kModelMetadata);
    entry.add_string(kEntryKey, key);
    entry.add_string(kEntryValue, value);
  }
  return bytes + FieldHead(kModelGraph, graph_bytes);
}

}  // namespace
}  // namespace converters

void WriteOnnx(const std::string& path, const Graph& graph,
               const std::map<std::string, std::string>& metadata) {
  const std::string source = converters::Printable(path);
  const converters::Place place(source);
  converters::Opsets opsets;
  const converters::Parts body = converters::WriteGraph(graph.ir(), opsets, place);
  // A file that says so says of which version, also where no node is of the domain.
  if (graph.optimised()) opsets.emplace(kKingletDomain, kKingletOpset);
  converters::Metadata entries = metadata;
  if (graph.optimised()) entries.emplace(converters::kStageKey, converters::kOptimisedStage);
  const std::string head = converters::ModelHead(opsets, entries, body.size());
  if (head.size() + body.size() > converters::WireReader::kMaxMessageBytes) {
    converters::Fail(ErrorCode::kResource, place,
                     "the model needs " + std::to_string(head.size() + body.size()) +
                         " bytes, more than the 2 GiB that an ONNX file can have");
  }
  std::vector<std::string_view> parts = {head};
  parts.insert(parts.end(), body.views().begin(), body.views().end());
  WriteFile(path, parts);
}

}  // namespace kinglet
