#include "kinglet/outline.h"

#include <utility>

#include "engine/cost/files.h"
#include "engine/runtime/bound_plan.h"
#include "engine/runtime/model_impl.h"
#include "engine/runtime/step_times.h"
#include "kinglet/error.h"

namespace kinglet {

class Outline::Impl {
 public:
  explicit Impl(std::shared_ptr<Model::Impl> model)
      : model_(std::move(model)), machine_(model_->MachineOfNetwork()) {}

  const Model::Impl& model() const { return *model_; }

  OutlinedPlan At(const InputShapes& shapes, int threads, const Calibration* figures) const {
    if (CheckThreads(threads) == 0) {
      throw Error(ErrorCode::kInvalidInput, "threads: expected at least 1, found 0");
    }
    const std::vector<Shape> ordered = model_->OrderShapes(shapes);
    PackedStore packed{PackedStore::Unfilled{}};
    const std::shared_ptr<const Plan> plan = model_->OutlineFor(ordered, threads, packed);
    OutlinedPlan outlined;
    outlined.plan = model_->DescribePlan(*plan, threads);
    kernels::MachineModel machine = machine_;
    if (figures != nullptr) Apply(*figures, machine);
    outlined.times = StepTimes(*plan, threads, machine);
    outlined.times.resize(outlined.plan.steps.size());
    outlined.memory = NeedOf(plan, ordered, threads, packed.bytes());
    outlined.memory.arena_bytes = outlined.plan.arena_bytes;
    outlined.memory.scratch_bytes = outlined.plan.scratch_bytes;
    return outlined;
  }

 private:
  MemoryNeed NeedOf(const std::shared_ptr<const Plan>& plan, const std::vector<Shape>& shapes,
                    int threads, std::size_t packed_bytes) const {
    MemoryNeed need;
    need.weight_bytes = model_->constant_bytes();
    need.packed_bytes = packed_bytes;
    need.session_bytes = BoundPlan(plan, model_->outputs().size(), threads).bytes;
    need.plan_bytes = PlanBytes(*plan);
    for (std::size_t k = 0; k < shapes.size(); ++k) {
      need.input_bytes += StoredBytes(model_->inputs()[k].type, shapes[k]);
    }
    for (std::size_t k = 0; k < model_->outputs().size(); ++k) {
      const ValueSource source = BoundPlan::SourceOf(*plan, k);
      if (source.kind != ValueSource::Kind::kFixed) continue;
      const TensorState& state = plan->outputs[source.index];
      need.output_bytes += StoredBytes(state.type, state.shape);
    }
    return need;
  }

  std::shared_ptr<Model::Impl> model_;
  kernels::MachineModel machine_;
};

Outline::Outline(Graph graph, const CompileOptions& options)
    : impl_(std::make_shared<const Impl>(Model::Impl::Compile(std::move(graph), options))) {}

Outline::Outline(const Model& model)
    : impl_(std::make_shared<const Impl>(Model::Impl::Of(model))) {}

OutlinedPlan Outline::At(const InputShapes& shapes, int threads, const Calibration* figures) const {
  return impl_->At(shapes, threads, figures);
}

std::vector<TensorInfo> Outline::inputs() const { return impl_->model().inputs(); }
Precision Outline::precision() const { return impl_->model().precision(); }
const std::vector<std::string>& Outline::notes() const { return impl_->model().notes(); }

ForeignCalibration ReadForeignCalibration(const std::string& file) {
  ForeignCalibration foreign;
  foreign.figures = ReadForeignCalibration(file, foreign.cpu, foreign.instruction_set);
  return foreign;
}

Calibration FiguresOf(const MachineFiles& files) {
  return FiguresOf(Machine(files).cost().machine);
}

}  // namespace kinglet
