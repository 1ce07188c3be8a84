// Einsum: sums of products over the dimensions that an equation names. Contractions of two float32
// operands are matrix products, other ones plain loops.
#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <utility>

#include "engine/ops/batch.h"
#include "engine/ops/binary.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/einsum_equation.h"
#include "engine/ops/einsum_product.h"
#include "engine/ops/einsum_stages.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/product.h"
#include "engine/ops/reduce_loops.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

constexpr std::size_t kMaxInputs = 64;

void InferEinsum(InferContext& context) {
  if (context.input_count() > kMaxInputs) {
    context.Unsupported(std::to_string(context.input_count()) + " inputs, at most " +
                        std::to_string(kMaxInputs));
  }
  DispatchNumeric(context.InputType(0), []<typename T>() {});
  RequireEqualTypes(context, context.input_count());
  context.SetOutput(0, context.InputType(0), ReadEinsumEquation(context).OutputShape());
}

template <typename T>
using SumOf = std::conditional_t<std::is_floating_point_v<T>, double, std::uint64_t>;

// Several partial sums, so that none waits for the one before.
template <typename T>
SumOf<T> SumRun(const T* a, std::int64_t count, std::int64_t stride) {
  using S = SumOf<T>;
  constexpr std::int64_t kSums = 8;
  S sums[kSums] = {};
  std::int64_t i = 0;
  for (; i + kSums <= count; i += kSums, a += kSums * stride) {
    for (std::int64_t j = 0; j < kSums; ++j) sums[j] += static_cast<S>(a[j * stride]);
  }
  for (; i < count; ++i, a += stride) sums[0] += static_cast<S>(*a);
  return std::accumulate(sums, sums + kSums, S{});
}

// Of a * b over loops [d, ...), b null for a sum of A alone.
template <typename T>
SumOf<T> SumProducts(const EinsumLoops& loops, std::size_t d, const T* a, const T* b) {
  using S = SumOf<T>;
  if (d == loops.size()) {
    return b == nullptr ? static_cast<S>(*a) : static_cast<S>(*a) * static_cast<S>(*b);
  }
  const auto [size, strides] = loops[d];
  S sum = 0;
  if (d + 1 < loops.size()) {
    for (std::int64_t i = 0; i < size; ++i) {
      sum += SumProducts(loops, d + 1, a + i * strides[0], b == nullptr ? b : b + i * strides[1]);
    }
  } else if (b == nullptr) {
    sum = SumRun<T>(a, size, strides[0]);
  } else {
    for (std::int64_t i = 0; i < size; ++i) {
      sum += static_cast<S>(a[i * strides[0]]) * static_cast<S>(b[i * strides[1]]);
    }
  }
  return sum;
}

template <typename T>
T Multiply(T a, T b) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
  } else {
    return a * b;
  }
}

// Arrays, or single elements in their place.
bool IsRow(const std::array<std::int64_t, 3>& strides) {
  const auto is_run = [](std::int64_t stride) { return stride == 0 || stride == 1; };
  return is_run(strides[0]) && is_run(strides[1]) && strides[2] == 1;
}

struct EinsumTermOp {
  static constexpr auto kKernel = kernels::BinaryOp::kMul;
  template <typename T>
  static T Of(T a, T b) {
    return Multiply(a, b);
  }
};

template <typename T>
void MultiplyTerms(const T* a, std::int64_t a_stride, const T* b, std::int64_t b_stride, T* y,
                   std::int64_t count) {
  RunBinary(LoopsOf<EinsumTermOp, T>(), a, a_stride, b, b_stride, y, count);
}

// A stage in plain loops; rows are along its last kept dimension.
class PlainStage {
 public:
  explicit PlainStage(const EinsumStage& stage) : outer_(stage.kept), summed_(stage.summed) {
    if (outer_.empty()) return;
    row_ = outer_.back();
    outer_.pop_back();
  }

  std::int64_t rows() const { return CountOf(outer_); }
  std::int64_t row_operations() const { return row_.size * CountOf(summed_); }

  template <typename T>
  void Run(const T* a, const T* b, T* c, std::int64_t begin, std::int64_t end) const {
    const auto [size, strides] = row_;
    for (std::int64_t row = begin; row < end; ++row) {
      const auto offsets = OffsetsOf(outer_, row);
      const T* x = a + offsets[0];
      const T* y = b == nullptr ? nullptr : b + offsets[1];
      T* to = c + offsets[2];
      if (summed_.empty() && y != nullptr) {
        if (IsRow(strides)) {
          MultiplyTerms(x, strides[0], y, strides[1], to, size);
          continue;
        }
        for (std::int64_t i = 0; i < size; ++i) {
          to[i * strides[2]] = Multiply(x[i * strides[0]], y[i * strides[1]]);
        }
        continue;
      }
      for (std::int64_t i = 0; i < size; ++i) {
        to[i * strides[2]] = static_cast<T>(
            SumProducts(summed_, 0, x + i * strides[0], y == nullptr ? y : y + i * strides[1]));
      }
    }
  }

 private:
  EinsumLoops outer_, summed_;
  EinsumLoop row_;
};

template <typename T>
std::unique_ptr<Step> MakePlain(const EinsumStage& stage) {
  const PlainStage plain(stage);
  const bool two = stage.b != EinsumStage::kNone;
  const auto a = static_cast<std::size_t>(stage.a);
  const std::size_t b = two ? static_cast<std::size_t>(stage.b) : 0;
  return MakeItemStep("einsum/generic", plain.rows(),
                      plain.row_operations() * static_cast<std::int64_t>(sizeof(T)),
                      [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                        plain.Run(static_cast<const T*>(args.inputs[a]),
                                  two ? static_cast<const T*>(args.inputs[b]) : nullptr,
                                  static_cast<T*>(args.outputs[0]), begin, end);
                      });
}

std::unique_ptr<Step> MakeProduct(const EinsumStage& stage, const EinsumProduct& product) {
  const auto a = static_cast<std::size_t>(stage.a), b = static_cast<std::size_t>(stage.b);
  auto step =
      MakeStep("einsum/product_f32", product.units(),
               [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                 product.Run(static_cast<const float*>(args.inputs[a]),
                             static_cast<const float*>(args.inputs[b]),
                             static_cast<float*>(args.outputs[0]), args.scratch, begin, end);
               });
  step->scratch_bytes = product.scratch_bytes();
  return step;
}

// Several stages, one after the other: their results lie in scratch, and no unit can begin before
// the stages before it are done, so that one thread does it all.
template <typename T>
class Sequence {
 public:
  explicit Sequence(const std::vector<EinsumStage>& stages) : stages_(stages) {
    std::size_t products = 0;
    for (const EinsumStage& stage : stages_) {
      plain_.emplace_back(stage);
      products_.emplace_back();
      if constexpr (std::is_same_v<T, float>) {
        if (stage.b != EinsumStage::kNone && EinsumProduct::Suits(stage)) {
          products_.back().emplace(stage);
          products = std::max(products, products_.back()->scratch_bytes());
        }
      }
      offsets_.push_back(bytes_);
      bytes_ += Aligned(static_cast<std::size_t>(stage.elements) * sizeof(T));
    }
    bytes_ = offsets_.back() + products;  // the last stage writes the output
  }

  std::size_t scratch_bytes() const { return bytes_; }

  void Run(const StepArgs& args) const {
    for (std::size_t s = 0; s < stages_.size(); ++s) {
      const T* a = Source(args, stages_[s].a);
      const T* b = stages_[s].b == EinsumStage::kNone ? nullptr : Source(args, stages_[s].b);
      T* c = s + 1 == stages_.size() ? static_cast<T*>(args.outputs[0]) : Result(args, s);
      if constexpr (std::is_same_v<T, float>) {
        if (products_[s]) {
          std::byte* scratch = args.scratch + offsets_.back();
          products_[s]->Run(a, b, c, scratch, 0, products_[s]->units());
          continue;
        }
      }
      plain_[s].Run(a, b, c, 0, plain_[s].rows());
    }
  }

 private:
  static std::size_t Aligned(std::size_t bytes) { return (bytes + 63) / 64 * 64; }
  T* Result(const StepArgs& args, std::size_t s) const {
    return reinterpret_cast<T*>(args.scratch + offsets_[s]);
  }
  const T* Source(const StepArgs& args, int source) const {
    if (source >= 0) return static_cast<const T*>(args.inputs[static_cast<std::size_t>(source)]);
    return Result(args, static_cast<std::size_t>(-1 - source));
  }

  std::vector<EinsumStage> stages_;
  std::vector<PlainStage> plain_;
  std::vector<std::optional<EinsumProduct>> products_;
  std::vector<std::size_t> offsets_;  // of the stages' results in scratch
  std::size_t bytes_ = 0;
};

template <typename T>
std::unique_ptr<Step> MakeSequence(const std::vector<EinsumStage>& stages) {
  const Sequence<T> sequence(stages);
  auto step = MakeStep(
      "einsum/sequence", 1,
      [sequence](const StepArgs& args, std::int64_t, std::int64_t) { sequence.Run(args); });
  step->scratch_bytes = sequence.scratch_bytes();
  return step;
}

// A permutation of the input's dimensions, or of its diagonal's.
std::unique_ptr<Step> MakeView(const EinsumStage& stage, DataType type) {
  kernels::StridedView view;
  for (const EinsumLoop& loop : stage.kept) {
    view.dims[view.rank] = loop.size;
    view.src_strides[view.rank] = loop.strides[0];
    view.dst_strides[view.rank++] = loop.strides[2];
  }
  CopyPart part;
  part.copy = kernels::StridedCopy(view, DataTypeSize(type));
  part.input = static_cast<std::size_t>(stage.a);
  return MakeCopyStep("layout/einsum", {part});
}

// Whether a stage sums rows that lie one behind the other.
bool SumsRows(const EinsumStage& stage) {
  if (stage.summed.size() != 1 || stage.summed[0].strides[0] != 1) return false;
  std::int64_t rows = 1;
  for (auto loop = stage.kept.rbegin(); loop != stage.kept.rend(); rows *= (loop++)->size) {
    if (loop->strides[0] != rows * stage.summed[0].size || loop->strides[2] != rows) return false;
  }
  return true;
}

// As ReduceSum has it.
std::unique_ptr<Step> MakeRowSums(const EinsumStage& stage, DataType type) {
  const std::int64_t length = stage.summed[0].size;
  const ReduceGeometry geometry = ReduceGeometryOf({stage.elements, length}, {false, true});
  return MakeItemStep("einsum/rows", stage.elements,
                      length * static_cast<std::int64_t>(DataTypeSize(type)),
                      [geometry, loops = ReduceLoopsOf(Reduction::kSum, type)](
                          const StepArgs& args, std::int64_t begin, std::int64_t end) {
                        loops.Run(geometry, args.inputs[0], args.outputs[0], begin, end);
                      });
}

std::unique_ptr<Step> PlanOne(PlanContext& context, const EinsumStage& stage) {
  const DataType type = context.InputType(0);
  if (stage.b == EinsumStage::kNone) {
    if (stage.summed.empty()) return MakeView(stage, type);
    if (SumsRows(stage)) return MakeRowSums(stage, type);
  } else if (type == DataType::kFloat32 && EinsumProduct::Suits(stage)) {
    const EinsumProduct product(stage);
    const std::size_t right = product.swapped() ? 0 : 1;
    if (product.IsPlain() && right == 1 && context.IsKnown(1)) {
      return PlanWeightedProduct(context, {.m = product.m(),
                                           .n = product.n(),
                                           .k = product.k(),
                                           .transposed = product.b_transposed()});
    }
    auto step = MakeProduct(stage, product);
    step->work = product.WorkOf(context.threads());
    return step;
  }
  return DispatchNumeric(type, [&]<typename T>() { return MakePlain<T>(stage); });
}

std::unique_ptr<Step> MakeZeros(std::int64_t elements, std::size_t element_bytes) {
  const auto size = static_cast<std::int64_t>(element_bytes);
  return MakeItemStep("einsum/zeros", elements, size,
                      [size](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                        std::fill(static_cast<std::byte*>(args.outputs[0]) + begin * size,
                                  static_cast<std::byte*>(args.outputs[0]) + end * size,
                                  std::byte{0});
                      });
}

std::unique_ptr<Step> PlanEinsum(PlanContext& context) {
  const EinsumEquation equation = ReadEinsumEquation(context);
  const DataType type = context.InputType(0);
  if (std::count(equation.sizes.begin(), equation.sizes.end(), 0) > 0) {
    return MakeZeros(ElementCount(context.OutputShape(0)), DataTypeSize(type));
  }
  const std::vector<EinsumStage> stages = MakeEinsumStages(context, equation);
  double operations = 0;
  for (const EinsumStage& stage : stages) {
    operations += static_cast<double>(stage.elements) * static_cast<double>(CountOf(stage.summed));
  }
  std::unique_ptr<Step> step =
      stages.size() == 1
          ? PlanOne(context, stages[0])
          : DispatchNumeric(type, [&]<typename T>() { return MakeSequence<T>(stages); });
  if (context.input_count() > 1) step->macs = static_cast<std::int64_t>(std::min(operations, 1e18));
  if (step->work.empty()) step->work = kernels::LoopWork(2 * operations, context.threads());
  return step;
}

// The batch is the first dimension of the output, and of the inputs that have it, and nothing else.
bool EinsumBatchWise(const NodeContext& context, const std::vector<BatchUse>& inputs) {
  const EinsumEquation equation = ReadEinsumEquation(context);
  if (equation.output.empty()) return false;
  const int batch = equation.output[0];
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::vector<int>& labels = equation.inputs[i];
    const auto count = std::count(labels.begin(), labels.end(), batch);
    if (inputs[i] == BatchUse::kImages) {
      if (count != 1 || labels[0] != batch) return false;
    } else if (inputs[i] != BatchUse::kFree || count != 0) {
      return false;
    }
  }
  return true;
}

}  // namespace

const OpDef& OpEinsum() {
  static const OpDef def{.name = "Einsum",
                         .since = 12,
                         .min_inputs = 1,
                         .max_inputs = kAnyCount,
                         .attributes = "equation",
                         .types = "float32, float64, integers",
                         .infer = InferEinsum,
                         .plan = PlanEinsum,
                         .batch_wise = EinsumBatchWise};
  return def;
}

}  // namespace kinglet
