#include "engine/plan/segment_step.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <utility>

#include "engine/op/check.h"
#include "kernels/common/aligned.h"

namespace kinglet {
namespace {

using Clock = std::chrono::steady_clock;

using kernels::RoundUpToLine;

}  // namespace

SegmentStep::SegmentStep(std::vector<SegmentPlan> plans, int threads)
    : threads_(threads), plans_(std::move(plans)) {
  kernel = "segment";
  units = 0;
  single_units = true;
  const Plan& first = *plans_[0].plan;
  const auto images = static_cast<std::size_t>(plans_[0].images);
  for (const std::size_t bytes : first.input_bytes) input_bytes_.push_back(bytes / images);
  for (const std::size_t bytes : first.output_bytes) output_bytes_.push_back(bytes / images);

  std::size_t plan_bytes = 0;
  std::size_t largest = 0;
  for (const SegmentPlan& each : plans_) {
    units += each.runs;
    images_per_thread_ += each.runs / threads_ * each.images;
    macs += each.runs * each.plan->macs;
    plan_bytes = std::max(plan_bytes, RoundUpToLine(each.plan->arena_bytes) +
                                          RoundUpToLine(each.plan->scratch_bytes));
    labels_.emplace_back();
    for (const PlanStep& step : each.plan->steps) {
      labels_.back().push_back("node '" + step.name + "' (" + step.op + ")");
      largest = std::max(largest, step.inputs.size() + step.outputs.size());
    }
  }
  pointer_count_ = input_bytes_.size() + output_bytes_.size() + largest;
  scratch_bytes = RoundUpToLine(pointer_count_ * sizeof(void*)) + plan_bytes;
}

std::size_t SegmentStep::step_count() const {
  std::size_t count = 0;
  for (const SegmentPlan& each : plans_) count += each.plan->steps.size();
  return count;
}

void SegmentStep::Run(const StepArgs& args, std::int64_t begin, std::int64_t end) const noexcept {
  const std::int64_t runs = units / threads_;
  for (std::int64_t unit = begin; unit < end && args.status->ok(); ++unit) {
    std::int64_t image = unit / runs * images_per_thread_;
    std::int64_t run = unit % runs;
    std::size_t p = 0;
    for (; run >= plans_[p].runs / threads_; ++p) {
      run -= plans_[p].runs / threads_;
      image += plans_[p].runs / threads_ * plans_[p].images;
    }
    RunPlan(p, image + run * plans_[p].images, args);
  }
}

void SegmentStep::RunPlan(std::size_t p, std::int64_t first_image,
                          const StepArgs& args) const noexcept {
  const Plan& plan = *plans_[p].plan;
  const auto image = static_cast<std::size_t>(first_image);
  auto** pointers = reinterpret_cast<void**>(args.scratch);
  std::byte* const arena = args.scratch + RoundUpToLine(pointer_count_ * sizeof(void*));
  std::byte* const scratch = arena + RoundUpToLine(plan.arena_bytes);
  void** const inputs = pointers;
  for (std::size_t k = 0; k < input_bytes_.size(); ++k) {
    const auto* base = static_cast<const std::byte*>(args.inputs[k]);
    inputs[k] = const_cast<std::byte*>(base) + image * input_bytes_[k];
  }
  void** const outputs = inputs + input_bytes_.size();
  for (std::size_t k = 0; k < output_bytes_.size(); ++k) {
    outputs[k] = static_cast<std::byte*>(args.outputs[k]) + image * output_bytes_[k];
  }
  void** const step_inputs = outputs + output_bytes_.size();
  double* seconds = args.seconds;
  for (std::size_t q = 0; seconds != nullptr && q < p; ++q) seconds += plans_[q].plan->steps.size();
  RunStatus status;
  for (std::size_t s = 0; s < plan.steps.size(); ++s) {
    const PlanStep& step = plan.steps[s];
    void** const step_outputs = step_inputs + step.inputs.size();
    for (std::size_t i = 0; i < step.inputs.size(); ++i) {
      step_inputs[i] = Resolve(plan, step.inputs[i], arena, inputs, outputs);
    }
    for (std::size_t i = 0; i < step.outputs.size(); ++i) {
      step_outputs[i] = Resolve(plan, step.outputs[i], arena, inputs, outputs);
    }
    const StepArgs now{step_inputs, step_outputs, scratch, &status};
    const Clock::time_point start = seconds == nullptr ? Clock::time_point() : Clock::now();
    if (step.step->units > 0) step.step->Run(now, 0, step.step->units);
    if (seconds != nullptr) {
      const std::chrono::duration<double> took = Clock::now() - start;
      std::atomic_ref<double>(seconds[s]).fetch_add(took.count() / threads_);
    }
    if constexpr (kChecks) CheckPadLanes(step, step_outputs);
    if (!status.ok()) {
      args.status->FailAt(labels_[p][s].c_str(), status.message());
      return;
    }
  }
}

std::vector<SingleStep> SingleSteps(const Plan& plan) {
  std::vector<SingleStep> steps;
  for (const PlanStep& step : plan.steps) {
    if (step.segment == nullptr) {
      steps.push_back({&step, nullptr});
      continue;
    }
    for (const SegmentPlan& each : step.segment->plans()) {
      for (const PlanStep& inner : each.plan->steps) steps.push_back({&inner, &each});
    }
  }
  return steps;
}

}  // namespace kinglet
