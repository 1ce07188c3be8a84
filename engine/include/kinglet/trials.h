// A network with other kernels than those that are chosen, run to see what they take in their
// places.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

#include "kinglet/outline.h"

namespace kinglet {

// The network of a model at these shapes, once with the best candidate of every choice by the cost
// model, once with the second best, and so on, as Model::Tune runs it. Used by one thread at a
// time.
class KernelTrials {
 public:
  // `threads`: 0: the model's. `candidates`: of each choice; fewer where there are no more, and
  // where the cost model is sure that they are slower. What was tuned does not count. Throws as
  // Model::Describe does.
  KernelTrials(const Model& model, const InputShapes& shapes, int threads, int candidates);
  KernelTrials(KernelTrials&&) noexcept;
  KernelTrials& operator=(KernelTrials&&) noexcept;
  ~KernelTrials();

  std::size_t size() const;  // at least 1
  // Without its memory.
  const OutlinedPlan& plan(std::size_t trial) const;
  // Runs one of them on made-up inputs: the seconds of each step. Throws Error(kInvalidInput) where
  // the network does not run on arbitrary ones.
  std::vector<double> Run(std::size_t trial);

  class Impl;

 private:
  std::unique_ptr<Impl> impl_;
};

}  // namespace kinglet
