#include <cstring>
#include <new>

#include "engine/plan/segment_step.h"
#include "engine/runtime/dynamic_run.h"
#include "engine/runtime/executor.h"
#include "engine/runtime/model_impl.h"
#include "engine/runtime/team_size.h"
#include "kinglet/error.h"

namespace kinglet {

class Session::Impl {
 public:
  explicit Impl(std::shared_ptr<Model::Impl> model)
      : model_(std::move(model)), team_size_(model_->threads()) {
    shapes_.resize(model_->inputs().size());
    input_pointers_.resize(model_->inputs().size());
    for (const TensorInfo& info : model_->outputs()) outputs_[info.name];
    for (const TensorInfo& info : model_->outputs()) {
      output_tensors_.push_back(&outputs_.find(info.name)->second);
    }
  }

  const Tensors& Run(const Tensors& inputs) {
    Run(inputs, false);
    return outputs_;
  }

  std::vector<double> Profile(const Tensors& inputs) {
    Run(inputs, true);
    return step_seconds_;
  }

 private:
  void Run(const Tensors& inputs, bool timed) {
    TakeInputs(inputs);
    try {
      PreparePlan();
      PrepareOutputs();
    } catch (const std::bad_alloc&) {
      throw Error(ErrorCode::kResource,
                  model_->ir().source + ": not enough memory; use a smaller batch or image size");
    }
    binding_->Bind(arena_, input_pointers_, fixed_pointers_);
    const std::size_t fixed_steps = timed ? SingleSteps(*plan_).size() : 0;
    if (timed) step_seconds_.assign(fixed_steps + DynamicNodes(), 0);
    const int failed = timed ? binding_->Run(model_->threads(), scratch_, scratch_stride_, status_,
                                             step_seconds_.data())
                             : binding_->Run(team_size_.Now(), scratch_, scratch_stride_, status_);
    if (!timed) team_size_.Ended(binding_->stalled(), binding_->seconds());
    if (failed >= 0) {
      const PlanStep& step = plan_->steps[static_cast<std::size_t>(failed)];
      const std::string where = status_.where() != nullptr
                                    ? status_.where()
                                    : "node '" + step.name + "' (" + step.op + ")";
      throw Error(ErrorCode::kInvalidInput,
                  model_->ir().source + ": " + where + ": " + status_.message());
    }
    if (plan_->dynamic != nullptr) RunDynamic(timed ? step_seconds_.data() + fixed_steps : nullptr);
  }

  std::size_t DynamicNodes() const {
    return plan_->dynamic == nullptr ? 0 : plan_->dynamic->nodes.size();
  }

  // What waits for data, on what the plan's steps have made.
  void RunDynamic(double* seconds) {
    try {
      dynamic_->Run(shapes_, input_pointers_, fixed_pointers_, seconds);
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
      model_->CheckInput(k, it->second);
      shapes_[k] = it->second.shape();
      input_pointers_[k] = it->second.raw();
    }
    if (inputs.size() == infos.size()) return;
    for (const auto& [name, tensor] : inputs) model_->CheckInputName(name);
  }

  void PreparePlan() {
    if (plan_ != nullptr && shapes_ == plan_shapes_) return;
    std::shared_ptr<const Plan> plan = model_->PlanFor(shapes_);
    binding_.reset();
    plan_.reset();  // until all of the new one is there
    scratch_stride_ = (plan->scratch_bytes + kPage - 1) / kPage * kPage + kLine;
    const std::size_t scratch = scratch_stride_ * static_cast<std::size_t>(model_->threads());
    std::size_t bytes = plan->arena_bytes + kPage + scratch;
    const std::vector<std::size_t> borders = PlaceBorders(*plan, bytes);
    // Grown when need be, and given back when a plan needs much less than the largest so far.
    if (memory_.bytes() < bytes || memory_.bytes() / 4 > bytes) {
      memory_ = {};
      memory_ = Tensor(DataType::kUInt8, {static_cast<std::int64_t>(bytes)});
    }
    arena_ = static_cast<std::byte*>(memory_.raw());
    scratch_ = arena_ + (plan->arena_bytes + kLine - 1) / kLine * kLine;
    fixed_pointers_.clear();
    for (const std::size_t offset : borders) fixed_pointers_.push_back(arena_ + offset);
    if (plan->dynamic != nullptr) {
      if (dynamic_ == nullptr) {
        dynamic_ = std::make_unique<DynamicRun>(model_->ir(), model_->plan_options());
      }
      dynamic_->Prepare(plan);
    }
    binding_ = std::make_unique<PlanBinding>(*plan);
    plan_ = std::move(plan);
    plan_shapes_ = shapes_;
  }

  // Where output k of the graph comes from.
  static ValueSource SourceOf(const Plan& plan, std::size_t k) {
    return plan.dynamic == nullptr ? ValueSource{ValueSource::Kind::kFixed, k}
                                   : plan.dynamic->outputs[k];
  }

  // Offsets behind `bytes` of memory for what the fixed part hands to the rest, 0 for outputs of
  // the graph; adds what they take.
  std::vector<std::size_t> PlaceBorders(const Plan& plan, std::size_t& bytes) const {
    std::vector<bool> is_output(plan.outputs.size());
    for (std::size_t k = 0; k < output_tensors_.size(); ++k) {
      const ValueSource source = SourceOf(plan, k);
      if (source.kind == ValueSource::Kind::kFixed) is_output[source.index] = true;
    }
    std::vector<std::size_t> offsets(plan.outputs.size());
    for (std::size_t j = 0; j < offsets.size(); ++j) {
      if (is_output[j]) continue;
      offsets[j] = bytes = (bytes + kLine - 1) / kLine * kLine;
      bytes += LayoutBytes(plan.outputs[j].type, plan.outputs[j].shape, Layout::kPlain);
    }
    return offsets;
  }

  void PrepareOutputs() {
    for (std::size_t k = 0; k < output_tensors_.size(); ++k) {
      const auto [kind, index] = SourceOf(*plan_, k);
      if (kind != ValueSource::Kind::kFixed) continue;
      const TensorState& wanted = plan_->outputs[index];
      fixed_pointers_[index] = PrepareOutput(k, wanted.type, wanted.shape);
    }
  }
  // Output tensors are used again, unless the caller kept them.
  void* PrepareOutput(std::size_t k, DataType type, const Shape& shape) {
    Tensor& tensor = *output_tensors_[k];
    if (!tensor.unique() || tensor.type() != type || tensor.shape() != shape) {
      tensor = Tensor(type, shape);
    }
    return tensor.raw();
  }

  static constexpr std::size_t kLine = 64;
  static constexpr std::size_t kPage = 4096;

  std::shared_ptr<Model::Impl> model_;
  TeamSize team_size_;
  std::vector<Shape> shapes_, plan_shapes_;
  std::shared_ptr<const Plan> plan_;
  std::unique_ptr<PlanBinding> binding_;
  Tensor memory_;
  std::byte* arena_ = nullptr;
  std::byte* scratch_ = nullptr;
  std::size_t scratch_stride_ = 0;
  std::vector<const void*> input_pointers_;
  std::vector<void*> fixed_pointers_;    // outputs of the plan
  std::unique_ptr<DynamicRun> dynamic_;  // where nodes wait for data
  Tensors outputs_;
  std::vector<Tensor*> output_tensors_;  // into outputs_, in the graph's order
  RunStatus status_;
  std::vector<double> step_seconds_;
};

Session::Session(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;
Session::~Session() = default;

const Tensors& Session::Run(const Tensors& inputs) { return impl_->Run(inputs); }
std::vector<double> Session::Profile(const Tensors& inputs) { return impl_->Profile(inputs); }

Session Model::NewSession() const { return Session(std::make_unique<Session::Impl>(impl_)); }

}  // namespace kinglet
