// Plans of one network with the best candidate of every choice, the second best, and so on, run one
// after the other in the same memory. So a kernel is timed with its inputs as warm as they really
// are, and what it does to its neighbours is seen.
#pragma once

#include <cstddef>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "engine/plan/plan.h"
#include "engine/runtime/executor.h"
#include "engine/runtime/model_impl.h"

namespace kinglet {

class Trials {
 public:
  // The model must outlive them. `options`: what plans are made by, with their threads. Throws as
  // MakePlan does.
  Trials(const Model::Impl& model, const std::vector<Shape>& shapes, PlanOptions options,
         int candidates);

  std::size_t size() const { return plans_.size(); }
  const Plan& plan(std::size_t trial) const { return *plans_[trial]; }
  // Seconds of each step. Throws Error(kInvalidInput) where the network does not run on arbitrary
  // inputs.
  std::vector<double> Run(std::size_t trial);

 private:
  void MakePlans(const std::vector<Shape>& shapes, PlanOptions options, int candidates);
  void MakeMemory(const std::vector<Shape>& shapes);

  const Model::Impl& model_;
  const int threads_;
  PackedStore packed_;  // outlives the plans
  Divisions divisions_;
  std::vector<std::unique_ptr<Plan>> plans_;
  Executor executor_;
  std::vector<Tensor> inputs_, outputs_;
  std::vector<const void*> input_pointers_;
  std::vector<void*> output_pointers_;
  Tensor memory_;
  std::byte* scratch_ = nullptr;
  std::size_t stride_ = 0;
};

// Which kernel answers which choice.
using Answers = std::set<std::pair<ChoiceKey, std::string>>;
Answers AnswersOf(const Plan& plan);

}  // namespace kinglet
