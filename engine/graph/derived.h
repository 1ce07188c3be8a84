// Constants that can be made again of others.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>

#include "kinglet/tensor.h"

namespace kinglet {

struct GraphIr;

// A constant that is a function of smaller ones: weights in float32 of weights in 8 bits, say. It
// is kept until it is dropped, and made again for who asks after that. Safe to use from many
// threads at once.
class DerivedConstant {
 public:
  // `made` is what `make` returns, each time the same bits. `source_bytes`: of what that needs.
  DerivedConstant(const Tensor& made, std::size_t source_bytes, std::function<Tensor()> make);

  DataType type() const { return type_; }
  const Shape& shape() const { return shape_; }
  std::size_t source_bytes() const { return source_bytes_; }

  // The tensor; the caller's copy keeps it. Throws what making it throws.
  Tensor Get() const;
  // Keeps it no longer than those do who got it.
  void Drop() const;
  // What it takes now: 0 for the tensor itself where nobody keeps it.
  std::size_t bytes() const;

 private:
  const DataType type_;
  const Shape shape_;
  const std::size_t source_bytes_;
  const std::function<Tensor()> make_;
  mutable std::mutex mutex_;
  mutable std::shared_ptr<const Tensor> kept_;
  mutable std::weak_ptr<const Tensor> last_;  // what was given to others
};

// Leaves the weights of a graph that can be made again to the readers of Value::derived: its plans,
// which drop them once they are packed. Everything else, and subgraphs, are as they were. To be
// called when no pass reads the graph any more.
void ReleaseWeights(GraphIr& graph);

}  // namespace kinglet
