// Any bytes as an ONNX model: the reader gives a graph that is right in itself, or an Error.
#include <cstddef>
#include <cstdint>
#include <span>

#include "converters/onnx/tensor.h"
#include "engine/graph/fusion.h"
#include "engine/graph/ir.h"
#include "kinglet/error.h"
#include "kinglet/onnx.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(data, size));
  try {
    const kinglet::Graph graph = kinglet::ReadOnnxBytes(bytes, "fuzz.onnx");
    // An Error here is a mistake of the reader, which has sorted and checked the graph, and lets no
    // node be fused that could not be written again.
    try {
      kinglet::CheckGraph(graph.ir());
      for (const kinglet::Node& node : graph.ir().nodes) {
        if (!node.fusion.empty()) kinglet::WithFusionWritten(node);
      }
    } catch (const kinglet::Error&) {
      __builtin_trap();
    }
  } catch (const kinglet::Error&) {
  }
  try {
    kinglet::ReadTensorProto(bytes);
  } catch (const kinglet::Error&) {
  }
  return 0;
}
