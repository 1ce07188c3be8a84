// What is behind Model and Session.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "engine/plan/division.h"
#include "engine/plan/plan.h"
#include "engine/runtime/plan_cache.h"
#include "engine/runtime/threads.h"
#include "kinglet/model.h"

namespace kinglet {

class Model::Impl {
 public:
  Impl(OptimisedGraph graph, const Machine& machine, const PrepareOptions& options);

  // As Model::Compile.
  static std::shared_ptr<Impl> Compile(Graph graph, const CompileOptions& options);
  static const std::shared_ptr<Impl>& Of(const Model& model) { return model.impl_; }

  const GraphIr& ir() const { return graph_.ir(); }
  const std::vector<TensorInfo>& inputs() const { return inputs_; }
  const std::vector<TensorInfo>& outputs() const { return outputs_; }
  // Of sessions that do not say.
  int threads() const { return plan_options_.threads; }
  Precision precision() const { return precision_; }
  // `threads` where it says a number, or the model's.
  int ThreadsOr(int threads) const {
    return CheckThreads(threads) > 0 ? threads : plan_options_.threads;
  }
  // What plans for this number of threads are made by now.
  PlanOptions plan_options(int threads) const;
  // The machine that they are for, with the weights of this network.
  kernels::MachineModel MachineOfNetwork() const;
  std::size_t weight_bytes() const;    // constants and what is packed of them
  std::size_t constant_bytes() const;  // as they came
  std::size_t plan_bytes() const { return plans_.bytes(); }

  // The plan for these shapes (in the graph's order of inputs) on so many threads, made when there
  // is none yet. No lock is held meanwhile.
  std::shared_ptr<const Plan> PlanFor(const std::vector<Shape>& shapes, int threads) {
    return plans_.Get(shapes, threads);
  }
  // A plan of its own with what it packs in `packed`, which must outlive it; nobody else knows it.
  std::shared_ptr<const Plan> OutlineFor(const std::vector<Shape>& shapes, int threads,
                                         PackedStore& packed) const;
  PlanInfo DescribePlan(const Plan& plan, int threads) const;
  // Checks names and shapes against the declared inputs; the shapes in the graph's order.
  std::vector<Shape> OrderShapes(const InputShapes& shapes) const;
  // Checks type and shape of a tensor against input k.
  void CheckInput(std::size_t k, DataType type, const Shape& shape) const;
  // Throws Error(kInvalidInput) unless there is an input of this name.
  void CheckInputName(const std::string& name) const;
  [[noreturn]] void ThrowMissingInput(const std::string& name) const;

  const std::vector<std::string>& notes() const { return notes_; }
  TuneReport Tune(const std::vector<Shape>& shapes, const TuneOptions& options);
  void SaveTuning(const std::string& file) const;

 private:
  void ComputeInBFloat16();
  std::shared_ptr<const Plan> MakePlanFor(const std::vector<Shape>& shapes, int threads);
  // Adds measurements; plans are made anew.
  void Learn(const TuningTable& measured);

  Graph graph_;
  std::vector<TensorInfo> inputs_, outputs_;  // as declared in the file
  Precision precision_;
  std::vector<std::string> notes_;
  std::function<void(const InputShapes&, int)> on_plan_;

  mutable std::mutex cost_mutex_;
  PlanOptions plan_options_;  // its cost changes
  PackedStore packed_;        // outlives the plans
  Divisions divisions_;
  PlanCache plans_;
};

}  // namespace kinglet
