#include "engine/runtime/dynamic_run.h"

#include <utility>

#include "engine/runtime/denormals.h"
#include "kinglet/error.h"

namespace kinglet {
namespace {

double WeightBytes(const GraphIr& graph) {
  double bytes = 0;
  for (const Value& value : graph.values) bytes += static_cast<double>(value.constant.bytes());
  return bytes;
}

}  // namespace

DynamicRun::DynamicRun(const GraphIr& whole, const PlanOptions& options)
    : whole_(whole),
      options_(options),
      team_(options.threads),
      pool_(options.limits.max_scratch_bytes),
      interpreter_(options_, WeightBytes(whole), team_, pool_) {}

DynamicRun::~DynamicRun() { frame_.reset(); }

void DynamicRun::Prepare(std::shared_ptr<const Plan> plan) {
  if (frame_ == nullptr || division_ != plan->dynamic) {
    frame_.reset();
    division_ = plan->dynamic;
    frame_ = std::make_unique<Frame>(*division_->program);
  }
  // First, so that no step outlives what it was made from, should anything below throw.
  if (plan_ != plan) frame_->ForgetKnown();
  plan_ = std::move(plan);
  for (std::size_t k = 0; k < division_->inputs.size(); ++k) {
    if (division_->inputs[k].kind != ValueSource::Kind::kKnown) continue;
    const Tensor& known = plan_->known[division_->inputs[k].index];
    frame_->SetInput(k, known.type(), known.shape(), known.raw(), &known);
  }
}

void DynamicRun::Run(Crew& crew, const std::vector<Shape>& input_shapes,
                     const std::vector<const void*>& inputs,
                     const std::vector<void*>& fixed_outputs, double* seconds) {
  team_.Use(&crew);
  for (std::size_t k = 0; k < division_->inputs.size(); ++k) {
    const auto [kind, index] = division_->inputs[k];
    if (kind == ValueSource::Kind::kInput) {
      const Value& value = whole_.value(whole_.inputs[index]);
      frame_->SetInput(k, value.type, input_shapes[index], inputs[index], nullptr);
    } else if (kind == ValueSource::Kind::kFixed) {
      const TensorState& state = plan_->outputs[index];
      frame_->SetInput(k, state.type, state.shape, fixed_outputs[index], nullptr);
    }
  }
  const FlushDenormals flush;
  interpreter_.Begin();
  try {
    interpreter_.Run(*frame_, seconds);
  } catch (const Error& error) {
    End();
    // Wrong sizes come from the data here, not from the model.
    const bool data = error.code() == ErrorCode::kInvalidModel;
    throw Error(data ? ErrorCode::kInvalidInput : error.code(),
                whole_.source + ": " + error.what());
  }
}

const RunValue& DynamicRun::Output(std::size_t k) {
  RunValue& value = frame_->values[static_cast<std::size_t>(division_->program->outputs[k])];
  if (!value.is_tensor()) {
    const ValueId id =
        division_->program->values[static_cast<std::size_t>(division_->program->outputs[k])];
    throw Error(ErrorCode::kUnsupported, whole_.source + ": the output '" + whole_.value(id).name +
                                             "' is a sequence; outputs must be tensors");
  }
  interpreter_.MakePlain(value);
  return value;
}

void DynamicRun::End() noexcept {
  Interpreter::Clear(*frame_);
  pool_.EndRun();
  team_.Use(nullptr);
}

}  // namespace kinglet
