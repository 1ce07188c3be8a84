#include "models/fit/known_shapes.h"

#include <algorithm>

#include "engine/infer/inference.h"
#include "kinglet/error.h"
#include "models/fit/picture_input.h"

namespace kinglet {
namespace {

// The declared shapes, with one picture of this size for the input of pictures, and 1 for whatever
// else is free.
std::vector<Shape> InputShapesAt(const GraphIr& ir, const std::string& input, int width,
                                 int height) {
  std::vector<Shape> shapes;
  for (const ValueId id : ir.inputs) {
    const Value& value = ir.value(id);
    Shape shape = value.dims;
    if (value.name == input) {
      const auto layout =
          PictureLayout({value.name, value.type, value.has_shape, shape, {}}, Task::kDetect);
      if (layout) {
        const std::size_t rows = HeightAxis(*layout, shape.size());
        if (shape[rows] < 0) shape[rows] = height;
        if (shape[rows + 1] < 0) shape[rows + 1] = width;
      }
    }
    std::replace_if(
        shape.begin(), shape.end(), [](std::int64_t size) { return size < 0; }, 1);
    shapes.push_back(std::move(shape));
  }
  return shapes;
}

}  // namespace

std::vector<TensorInfo> OutputsAt(const Graph& graph, const std::string& input, int width,
                                  int height) {
  const GraphIr& ir = graph.ir();
  std::vector<TensorInfo> outputs = graph.outputs();
  GraphStates states;
  try {
    states = StartInference(ir, InputShapesAt(ir, input, width, height), {});
    InferWhatFollows(ir, states, {});
  } catch (const Error&) {
    return outputs;
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const TensorState& state = states[static_cast<std::size_t>(ir.outputs[i])];
    if (state.type == DataType::kUndefined) continue;
    TensorInfo& output = outputs[i];
    output.type = state.type;
    output.has_shape = true;
    output.shape = state.shape;
    output.symbols.assign(state.shape.size(), "");
  }
  return outputs;
}

}  // namespace kinglet
