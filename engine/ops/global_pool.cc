// Pools over whole maps: GlobalAveragePool, GlobalMaxPool, GlobalLpPool.
#include <algorithm>

#include "engine/ops/batch.h"
#include "engine/ops/bfloat16.h"
#include "engine/ops/elementwise.h"
#include "kernels/pool/pool.h"
#include "kernels/pool/pool_nd.h"

namespace kinglet {
namespace {

using kernels::PoolNdKind;

PoolNdKind KindOf(const NodeContext& context) {
  if (context.node().op == "GlobalMaxPool") return PoolNdKind::kMax;
  return context.node().op == "GlobalLpPool" ? PoolNdKind::kLpNorm : PoolNdKind::kAverage;
}

void InferGlobalPool(InferContext& context) {
  RequireFloat(context, 0);
  Shape shape = context.InputShape(0);
  if (shape.size() < 2) {
    context.Invalid("input 0 has shape " + ShapeToString(shape) +
                    ", expected batch, channels and spatial sizes");
  }
  if (context.attributes().Int("p", 2) < 1) context.Invalid("p is below 1");
  for (std::size_t i = 2; i < shape.size(); ++i) {
    if (shape[i] == 0) {
      context.Invalid("input 0 has shape " + ShapeToString(shape) +
                      ", expected maps of at least one element");
    }
    shape[i] = 1;
  }
  context.SetOutput(0, context.InputType(0), shape);
}

std::int64_t MapSize(const Shape& shape) { return ElementCount({shape.begin() + 2, shape.end()}); }

std::unique_ptr<Step> PlanImages(PlanContext& context) {
  const Shape& shape = context.InputShape(0);
  const bool blocked = UsesBlocked(context, 0);
  const bool max = KindOf(context) == PoolNdKind::kMax;
  if (auto step = PlanBFloat16GlobalPool(context, max)) return step;
  kernels::GlobalPool p{};
  p.n = shape[0];
  p.c = shape[1];
  p.pixels = MapSize(shape);
  p.out_batch_stride = blocked ? kernels::RoundUpToBlock(p.c) : p.c;
  p.in_batch_stride = p.out_batch_stride * p.pixels;
  if (blocked) {
    context.ReadAs(0, Layout::kBlocked);
    context.WriteAs(0, Layout::kBlocked);
  }
  const kernels::PoolTable& table = kernels::GetPoolTable();
  const kernels::GlobalPoolFn function =
      blocked ? (max ? table.global_max_blocked : table.global_average_blocked)
              : (max ? table.global_max_plain : table.global_average_plain);
  return MakeStep(max ? "pool/global_max_f32" : "pool/global_average_f32",
                  blocked ? BlockedUnitCount(p) : PlainUnitCount(p),
                  [=](const StepArgs& a, std::int64_t begin, std::int64_t end) {
                    function(p, static_cast<const float*>(a.inputs[0]),
                             static_cast<float*>(a.outputs[0]), begin, end);
                  });
}

template <typename T>
std::unique_ptr<Step> PlanGeneral(const kernels::PoolNd& p) {
  return MakeStep("pool/general", UnitCount(p),
                  [=](const StepArgs& a, std::int64_t begin, std::int64_t end) {
                    kernels::RunPoolNd<T>(p, static_cast<const T*>(a.inputs[0]),
                                          static_cast<T*>(a.outputs[0]), nullptr, begin, end);
                  });
}

std::unique_ptr<Step> PlanGlobalPool(PlanContext& context) {
  const bool single = context.InputType(0) == DataType::kFloat32;
  if (single && KindOf(context) != PoolNdKind::kLpNorm) return PlanImages(context);
  const Shape& shape = context.InputShape(0);
  kernels::PoolNd p;
  p.kind = KindOf(context);
  p.maps = shape[0] * shape[1];
  p.norm = context.attributes().Int("p", 2);
  p.in[2] = p.kernel[2] = MapSize(shape);
  return single ? PlanGeneral<float>(p) : PlanGeneral<double>(p);
}

}  // namespace

#define KINGLET_GLOBAL_POOL(Name, names)               \
  const OpDef& Op##Name() {                            \
    static const OpDef op{.name = #Name,               \
                          .attributes = names,         \
                          .types = "float32, float64", \
                          .infer = InferGlobalPool,    \
                          .plan = PlanGlobalPool,      \
                          .batch_wise = EachImage};    \
    return op;                                         \
  }
KINGLET_GLOBAL_POOL(GlobalAveragePool, "")
KINGLET_GLOBAL_POOL(GlobalMaxPool, "")
KINGLET_GLOBAL_POOL(GlobalLpPool, "p")
#undef KINGLET_GLOBAL_POOL

}  // namespace kinglet
