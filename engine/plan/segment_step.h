// A segment: consecutive nodes that take a batch a few images at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/plan/plan.h"

namespace kinglet {

// A segment's plan for `images` images, run `runs` times.
struct SegmentPlan {
  std::unique_ptr<Plan> plan;
  std::int64_t images = 1;
  std::int64_t runs = 1;
};

// Each unit is one run: it carries its images through the whole plan on one thread, with the
// tensors of the plan in that thread's scratch, where they stay in its cache. Inputs and outputs
// are those of the plans with the batch in dim 0. Every thread has the same runs of every plan, and
// units go thread by thread: the shares that the executor hands out are then equal, and hold the
// same images in each segment.
class SegmentStep final : public Step {
 public:
  // `threads` divides the runs of every plan.
  SegmentStep(std::vector<SegmentPlan> plans, int threads);

  void Run(const StepArgs& args, std::int64_t begin, std::int64_t end) const noexcept override;

  const std::vector<SegmentPlan>& plans() const { return plans_; }
  // Steps of all plans.
  std::size_t step_count() const;

 private:
  void RunPlan(std::size_t plan, std::int64_t first_image, const StepArgs& args) const noexcept;

  int threads_;
  std::int64_t images_per_thread_ = 0;
  std::vector<SegmentPlan> plans_;
  std::vector<std::vector<std::string>> labels_;         // of the steps of each plan, for messages
  std::vector<std::size_t> input_bytes_, output_bytes_;  // of one image
  std::size_t pointer_count_ = 0;  // inputs and outputs of the largest step, and the plan's own
};

// A step that is shown and timed by itself: of a plan, or of a segment in it.
struct SingleStep {
  const PlanStep* step = nullptr;
  const SegmentPlan* plan = nullptr;  // null: of the plan itself
};

// Those of a plan in order, the steps of a segment for each of its plans.
std::vector<SingleStep> SingleSteps(const Plan& plan);

}  // namespace kinglet
