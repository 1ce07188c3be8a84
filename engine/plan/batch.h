// Proof that a batch may be taken a few images at a time: that their results are the whole's.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <vector>

#include "engine/infer/inference.h"
#include "engine/op/op.h"

namespace kinglet {

// A graph whose inputs all have the batch as dim 0, and how far it treats images apart: the nodes
// [0, prefix()) map image i of what they read to image i of what they write. That is known from the
// operators (OpDef::batch_wise), and from shapes and known values inferred at several batch sizes,
// which must agree in all but the batch.
class BatchProof {
 public:
  // `states` are those of the whole graph at `input_shapes`; both must outlive this.
  BatchProof(const GraphIr& graph, const std::vector<Shape>& input_shapes,
             const GraphStates& states, const Limits& limits);

  std::int64_t batch() const { return batch_; }  // 0 when the inputs have none in common
  std::size_t prefix() const { return prefix_; }

  // The states of the prefix when `images` go together, or null when they are not those of the
  // batch but for dim 0.
  GraphStates* StatesOf(std::int64_t images);

 private:
  std::vector<Shape> ShapesOf(std::int64_t images) const;
  void Prove();
  bool ProveNode(const Node& node, const GraphStates& one);
  BatchUse KnownUse(std::size_t value, const GraphStates& one) const;
  bool Agrees(const GraphStates& states, std::int64_t images) const;

  const GraphIr& graph_;
  const std::vector<Shape>& input_shapes_;
  const GraphStates& states_;
  const Limits& limits_;
  std::int64_t batch_ = 0;
  std::size_t prefix_ = 0;
  std::vector<BatchUse> uses_;              // of each value
  std::vector<std::size_t> values_;         // made by the prefix and needed, or known
  std::map<std::int64_t, GraphStates> at_;  // by images; empty: they do not agree
};

}  // namespace kinglet
