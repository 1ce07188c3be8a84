// Memory of the tensors that a session hands out.
#pragma once

#include <cstddef>
#include <memory>

#include "kinglet/tensor.h"

namespace kinglet {

// Blocks that come back when the last handle to them goes, in whichever thread, and are used again
// then: so nobody asks whether a handle is the only one. Used by one thread; tensors may outlive
// it.
class OutputMemory {
 public:
  OutputMemory();
  ~OutputMemory();
  OutputMemory(const OutputMemory&) = delete;
  OutputMemory& operator=(const OutputMemory&) = delete;

  // Lets go of what `tensor` refers to and makes it one of this type and shape, in memory that no
  // other tensor has, which holds anything. Throws Error(kResource); `tensor` refers to nothing
  // then.
  void Renew(Tensor& tensor, DataType type, const Shape& shape);
  // A run has ended: gives back to the system what many runs did not need.
  void EndRun();

  std::size_t free_bytes() const;

 private:
  class Blocks;
  struct Block;
  template <typename T>
  struct InBlock;

  std::shared_ptr<Blocks> blocks_;
};

}  // namespace kinglet
