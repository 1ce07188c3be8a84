// The nodes of a graph that wait for data, in the order in which they run.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "engine/op/op.h"
#include "engine/op/packed_store.h"

namespace kinglet {

struct Program;

// A subgraph of a node.
struct ProgramBody {
  std::string attribute;
  std::unique_ptr<Program> program;
};

struct ProgramNode {
  const Node* node = nullptr;
  const OpDef* op = nullptr;
  std::vector<int> inputs;   // slots, -1 where absent
  std::vector<int> outputs;  // slots, -1 where unused
  std::vector<int> last;     // slots that nobody reads after this node
  std::vector<ProgramBody> bodies;
};

// Values live in slots. Immutable; shared by sessions.
struct Program {
  std::vector<ProgramNode> nodes;
  std::vector<ValueId> values;           // of each slot
  std::vector<const Tensor*> constants;  // of each slot, null where it is none
  std::deque<Tensor> kept;               // of them: those that the graph may drop
  std::vector<int> inputs;               // slots given from outside
  std::vector<int> captured;  // of a subgraph: slots of the program around it, behind its inputs
  std::vector<int> outputs;   // slots
  PackedStore* packed = nullptr;  // forms of constants
  std::unique_ptr<PackedStore> own_packed;
};

// The program of these nodes of a graph (indices, in order), which makes `outputs`. Its inputs are
// the values that it does not make and that are no constants. Packed forms go to `packed`. The
// graph must outlive the program.
std::unique_ptr<Program> MakeProgram(const GraphIr& graph, const std::vector<std::size_t>& nodes,
                                     const std::vector<ValueId>& outputs, PackedStore& packed);

}  // namespace kinglet
