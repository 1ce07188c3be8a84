#include <algorithm>
#include <new>
#include <optional>

#include "engine/cost/files.h"
#include "engine/graph/derived.h"
#include "engine/passes/dense_bfloat16.h"
#include "engine/passes/store_bfloat16.h"
#include "engine/plan/division.h"
#include "engine/plan/segment_step.h"
#include "engine/runtime/model_impl.h"
#include "kernels/common/cpu_target.h"
#include "kernels/tiles/mode.h"
#include "kinglet/error.h"
#include "kinglet/verdict.h"

namespace kinglet {
namespace {

Error OutOfMemory(const GraphIr& graph) {
  return Error(ErrorCode::kResource,
               graph.source + ": not enough memory; use a smaller batch or image size");
}

}  // namespace

Model::Impl::Impl(OptimisedGraph graph, const Machine& machine, const PrepareOptions& options)
    : graph_(std::move(graph).graph()),
      inputs_(graph_.inputs()),
      outputs_(graph_.outputs()),
      precision_(options.precision == Precision::kAuto ? Precision::kModel : options.precision),
      notes_(machine.notes()),
      on_plan_(options.on_plan),
      plans_(options.max_plan_bytes, [this](const std::vector<Shape>& shapes, int threads) {
        return MakePlanFor(shapes, threads);
      }) {
  plan_options_.limits = options.limits;
  plan_options_.threads = CheckThreads(options.threads) > 0 ? options.threads : AvailableThreads();
  plan_options_.blocked_layout = options.blocked_layout;
  plan_options_.cost = machine.cost();
  plan_options_.cost.winograd = options.winograd;
  plan_options_.cost.deterministic = options.deterministic;
  notes_.insert(notes_.end(), graph_.notes().begin(), graph_.notes().end());
  if (precision_ == Precision::kBFloat16) ComputeInBFloat16();
  ReleaseWeights(graph_.ir());
}

void Model::Impl::ComputeInBFloat16() {
  const int stored = plan_options_.blocked_layout
                         ? MakeDenseConvolutions(graph_.ir()) + StoreBFloat16(graph_.ir())
                         : 0;
  if (stored == 0) {
    precision_ = Precision::kModel;
    notes_.push_back("nothing is stored as bfloat16: there are no convolutions that follow others");
    return;
  }
  const bool tiles = kernels::WantedTiles(kernels::CpuFeature::kAmxBf16) != kernels::TileMode::kOff;
  const bool pairs = kernels::UsableFeatures().Has(kernels::CpuFeature::kAvx512Bf16);
  if (!tiles && !pairs) {
    notes_.push_back(
        "this CPU multiplies bfloat16 neither by matrix tiles (or they are off) nor as pairs "
        "(avx512_bf16): bfloat16 saves memory here and costs time");
  }
}

std::shared_ptr<const Plan> Model::Impl::MakePlanFor(const std::vector<Shape>& shapes,
                                                     int threads) {
  try {
    if (on_plan_) {
      InputShapes named;
      for (std::size_t k = 0; k < shapes.size(); ++k) named[inputs_[k].name] = shapes[k];
      on_plan_(named, threads);
    }
    return MakePlan(graph_.ir(), shapes, plan_options(threads), packed_, divisions_);
  } catch (const std::bad_alloc&) {
    throw OutOfMemory(graph_.ir());
  }
}

PlanOptions Model::Impl::plan_options(int threads) const {
  const std::lock_guard lock(cost_mutex_);
  PlanOptions options = plan_options_;
  options.threads = threads;
  return options;
}

kernels::MachineModel Model::Impl::MachineOfNetwork() const {
  kernels::MachineModel machine = plan_options(1).cost.machine;
  for (const Value& value : ir().values) {
    machine.network_weight_bytes += static_cast<double>(value.constant.bytes());
  }
  return machine;
}

void Model::Impl::Learn(const TuningTable& measured) {
  {
    const std::lock_guard lock(cost_mutex_);
    const auto& known = plan_options_.cost.tuning;
    TuningTable table = known == nullptr ? TuningTable() : *known;
    for (const auto& [choice, times] : measured) table[choice] = times;
    plan_options_.cost.tuning = std::make_shared<const TuningTable>(std::move(table));
  }
  plans_.Clear();
}

void Model::Impl::SaveTuning(const std::string& file) const {
  const CostModel known = plan_options(1).cost;
  AddToTuningFile(known.tuning == nullptr ? TuningTable() : *known.tuning, file);
}

std::shared_ptr<const Plan> Model::Impl::OutlineFor(const std::vector<Shape>& shapes, int threads,
                                                    PackedStore& packed) const {
  try {
    Divisions divisions;
    return MakePlan(graph_.ir(), shapes, plan_options(threads), packed, divisions);
  } catch (const std::bad_alloc&) {
    throw OutOfMemory(graph_.ir());
  }
}

std::size_t Model::Impl::weight_bytes() const { return packed_.bytes() + constant_bytes(); }

std::size_t Model::Impl::constant_bytes() const {
  std::size_t bytes = 0;
  for (const Value& value : graph_.ir().values) {
    bytes += value.derived != nullptr ? value.derived->bytes() : value.constant.bytes();
  }
  return bytes;
}

namespace {

void CheckShape(const GraphIr& graph, const TensorInfo& info, const Shape& shape) {
  bool fits = !info.has_shape || info.shape.size() == shape.size();
  for (std::size_t d = 0; fits && info.has_shape && d < shape.size(); ++d) {
    fits = info.shape[d] < 0 || info.shape[d] == shape[d];
  }
  if (fits) return;
  std::string expected;
  for (std::size_t d = 0; d < info.shape.size(); ++d) {
    if (d > 0) expected += 'x';
    expected += info.shape[d] >= 0        ? std::to_string(info.shape[d])
                : info.symbols[d].empty() ? std::string("?")
                                          : info.symbols[d];
  }
  throw Error(ErrorCode::kInvalidInput, graph.source + ": input '" + info.name + "' has shape " +
                                            ShapeToString(shape) + ", expected " + expected);
}

}  // namespace

std::vector<Shape> Model::Impl::OrderShapes(const InputShapes& shapes) const {
  for (const auto& [name, shape] : shapes) CheckInputName(name);
  std::vector<Shape> ordered;
  for (const TensorInfo& info : inputs_) {
    const auto it = shapes.find(info.name);
    if (it == shapes.end()) ThrowMissingInput(info.name);
    ElementCount(it->second);  // throws for a bad shape
    CheckShape(graph_.ir(), info, it->second);
    ordered.push_back(it->second);
  }
  return ordered;
}

void Model::Impl::CheckInputName(const std::string& name) const {
  const auto is_named = [&](const TensorInfo& info) { return info.name == name; };
  if (std::any_of(inputs_.begin(), inputs_.end(), is_named)) return;
  std::string names;
  for (const TensorInfo& info : inputs_) names += (names.empty() ? "'" : ", '") + info.name + "'";
  throw Error(ErrorCode::kInvalidInput,
              graph_.ir().source + ": there is no input '" + name + "'; the inputs are " + names);
}

void Model::Impl::ThrowMissingInput(const std::string& name) const {
  throw Error(ErrorCode::kInvalidInput, graph_.ir().source + ": input '" + name + "' is missing");
}

void Model::Impl::CheckInput(std::size_t k, DataType type, const Shape& shape) const {
  const TensorInfo& info = inputs_[k];
  if (info.type != type) {
    throw Error(ErrorCode::kInvalidInput, graph_.ir().source + ": input '" + info.name +
                                              "' has type " + DataTypeName(type) + ", expected " +
                                              DataTypeName(info.type));
  }
  CheckShape(graph_.ir(), info, shape);
}

Model::Model(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}

Model Prepare(OptimisedGraph graph, const Machine& machine, const PrepareOptions& options) {
  return Model(std::make_shared<Model::Impl>(std::move(graph), machine, options));
}

namespace {

// What kAuto means for the graph, with a note on it.
Precision ChoosePrecision(Graph& graph, const CompileOptions& options) {
  if (options.precision != Precision::kAuto) return options.precision;
  std::optional<PrecisionVerdicts> verdicts;
  if (options.use_cache || !options.verdict_file.empty()) {
    verdicts = FindVerdicts(graph, options.verdict_file);
  }
  // A file may say int8 of what is not quantised.
  const Precision fastest = verdicts ? FastestAllowed(*verdicts) : Precision::kModel;
  const Precision precision = fastest == Precision::kInt8 ? Precision::kModel : fastest;
  graph.ir().notes.push_back(
      verdicts ? "runs in " + std::string(PrecisionName(fastest)) +
                     ", the fastest precision that a check has allowed"
               : "no check of this network is kept for this machine, so it runs as the model says; "
                 "kinglet check makes one");
  return precision;
}

}  // namespace

std::shared_ptr<Model::Impl> Model::Impl::Compile(Graph graph, const CompileOptions& options) {
  const Precision precision = ChoosePrecision(graph, options);
  const Limits limits{options.max_tensor_bytes, options.max_arena_bytes, options.max_scratch_bytes,
                      options.max_iterations};
  const Machine machine({options.calibration_file, options.tuning_file, options.use_cache});
  const PrepareOptions prepare{.threads = options.threads,
                               .winograd = options.winograd && options.optimize,
                               .blocked_layout = options.optimize,
                               .deterministic = options.deterministic,
                               .precision = precision,
                               .limits = limits,
                               .max_plan_bytes = options.max_plan_bytes,
                               .on_plan = options.on_plan};
  return std::make_shared<Model::Impl>(
      Optimise(std::move(graph), {options.optimize, limits, precision}), machine, prepare);
}

Model Model::Compile(Graph graph, const CompileOptions& options) {
  return Model(Impl::Compile(std::move(graph), options));
}

const std::string& Model::name() const { return impl_->ir().name; }
std::vector<TensorInfo> Model::inputs() const { return impl_->inputs(); }
std::vector<TensorInfo> Model::outputs() const { return impl_->outputs(); }
int Model::threads() const { return impl_->threads(); }
Precision Model::precision() const { return impl_->precision(); }
std::size_t Model::weight_bytes() const { return impl_->weight_bytes(); }
std::size_t Model::plan_bytes() const { return impl_->plan_bytes(); }

const std::vector<std::string>& Model::notes() const { return impl_->notes(); }

TuneReport Model::Tune(const InputShapes& shapes, const TuneOptions& options) {
  return impl_->Tune(impl_->OrderShapes(shapes), options);
}

void Model::SaveTuning(const std::string& file) const { impl_->SaveTuning(file); }

namespace {

void AddOperations(const kernels::Operations& more, double times, WorkInfo& info) {
  if (more.count == 0) return;
  const WorkInfo::Operations now{std::string(NameOf(more.kind)), kernels::ElementName(more.type),
                                 std::string(NameOf(more.family)), more.count * times};
  for (WorkInfo::Operations& there : info.operations) {
    if (there.kind != now.kind || there.type != now.type || there.instructions != now.instructions)
      continue;
    there.count += now.count;
    return;
  }
  info.operations.push_back(now);
}

// Of `runs` runs.
WorkInfo Describe(const kernels::Work& work, std::int64_t runs) {
  const auto times = static_cast<double>(runs);
  WorkInfo info;
  for (const kernels::WorkStage& stage : work.stages) {
    for (const kernels::Operations& each : stage.operations) AddOperations(each, times, info);
  }
  info.read_bytes = work.read_bytes() * times;
  info.write_bytes = work.write_bytes() * times;
  info.weight_bytes = work.weight_bytes();
  info.weight_parts = work.weight_parts;
  info.weight_passes = work.weight_passes * times;
  info.scratch_bytes = work.scratch_bytes;
  info.scratch_passes = work.scratch_passes * times;
  info.threads = work.threads;
  info.busiest_share = work.busiest_share;
  return info;
}

// What `runs` runs of a step do; its seconds are those of one.
StepInfo Describe(const PlanStep& step, std::int64_t runs) {
  StepInfo info;
  info.name = step.name;
  info.op = step.op;
  info.kernel = step.step->kernel;
  info.output_shape = step.output_shape;
  info.macs = step.step->macs * runs;
  info.units = step.step->units;
  info.cut = step.step->cut;
  info.work = Describe(step.step->work, runs);
  info.predicted_seconds = step.step->predicted_seconds;
  return info;
}

void AddDynamicNodes(const Plan& plan, std::vector<StepInfo>& steps) {
  if (plan.dynamic == nullptr) return;
  for (const ProgramNode& node : plan.dynamic->program->nodes) {
    StepInfo& info = steps.emplace_back();
    info.name = node.node->name;
    info.op = node.node->op;
    info.kernel = "waits for data";
    info.waits = true;
  }
}

// Output k of the graph at the plan's shapes; `info` is what the file declares.
void DescribeOutput(const Plan& plan, std::size_t k, TensorInfo& info) {
  const auto [kind, index] = plan.dynamic == nullptr ? ValueSource{ValueSource::Kind::kFixed, k}
                                                     : plan.dynamic->outputs[k];
  if (kind == ValueSource::Kind::kFixed) {
    info.type = plan.outputs[index].type;
    info.has_shape = true;
    info.shape = plan.outputs[index].shape;
  }
  info.symbols.assign(info.shape.size(), "");
}

}  // namespace

PlanInfo Model::Impl::DescribePlan(const Plan& plan, int threads) const {
  PlanInfo info;
  for (const auto& [step, of_segment] : SingleSteps(plan)) {
    const std::int64_t runs = of_segment == nullptr ? 1 : of_segment->runs;
    StepInfo& step_info = info.steps.emplace_back(kinglet::Describe(*step, runs));
    step_info.images = step->images;
    if (of_segment == nullptr) continue;
    step_info.predicted_seconds *= static_cast<double>(runs) / threads;
    step_info.images = of_segment->images;
    step_info.runs = runs;
    step_info.own_thread = true;
  }
  AddDynamicNodes(plan, info.steps);
  info.outputs = outputs_;
  for (std::size_t k = 0; k < info.outputs.size(); ++k) DescribeOutput(plan, k, info.outputs[k]);
  info.macs = plan.macs;
  info.predicted_seconds = plan.predicted_seconds;
  info.arena_bytes = plan.arena_bytes;
  info.scratch_bytes = plan.scratch_bytes * static_cast<std::size_t>(threads);
  return info;
}

PlanInfo Model::Describe(const InputShapes& shapes, int threads) const {
  threads = impl_->ThreadsOr(threads);
  return impl_->DescribePlan(*impl_->PlanFor(impl_->OrderShapes(shapes), threads), threads);
}

}  // namespace kinglet
