#include <cstdint>
#include <cstring>
#include <new>
#include <optional>

#include "engine/plan/segment_step.h"
#include "engine/runtime/bound_plan.h"
#include "engine/runtime/dynamic_run.h"
#include "engine/runtime/executor.h"
#include "engine/runtime/model_impl.h"
#include "engine/runtime/output_memory.h"
#include "engine/runtime/team_size.h"
#include "engine/runtime/views.h"
#include "kinglet/error.h"

namespace kinglet {

class Session::Impl {
 public:
  Impl(std::shared_ptr<Model::Impl> model, const SessionOptions& options)
      : model_(std::move(model)),
        threads_(model_->ThreadsOr(options.threads)),
        share_cores_(options.share_cores),
        team_size_(threads_) {
    shapes_.resize(model_->inputs().size());
    input_pointers_.resize(model_->inputs().size());
    for (const TensorInfo& info : model_->outputs()) outputs_[info.name];
    for (const TensorInfo& info : model_->outputs()) {
      output_tensors_.push_back(&outputs_.find(info.name)->second);
    }
  }

  int threads() const { return threads_; }

  const Tensors& Run(const Tensors& inputs) {
    TakeInputs(inputs);
    Run(false);
    return outputs_;
  }

  void Run(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
    TakeInputs(inputs);
    CheckViews(model_->ir().source, "output", model_->outputs(), outputs);
    CheckApart(model_->ir().source, model_->inputs(), inputs, model_->outputs(), outputs);
    views_ = outputs;
    try {
      Run(false);
    } catch (...) {
      views_.reset();
      throw;
    }
    views_.reset();
  }

  std::vector<double> Profile(const Tensors& inputs) {
    TakeInputs(inputs);
    Run(true);
    return step_seconds_;
  }

 private:
  // On inputs that are taken, to the tensors of the session or the caller's views.
  void Run(bool timed) {
    try {
      PreparePlan();
      PreparePointers();
    } catch (const std::bad_alloc&) {
      throw Error(ErrorCode::kResource,
                  model_->ir().source + ": not enough memory; use a smaller batch or image size");
    }
    const std::size_t fixed_steps = timed ? SingleSteps(*plan_).size() : 0;
    if (timed) step_seconds_.assign(fixed_steps + DynamicNodes(), 0);
    const int wanted = timed ? threads_ : team_size_.Now();
    Crew crew(wanted, share_cores_);
    RunFixed(crew, timed ? step_seconds_.data() : nullptr);
    if (!timed && crew.size() == wanted) {
      team_size_.Ended(executor_.stalled(), executor_.seconds());
    }
    if (plan_->dynamic != nullptr) {
      RunDynamic(crew, timed ? step_seconds_.data() + fixed_steps : nullptr);
    }
    output_memory_.EndRun();
  }

  void RunFixed(Crew& crew, double* seconds) {
    bound_->binding.Bind(arena(), input_pointers_, fixed_pointers_);
    const int failed = executor_.Run(bound_->binding, crew, arena() + bound_->scratch_offset,
                                     bound_->scratch_stride, status_, seconds);
    if (failed < 0) return;
    const PlanStep& step = plan_->steps[static_cast<std::size_t>(failed)];
    const std::string where =
        status_.where() != nullptr ? status_.where() : "node '" + step.name + "' (" + step.op + ")";
    throw Error(ErrorCode::kInvalidInput,
                model_->ir().source + ": " + where + ": " + status_.message());
  }

  std::size_t DynamicNodes() const {
    return plan_->dynamic == nullptr ? 0 : plan_->dynamic->nodes.size();
  }

  // What waits for data, on what the plan's steps have made.
  void RunDynamic(Crew& crew, double* seconds) {
    try {
      dynamic_->Run(crew, shapes_, input_pointers_, fixed_pointers_, seconds);
      const std::vector<ValueSource>& sources = plan_->dynamic->outputs;
      for (std::size_t k = 0; k < output_tensors_.size(); ++k) {
        if (sources[k].kind != ValueSource::Kind::kProgram) continue;
        const RunValue& value = dynamic_->Output(sources[k].index);
        void* to = PrepareOutput(k, value.type, value.shape);
        if (value.bytes() > 0) std::memcpy(to, value.data, value.bytes());
      }
      dynamic_->End();
    } catch (const std::bad_alloc&) {
      dynamic_->End();
      throw Error(ErrorCode::kResource, model_->ir().source + ": not enough memory for the run");
    } catch (const Error&) {
      dynamic_->End();
      throw;
    }
  }

  void TakeInputs(const Tensors& inputs) {
    const std::vector<TensorInfo>& infos = model_->inputs();
    for (std::size_t k = 0; k < infos.size(); ++k) {
      const auto it = inputs.find(infos[k].name);
      if (it == inputs.end()) model_->ThrowMissingInput(infos[k].name);
      TakeInput(k, it->second);
    }
    if (inputs.size() == infos.size()) return;
    for (const auto& [name, tensor] : inputs) model_->CheckInputName(name);
  }
  void TakeInputs(std::span<const ConstTensorView> inputs) {
    CheckViews(model_->ir().source, "input", model_->inputs(), inputs);
    for (std::size_t k = 0; k < inputs.size(); ++k) TakeInput(k, inputs[k]);
  }
  void TakeInput(std::size_t k, const ConstTensorView& input) {
    shapes_[k].assign(input.shape.begin(), input.shape.end());
    model_->CheckInput(k, input.type, shapes_[k]);
    input_pointers_[k] = input.data;
  }

  void PreparePlan() {
    ++runs_;
    if (plan_ == nullptr || shapes_ != plan_shapes_) {
      std::shared_ptr<const Plan> plan = model_->PlanFor(shapes_, threads_);
      plan_.reset();  // until all of the new one is there
      bound_ = &bound_plans_.Of(plan, output_tensors_.size(), threads_);
      executor_.Reserve(*plan);
      if (plan->dynamic != nullptr) {
        if (dynamic_ == nullptr) {
          dynamic_ = std::make_unique<DynamicRun>(model_->ir(), model_->plan_options(threads_));
        }
        dynamic_->Prepare(plan);
      }
      plan_shapes_ = shapes_;
      plan_ = std::move(plan);
    }
    FitMemory(bound_->bytes);
  }

  // Grown when need be, and given back when for many runs no plan has needed more than a fourth.
  void FitMemory(std::size_t bytes) {
    constexpr std::uint64_t kSmallRuns = 64;
    if (bytes > memory_.bytes() / 4) last_large_run_ = runs_;
    if (memory_.bytes() >= bytes && runs_ - last_large_run_ < kSmallRuns) return;
    memory_ = {};
    memory_ = Tensor(DataType::kUInt8, {static_cast<std::int64_t>(bytes)});
    last_large_run_ = runs_;
  }
  std::byte* arena() { return static_cast<std::byte*>(memory_.raw()); }

  // Of the outputs of the plan.
  void PreparePointers() {
    fixed_pointers_.resize(plan_->outputs.size());
    for (std::size_t j = 0; j < fixed_pointers_.size(); ++j) {
      if (bound_->borders[j] != BoundPlan::kNotHere) {
        fixed_pointers_[j] = arena() + bound_->borders[j];
      }
    }
    for (std::size_t k = 0; k < output_tensors_.size(); ++k) {
      const auto [kind, index] = BoundPlan::SourceOf(*plan_, k);
      if (kind != ValueSource::Kind::kFixed) continue;
      const TensorState& wanted = plan_->outputs[index];
      fixed_pointers_[index] = PrepareOutput(k, wanted.type, wanted.shape);
    }
  }
  // The memory of output k of the graph.
  void* PrepareOutput(std::size_t k, DataType type, const Shape& shape) {
    if (views_) {
      const TensorView& view = (*views_)[k];
      CheckOutput(model_->ir().source, model_->outputs()[k], view, type, shape);
      return view.data;
    }
    output_memory_.Renew(*output_tensors_[k], type, shape);
    return output_tensors_[k]->raw();
  }

  std::shared_ptr<Model::Impl> model_;
  const int threads_;
  const bool share_cores_;
  TeamSize team_size_;
  std::vector<Shape> shapes_, plan_shapes_;
  std::shared_ptr<const Plan> plan_;
  BoundPlans bound_plans_;
  BoundPlan* bound_ = nullptr;  // of plan_
  Executor executor_;
  Tensor memory_;  // arena, scratch and borders of the plan that runs
  std::uint64_t runs_ = 0;
  std::uint64_t last_large_run_ = 0;  // that needed more than a fourth of it
  std::vector<const void*> input_pointers_;
  std::vector<void*> fixed_pointers_;    // outputs of the plan
  std::unique_ptr<DynamicRun> dynamic_;  // where nodes wait for data
  OutputMemory output_memory_;
  Tensors outputs_;
  std::vector<Tensor*> output_tensors_;               // into outputs_, in the graph's order
  std::optional<std::span<const TensorView>> views_;  // where the caller owns the outputs
  RunStatus status_;
  std::vector<double> step_seconds_;
};

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

int Session::threads() const { return impl_->threads(); }
const Tensors& Session::Run(const Tensors& inputs) { return impl_->Run(inputs); }
void Session::Run(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs) {
  impl_->Run(inputs, outputs);
}
std::vector<double> Session::Profile(const Tensors& inputs) { return impl_->Profile(inputs); }

Session Model::NewSession(const SessionOptions& options) const {
  return Session(std::make_unique<Session::Impl>(impl_, options));
}

}  // namespace kinglet
