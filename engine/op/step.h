// A step of a plan: one operator (or copy) with everything resolved, ready to run.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "engine/cost/choice_key.h"
#include "kernels/common/work.h"

namespace kinglet {

// Where a step reports that the data it met is wrong (an index out of range, say). The first report
// wins; the executor leaves at the next step and Session::Run throws.
class RunStatus {
 public:
  bool ok() const noexcept { return !failed_.load(std::memory_order_acquire); }
  // printf-style; keeps at most kMessageBytes - 1 characters.
  __attribute__((format(printf, 2, 3))) void Fail(const char* format, ...) noexcept;
  // The same from within a step that runs others: `where` names the one, and outlives the status.
  void FailAt(const char* where, const char* message) noexcept;
  const char* message() const noexcept { return message_; }
  const char* where() const noexcept { return where_; }  // null: the step itself
  void Reset() noexcept;

 private:
  static constexpr std::size_t kMessageBytes = 256;
  std::atomic<bool> claimed_{false};
  std::atomic<bool> failed_{false};
  const char* where_ = nullptr;
  char message_[kMessageBytes] = {};
};

struct StepArgs {
  const void* const* inputs;  // parallel to the node's inputs; null where an input is absent, or
                              // where the plan function took its value before (DoNotRead)
  void* const* outputs;       // parallel to the node's outputs; null where an output is unused
  std::byte* scratch;         // scratch_bytes of this worker, 64-byte aligned
  RunStatus* status;
  // This worker has run other units of the step just before: scratch is as it left it.
  bool again = false;
  // Null but when somebody wants to know: where a step that runs others adds up what each of them
  // takes, as its share of the time of all threads.
  double* seconds = nullptr;
};

// Work is cut into units that do not depend on each other; any range of units may run on any
// thread. Where a step treats the images of a batch alike, units are image-major: image n owns
// units [n * units / N, (n + 1) * units / N).
class Step {
 public:
  virtual ~Step() = default;
  virtual void Run(const StepArgs& args, std::int64_t begin, std::int64_t end) const noexcept = 0;

  std::string kernel;             // id, "conv/direct_f32"; never the ISA
  std::int64_t units = 1;         // 0: nothing to do
  std::size_t scratch_bytes = 0;  // for each worker
  std::int64_t macs = 0;          // multiply-adds of the whole step
  std::string cut;                // what the units are, where that is known: "8 images x 4 parts"
  // The question that `kernel` answers, by which measurements of it are kept; none where there is
  // no choice. And which revision of the kernel answers it.
  std::optional<ChoiceKey> choice;
  int revision = 1;
  bool single_units = false;  // a unit is much work: threads take them one at a time
  // What it does, on the threads that it was planned for. The plan function of an operator that
  // computes much says it; where none does, the planner fills in the bytes of inputs and outputs.
  kernels::Work work;
  double measured_seconds = 0;   // of the kernel at this choice, where it was tuned
  double predicted_seconds = 0;  // the planner's: measured, or predicted of the work
};

template <typename F>
class FunctionStep final : public Step {
 public:
  explicit FunctionStep(F function) : function_(std::move(function)) {}
  void Run(const StepArgs& args, std::int64_t begin, std::int64_t end) const noexcept override {
    function_(args, begin, end);
  }

 private:
  F function_;
};

// A step around `function(const StepArgs&, std::int64_t begin, std::int64_t end)`, which must not
// throw or allocate.
template <typename F>
std::unique_ptr<Step> MakeStep(std::string kernel, std::int64_t units, F function) {
  auto step = std::make_unique<FunctionStep<F>>(std::move(function));
  step->kernel = std::move(kernel);
  step->units = units;
  return step;
}

}  // namespace kinglet
