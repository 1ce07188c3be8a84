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
  // What plans are made by now.
  PlanOptions plan_options() const;
  std::size_t weight_bytes() const;
  std::size_t plan_bytes() const;

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
  // Adds measurements; plans are made anew.
  void Learn(const TuningTable& measured);

  Graph graph_;
  std::vector<TensorInfo> inputs_, outputs_;  // as declared in the file
  PlanOptions plan_options_;
  std::size_t max_plan_bytes_;
  PackedStore packed_;  // outlives the plans

  std::vector<std::string> notes_;

  struct CachedPlan {
    std::vector<Shape> shapes;
    std::shared_ptr<const Plan> plan;
    std::size_t bytes = 0;
  };

  mutable std::mutex mutex_;                    // guards what follows and plan_options_.cost
  std::vector<CachedPlan> plans_;               // most recently used first
  std::shared_ptr<const DynamicPart> dynamic_;  // of the last plan that has one
};

}  // namespace kinglet
