// A network as it was read or built: operators, weights, inputs and outputs.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "kinglet/tensor.h"

namespace kinglet {

struct GraphIr;

// Name, element type and shape of an input or output.
struct TensorInfo {
  std::string name;
  DataType type = DataType::kUndefined;
  bool has_shape = false;
  Shape shape;                       // -1 where the size is free
  std::vector<std::string> symbols;  // names of the free sizes, "" where there is none
};

// Shapes by the name of an input.
using InputShapes = std::map<std::string, Shape, std::less<>>;

// Movable, not copyable. Made by ReadOnnx (kinglet/onnx.h) or by a descriptor's architecture
// (kinglet/descriptor.h); consumed by Optimise (kinglet/optimise.h) or Model::Compile
// (kinglet/model.h). kinglet/graph_info.h says what is in it.
class Graph {
 public:
  explicit Graph(std::unique_ptr<GraphIr> ir);
  Graph(Graph&&) noexcept;
  Graph& operator=(Graph&&) noexcept;
  ~Graph();

  const std::string& name() const;
  std::vector<TensorInfo> inputs() const;
  std::vector<TensorInfo> outputs() const;
  std::size_t node_count() const;
  std::int64_t parameter_count() const;  // elements of float and quantised weights
  // What a person should know of the model: versions that are newer than known.
  const std::vector<std::string>& notes() const;
  // By Optimise (kinglet/optimise.h), perhaps before it was written.
  bool optimised() const { return optimised_; }

  // For the engine's own parts.
  GraphIr& ir() { return *ir_; }
  const GraphIr& ir() const { return *ir_; }
  void set_optimised() { optimised_ = true; }

 private:
  std::unique_ptr<GraphIr> ir_;
  bool optimised_ = false;
};

}  // namespace kinglet
