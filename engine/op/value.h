// A value while a graph runs: a tensor whose size is known by now, or a sequence of tensors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "engine/op/op.h"
#include "engine/op/scratch_pool.h"

namespace kinglet {

// Cheap to copy; copies share the elements, which nobody writes any more. Exactly one of type and
// sequence is set, or none: there is no value.
struct RunValue {
  DataType type = DataType::kUndefined;
  Layout layout = Layout::kPlain;
  Shape shape;
  const void* data = nullptr;
  ScratchRef memory;  // that holds `data`; none when somebody else keeps it
  std::shared_ptr<const std::vector<RunValue>> sequence;

  bool is_tensor() const { return type != DataType::kUndefined; }
  bool is_sequence() const { return sequence != nullptr; }
  std::size_t bytes() const { return StoredBytes({ElementTypeOf(type), layout}, shape); }

  // No value; keeps the memory of `shape` for the next one.
  void Clear() noexcept {
    type = DataType::kUndefined;
    data = nullptr;
    memory.Reset();
    sequence.reset();
  }
};

using RunSequence = std::vector<RunValue>;

}  // namespace kinglet
