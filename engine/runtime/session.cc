#include <new>

#include "engine/plan/segment_step.h"
#include "engine/runtime/executor.h"
#include "engine/runtime/model_impl.h"
#include "kinglet/error.h"

namespace kinglet {

class Session::Impl {
 public:
  explicit Impl(std::shared_ptr<Model::Impl> model) : model_(std::move(model)) {
    shapes_.resize(model_->inputs().size());
    input_pointers_.resize(model_->inputs().size());
    output_pointers_.resize(model_->outputs().size());
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
    binding_->Bind(arena_, input_pointers_, output_pointers_);
    if (timed) step_seconds_.assign(SingleSteps(*plan_).size(), 0);
    const int failed = binding_->Run(model_->threads(), scratch_, scratch_stride_, status_,
                                     timed ? step_seconds_.data() : nullptr);
    if (failed >= 0) {
      const PlanStep& step = plan_->steps[static_cast<std::size_t>(failed)];
      const std::string where = status_.where() != nullptr
                                    ? status_.where()
                                    : "node '" + step.name + "' (" + step.op + ")";
      throw Error(ErrorCode::kInvalidInput,
                  model_->ir().source + ": " + where + ": " + status_.message());
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
    scratch_stride_ = (plan->scratch_bytes + kPage - 1) / kPage * kPage + kLine;
    const std::size_t scratch = scratch_stride_ * static_cast<std::size_t>(model_->threads());
    const std::size_t bytes = plan->arena_bytes + kPage + scratch;
    // Grown when need be, and given back when a plan needs much less than the largest so far.
    if (memory_.bytes() < bytes || memory_.bytes() / 4 > bytes) {
      memory_ = {};
      memory_ = Tensor(DataType::kUInt8, {static_cast<std::int64_t>(bytes)});
    }
    arena_ = static_cast<std::byte*>(memory_.raw());
    scratch_ = arena_ + (plan->arena_bytes + kLine - 1) / kLine * kLine;
    binding_ = std::make_unique<PlanBinding>(*plan);
    plan_ = std::move(plan);
    plan_shapes_ = shapes_;
  }

  // Output tensors are used again, unless the caller kept them.
  void PrepareOutputs() {
    for (std::size_t k = 0; k < output_tensors_.size(); ++k) {
      Tensor& tensor = *output_tensors_[k];
      const TensorState& wanted = plan_->outputs[k];
      if (!tensor.unique() || tensor.type() != wanted.type || tensor.shape() != wanted.shape) {
        tensor = Tensor(wanted.type, wanted.shape);
      }
      output_pointers_[k] = tensor.raw();
    }
  }

  static constexpr std::size_t kLine = 64;
  static constexpr std::size_t kPage = 4096;

  std::shared_ptr<Model::Impl> model_;
  std::vector<Shape> shapes_, plan_shapes_;
  std::shared_ptr<const Plan> plan_;
  std::unique_ptr<PlanBinding> binding_;
  Tensor memory_;
  std::byte* arena_ = nullptr;
  std::byte* scratch_ = nullptr;
  std::size_t scratch_stride_ = 0;
  std::vector<const void*> input_pointers_;
  std::vector<void*> output_pointers_;
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
