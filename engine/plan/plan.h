// A plan: the steps of a graph at given input shapes, with a place for every tensor. Immutable;
// shared by the sessions of a model.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "engine/graph/ir.h"
#include "engine/ops/step.h"
#include "engine/plan/context.h"
#include "engine/plan/packed_store.h"
#include "kinglet/tensor.h"

namespace kinglet {

// Where the memory of a tensor is.
struct Slot {
  enum class Kind : std::uint8_t { kArena, kConstant, kInput, kOutput };
  Kind kind = Kind::kArena;
  std::size_t offset = 0;          // kArena: bytes from its start; kInput, kOutput: which
  const void* constant = nullptr;  // kConstant
};

struct PlanStep {
  std::unique_ptr<Step> step;
  std::string name;         // of the node, or of the tensor that is reordered
  std::string op;           // "Conv", "Reorder"
  Shape output_shape;       // of the first output
  std::vector<int> inputs;  // slots, -1 for none
  std::vector<int> outputs;
  std::vector<Shape> blocked;  // parallel to outputs: the shape of a blocked one, else empty
};

struct Plan {
  std::vector<PlanStep> steps;
  std::vector<Slot> slots;
  std::vector<TensorState> outputs;  // type and shape, in the graph's order
  std::size_t arena_bytes = 0;
  std::size_t scratch_bytes = 0;  // for each worker
  std::int64_t macs = 0;
  double predicted_seconds = 0;  // of all steps

  // What slots and steps point to.
  std::vector<Tensor> constants;
  PackedStore packed;
};

struct PlanOptions {
  Limits limits;
  int threads = 1;
  bool blocked_layout = true;
  CostModel cost;
};

// Plans `graph` for inputs of these shapes, in the order of graph.inputs. Packed forms of constants
// go to `packed`, which must outlive the plan. Throws Error(kInvalidModel, kUnsupported,
// kResource).
std::unique_ptr<Plan> MakePlan(const GraphIr& graph, const std::vector<Shape>& input_shapes,
                               const PlanOptions& options, PackedStore& packed);

}  // namespace kinglet
