// A graph in two: what can be planned once the input shapes are known, and what waits for
// data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/dynamic/program.h"
#include "engine/graph/ir.h"
#include "engine/infer/inference.h"

namespace kinglet {

// Where a value comes from.
struct ValueSource {
  enum class Kind : std::uint8_t {
    kInput,    // of the graph
    kFixed,    // an output of the fixed graph
    kKnown,    // known once the input shapes are
    kProgram,  // an output of the program
  };
  Kind kind = Kind::kInput;
  std::size_t index = 0;  // of the input or output, or of `known`

  bool operator==(const ValueSource&) const = default;
};

// A graph in two. Does not depend on the input shapes, unless they change which nodes wait.
struct Division {
  GraphIr fixed;                     // with the values of the whole graph
  std::unique_ptr<Program> program;  // runs after it
  std::vector<ValueSource> inputs;   // of the program
  std::vector<ValueSource> outputs;  // of the graph: kFixed or kProgram
  std::vector<ValueId> known;
  std::vector<std::size_t> nodes;        // of the graph: those of the program
  std::vector<std::size_t> fixed_nodes;  // those of the fixed graph
};

// The divisions of one graph, shared by the plans that are made of it at the same time or later.
// Thread-safe.
class Divisions {
 public:
  // What is kept for the same division, or null.
  std::shared_ptr<const Division> Find(const Division& division) const;
  // Keeps one as long as plans have it; gives the one that another thread has added before.
  std::shared_ptr<const Division> Add(std::shared_ptr<const Division> division);

 private:
  std::shared_ptr<const Division> FindLocked(const Division& division) const;

  mutable std::mutex mutex_;
  std::vector<std::weak_ptr<const Division>> divisions_;
};

// The division of a graph, from `divisions` where it is there; null when no node that the outputs
// need waits. Packed forms of the program go to `packed`.
std::shared_ptr<const Division> Divide(const GraphIr& graph, const GraphStates& states,
                                       PackedStore& packed, Divisions& divisions);

}  // namespace kinglet
