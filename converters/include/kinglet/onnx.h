// Reads ONNX files into graphs, and writes them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "kinglet/graph.h"

namespace kinglet {

// What a model may claim before it is refused. Whatever it claims, no memory is taken before the
// bytes behind the claim have been seen.
struct OnnxLimits {
  int nesting = 64;                 // subgraphs inside subgraphs, calls inside of functions
  std::int64_t nodes = 250'000;     // in all graphs together
  std::int64_t values = 1'000'000;  // mentions of tensors: inputs, outputs, initializers
  std::int64_t attribute_elements = 4'000'000;        // attributes, and the elements of their lists
  int rank = 64;                                      // dimensions of one tensor
  std::int64_t name_bytes = 4096;                     // one name
  std::int64_t tensor_bytes = std::int64_t{2} << 30;  // one tensor
  std::int64_t total_tensor_bytes = std::int64_t{8} << 30;  // all tensors of the model
};

struct ReadOptions {
  OnnxLimits limits{};
  // Further folders that external data may lie in, or that links may lead into.
  std::vector<std::string> data_folders{};
  // Tensors whose data is not there (of a file stripped of its weights, or without the files beside
  // it) are zeros, which take no memory before somebody writes to them: for what can be said of a
  // network without running it.
  bool without_data = false;
};

// Reads the ONNX model at `path`: IR versions to 14, opsets 1 to 28 of the default domain. A newer
// version is noted (Graph::notes), and read as the newest that is known. Nodes are copied without
// knowing their operators, sorted topologically; Constant nodes and initializers become constants
// of the graph (initializers that are also listed as graph inputs included). A node that calls a
// function of the model is replaced by the function's nodes, "call/node" by name, which count
// against the limits as others do. Where an initializer has both raw and typed data, the raw data
// counts. Tensors are views into the mapped file where their alignment allows it, so the file must
// not be changed or truncated while the graph or a model made from it lives. External data is read
// from the folder of `path` and below, from `data_folders`, and, where `path` is a link, from where
// it leads to; links elsewhere are refused (docs/onnx_files.md has the rule).
//
// Names that are not printable UTF-8 are kept with the offending bytes written as \xNN.
//
// What WriteOnnx wrote of an optimised graph is read as one (Graph::optimised); operators of
// another version of Kinglet's own domain are Error(kUnsupported).
//
// Throws Error(kIo) when the file cannot be read, Error(kInvalidModel) when it is malformed,
// Error(kUnsupported) for a part of ONNX that Kinglet does not have, Error(kResource) beyond the
// limits. The format: https://github.com/onnx/onnx/blob/main/docs/IR.md.
Graph ReadOnnx(const std::string& path, const ReadOptions& options = {});

// The same from memory. `name` stands for the file in messages. The bytes are copied: they need not
// outlive the call. External data is refused, because the model has no folder.
Graph ReadOnnxBytes(std::span<const std::byte> bytes, std::string name,
                    const OnnxLimits& limits = {});

// Writes `graph` as ONNX: IR version 4, the operator sets that its nodes are of, all constants as
// initializers inside the file. ReadOnnx gives the same graph again. An optimised graph (Optimise
// in kinglet/optimise.h) is written too: fused nodes and operators that ONNX has not are of the
// domain `kinglet`, and the metadata has "kinglet.stage": "optimised". The file appears under a
// temporary name in the same folder and is renamed, so that `path` is never half a file; weights
// are written from where they lie, without a copy. Throws Error(kIo) when writing fails,
// Error(kResource) for a model above the 2 GiB that a file can have, Error(kInvalidModel) when
// values share a name or nodes of one domain are of several versions. `metadata`: further entries.
void WriteOnnx(const std::string& path, const Graph& graph,
               const std::map<std::string, std::string>& metadata = {});

}  // namespace kinglet
