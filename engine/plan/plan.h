// A plan: the steps of a graph at given input shapes, with a place for every tensor. Immutable;
// shared by the sessions of a model.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "engine/graph/ir.h"
#include "engine/op/context.h"
#include "engine/op/packed_store.h"
#include "engine/op/plan_options.h"
#include "engine/op/step.h"
#include "kinglet/tensor.h"

namespace kinglet {

// Where the memory of a tensor is.
struct Slot {
  enum class Kind : std::uint8_t { kArena, kConstant, kInput, kOutput };
  Kind kind = Kind::kArena;
  std::size_t index = 0;           // kInput, kOutput: which
  std::size_t offset = 0;          // bytes from the start of the arena, the input or the output
  const void* constant = nullptr;  // kConstant
};

// A blocked output of a step: its shape, and the elements from one image to the next.
struct BlockedOutput {
  Shape shape;  // empty: this output is plain
  std::int64_t image_stride = 0;
};

class SegmentStep;
struct Division;  // engine/plan/division.h
class Divisions;

struct PlanStep {
  std::unique_ptr<Step> step;
  const SegmentStep* segment = nullptr;  // `step` where it is one
  std::string name;                      // of the node, or of the tensor that is reordered
  std::string op;                        // "Conv", "Reorder"
  Shape output_shape;                    // of the first output
  std::vector<int> inputs;               // slots, -1 for none
  std::vector<int> outputs;
  std::vector<TensorDesc> input_descs;  // how the step reads and writes them, parallel to these
  std::vector<TensorDesc> output_descs;
  std::vector<BlockedOutput> blocked;  // parallel to outputs
  std::size_t node = 0;                // of the graph: the one that it runs or was inserted for
  std::int64_t images = 0;             // that it works on, where others go through segments; 0: all
};

struct Plan {
  std::vector<PlanStep> steps;
  std::vector<Slot> slots;
  std::vector<TensorState> outputs;  // type and shape, in the graph's order
  std::vector<std::size_t> input_bytes, output_bytes;
  std::size_t arena_bytes = 0;
  std::size_t scratch_bytes = 0;  // for each worker
  std::int64_t macs = 0;
  double predicted_seconds = 0;  // of all steps

  // What slots and steps point to.
  std::vector<Tensor> constants;
  std::size_t own_bytes = 0;  // of those that are not the model's
  PackedStore packed;
  std::vector<std::unique_ptr<Plan>> inlined;  // whose steps are among these

  std::vector<ValueId> blocked_values;  // that steps write in the blocked layout

  // Where nodes wait for data: what runs after the steps, whose outputs are then those of its fixed
  // graph, and what is known at these shapes. Null for most graphs.
  std::shared_ptr<const Division> dynamic;
  std::vector<Tensor> known;
};

// What a plan takes in memory, about: steps count as much as most of them take.
std::size_t PlanBytes(const Plan& plan);

// Aborts when pad lanes of a blocked output of the step are not zero.
void CheckPadLanes(const PlanStep& step, void* const* outputs) noexcept;

// The memory of a slot, null for -1.
void* Resolve(const Plan& plan, int slot, std::byte* arena, const void* const* inputs,
              void* const* outputs) noexcept;

// Plans `graph` for inputs of these shapes, in the order of graph.inputs. Packed forms of constants
// go to `packed`, which must outlive the plan, as must the graph where nodes wait for data.
// `divisions`: those of the graph's plans. Many threads may plan the same graph at once. Throws
// Error(kInvalidModel, kUnsupported, kResource).
std::unique_ptr<Plan> MakePlan(const GraphIr& graph, const std::vector<Shape>& input_shapes,
                               const PlanOptions& options, PackedStore& packed,
                               Divisions& divisions);

}  // namespace kinglet
