#include "engine/ops/conv_chain.h"

#include <limits>

#include "engine/cost/cost_model.h"
#include "engine/ops/conv.h"
#include "engine/ops/elementwise.h"
#include "kernels/common/predict.h"
#include "kernels/conv/shape.h"

namespace kinglet {
namespace {

// Convolution `index` of the chain, whose weights are input 1 + 2 * index of the joined node.
kernels::ChainStage PlanStage(PlanContext& context, const Node& node, std::size_t index,
                              const char* variant, const kernels::ConvShape& shape,
                              kernels::ElementType stored) {
  const std::size_t weights = 1 + 2 * index;
  kernels::ChainStage stage;
  stage.packed = PackWeights(context, weights, *kernels::FindConvVariant(variant), shape);
  stage.bias = PackBias(context, weights + 1, shape.oc);
  stage.epilogue = FusedEpilogue(node.fusion);
  stage.epilogue.type = stored;
  return stage;
}

std::int64_t MultiplyAddsOf(const kernels::ConvShape& s) {
  return s.n * static_cast<std::int64_t>(kernels::MultiplyAdds(s));
}

void AddActivationOf(const kernels::ChainStage& stage, const kernels::ConvShape& s,
                     kernels::WorkStage& work) {
  work.AddActivation(stage.epilogue.activation, static_cast<double>(s.n * s.oc * s.oh * s.ow));
}

// `context` is that of `chain.joined`.
std::unique_ptr<Step> PlanConvChain(PlanContext& context, const ConvChainNodes& chain,
                                    const kernels::ChainPlan& plan) {
  const kernels::ConvChain& shapes = chain.shapes;
  kernels::ChainArgs args;
  std::size_t next = 0;
  const auto stage = [&](const char* variant, const kernels::ConvShape& shape) {
    const std::size_t index = next++;
    return PlanStage(context, *chain.nodes[index], index, variant, shape, shapes.stored);
  };
  const char* const pointwise = PointwiseOfChain(shapes);
  if (shapes.expands) args.expand = stage(pointwise, shapes.expand);
  args.depthwise = stage(DepthwiseOfChain(shapes), shapes.depthwise);
  args.project = stage(pointwise, shapes.project);
  context.ReadAs(0, plan.desc());
  context.WriteAs(0, plan.desc());
  args.output_stride = context.OutputStride(0);
  const bool has_residual = chain.joined.fusion.residual;
  const std::size_t residual = 1 + 2 * chain.nodes.size();
  if (has_residual) {
    context.ReadAs(residual, plan.desc());
    // Strips of the input are read after their neighbours are written.
    if (chain.joined.input(residual) != chain.joined.input(0)) context.AllowInPlace(0, residual);
  }
  auto step = MakeStep(plan.id(), plan.units(),
                       [=](const StepArgs& a, std::int64_t begin, std::int64_t end) {
                         kernels::ChainArgs now = args;
                         now.input = a.inputs[0];
                         now.residual = has_residual ? a.inputs[residual] : nullptr;
                         now.output = a.outputs[0];
                         kernels::RunChain(plan, now, begin, end, a.scratch);
                       });
  step->scratch_bytes = kernels::ChainScratchBytes(plan);
  step->macs = MultiplyAddsOf(shapes.depthwise) + MultiplyAddsOf(shapes.project) +
               (shapes.expands ? MultiplyAddsOf(shapes.expand) : 0);
  step->work = kernels::ChainWork(plan, context.threads());
  // Where ChainWork has the stages' own operations.
  auto& [weights, before, project] = step->work.stages;
  if (shapes.expands) AddActivationOf(args.expand, shapes.expand, before);
  AddActivationOf(args.depthwise, shapes.depthwise, before);
  AddActivationOf(args.project, shapes.project, project);
  return step;
}

}  // namespace

JoinedStep ConvChainNodes::Choose(int threads, const CostModel& cost) const {
  if (!cost.machine.features.Contains(kernels::ChainNeeds(shapes))) {
    constexpr double kNever = std::numeric_limits<double>::infinity();
    return {.seconds = kNever, .apart_seconds = 0, .plan = nullptr};
  }
  const kernels::ChainPlan plan = kernels::PlanChain(shapes, threads, cost.machine);
  return {
      .seconds = kernels::PredictSeconds(kernels::ChainWork(plan, threads), cost.machine),
      .apart_seconds = kernels::SeparateSeconds(shapes, threads, cost.machine),
      .plan = [this, plan](PlanContext& context) { return PlanConvChain(context, *this, plan); }};
}

}  // namespace kinglet
