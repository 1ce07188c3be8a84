// What is behind Model and Session.
#pragma once

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "engine/plan/plan.h"
#include "kinglet/model.h"

namespace kinglet {

class Model::Impl {
 public:
  Impl(Graph graph, const CompileOptions& options);

  const GraphIr& ir() const { return graph_.ir(); }
  const std::vector<TensorInfo>& inputs() const { return inputs_; }
  const std::vector<TensorInfo>& outputs() const { return outputs_; }
  int threads() const { return plan_options_.threads; }
  std::size_t weight_bytes() const;

  // The plan for these shapes (in the graph's order of inputs), made when there is none yet.
  std::shared_ptr<const Plan> PlanFor(const std::vector<Shape>& shapes);
  // Checks names and shapes against the declared inputs; the shapes in the graph's order.
  std::vector<Shape> OrderShapes(const InputShapes& shapes) const;
  // Checks type and shape of a tensor against input k.
  void CheckInput(std::size_t k, const Tensor& tensor) const;
  // Throws Error(kInvalidInput) unless there is an input of this name.
  void CheckInputName(const std::string& name) const;
  [[noreturn]] void ThrowMissingInput(const std::string& name) const;

  const std::vector<std::string>& notes() const { return notes_; }
  TuneReport Tune(const std::vector<Shape>& shapes, const TuneOptions& options);
  void SaveTuning(const std::string& file) const;

 private:
  // What kernels are chosen by now.
  CostModel cost() const;
  // Adds measurements; plans are made anew.
  void Learn(const TuningTable& measured);

  Graph graph_;
  std::vector<TensorInfo> inputs_, outputs_;  // as declared in the file
  PlanOptions plan_options_;
  std::size_t max_plans_;
  PackedStore packed_;  // outlives the plans

  std::vector<std::string> notes_;

  mutable std::mutex mutex_;  // guards plans_ and plan_options_.cost
  std::vector<std::pair<std::vector<Shape>, std::shared_ptr<const Plan>>> plans_;
};

}  // namespace kinglet
