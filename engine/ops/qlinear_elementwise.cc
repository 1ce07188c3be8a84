// ONNX Runtime's operators that treat the elements of 8-bit tensors alike: QLinearAdd, QLinearMul,
// QLinearSigmoid, QLinearLeakyRelu and QLinearConcat, in its order of float32 operations, so that
// halves are rounded the same way.
//
//   add: round(fma(a, r_a, fma(b, r_b, z_c - fma(z_a, r_a, r_b z_b)))),  r_x = s_x / s_c; where an
//        operand is repeated, it is b
//   mul: round((a - z_a) (b - z_b) (s_a s_b / s_c) + z_c)
//   the others: round(f((x - z_x) s_x) / s_y) + z_y, by a table of all 256 values
#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "engine/ops/batch.h"
#include "engine/ops/broadcast.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/quantized.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

// A tensor with its scale and zero point, at inputs [x, x + 3).
void RequireQuantized(const NodeContext& context, std::size_t x) {
  RequireEightBits(context, x);
  RequireOneScale(context, x + 1);
  RequireOneZeroPoint(context, x + 2, x);
}

constexpr std::size_t kA = 0, kB = 3, kCScale = 6, kCZero = 7;

void InferBinary(InferContext& context) {
  RequireQuantized(context, kA);
  RequireQuantized(context, kB);
  CheckSameType(context, kA, kB);
  RequireOneScale(context, kCScale);
  RequireOneZeroPoint(context, kCZero, kA);
  const Shape& a = context.InputShape(kA);
  const Shape& b = context.InputShape(kB);
  Shape c(std::max(a.size(), b.size()), 1);
  for (std::size_t d = 0; d < c.size(); ++d) {
    const std::int64_t x = d < a.size() ? a[a.size() - 1 - d] : 1;
    const std::int64_t y = d < b.size() ? b[b.size() - 1 - d] : 1;
    if (x != y && x != 1 && y != 1) {
      context.Invalid("shapes " + ShapeToString(a) + " and " + ShapeToString(b) +
                      " do not broadcast");
    }
    c[c.size() - 1 - d] = x == 1 ? y : x;
  }
  context.SetOutput(0, context.InputType(kA), std::move(c));
}

// f(a[i], b[i]) for a run; a step of 0 repeats the first.
template <typename T>
class AddOf {
 public:
  AddOf(const StepArgs& args, std::size_t a_zero, std::size_t b_zero, std::size_t c_zero)
      : a_{ScaleOf(args, kA + 1) / ScaleOf(args, kCScale), ZeroPointOf<T>(args, a_zero)},
        b_{ScaleOf(args, kB + 1) / ScaleOf(args, kCScale), ZeroPointOf<T>(args, b_zero)},
        c_zero_(static_cast<float>(ZeroPointOf<T>(args, c_zero))) {}

  void Run(const T* a, std::int64_t a_step, const T* b, std::int64_t b_step, T* c,
           std::int64_t n) const {
    if (a_step == 0) {
      AddOne(b_, b, b_step, Fused(*a, a_.ratio, Constant(b_, a_)), c, n);
    } else if (b_step == 0) {
      AddOne(a_, a, a_step, Fused(*b, b_.ratio, Constant(a_, b_)), c, n);
    } else {
      const float constant = Constant(a_, b_);
      for (std::int64_t i = 0; i < n; ++i) {
        c[i] = SaturateTo<T>(Fused(a[i], a_.ratio, Fused(b[i], b_.ratio, constant)));
      }
    }
  }

 private:
  struct Operand {
    float ratio;  // of its scale to the result's
    std::int32_t zero;
  };

  // A multiply-add that is rounded once: the product is exact in float64.
  static float Fused(std::int32_t x, float ratio, float sum) {
    return static_cast<float>(static_cast<double>(x) * static_cast<double>(ratio) +
                              static_cast<double>(sum));
  }
  // What the zero points add.
  float Constant(const Operand& x, const Operand& y) const {
    return c_zero_ - Fused(x.zero, x.ratio, y.ratio * static_cast<float>(y.zero));
  }
  static void AddOne(const Operand& operand, const T* x, std::int64_t step, float constant, T* c,
                     std::int64_t n) {
    for (std::int64_t i = 0; i < n; ++i) {
      c[i] = SaturateTo<T>(Fused(x[i * step], operand.ratio, constant));
    }
  }

  Operand a_, b_;
  float c_zero_;
};

template <typename T>
class MulOf {
 public:
  MulOf(const StepArgs& args, std::size_t a_zero, std::size_t b_zero, std::size_t c_zero)
      : ratio_(ScaleOf(args, kA + 1) * ScaleOf(args, kB + 1) / ScaleOf(args, kCScale)),
        a_zero_(ZeroPointOf<T>(args, a_zero)),
        b_zero_(ZeroPointOf<T>(args, b_zero)),
        c_zero_(static_cast<float>(ZeroPointOf<T>(args, c_zero))) {}

  void Run(const T* a, std::int64_t a_step, const T* b, std::int64_t b_step, T* c,
           std::int64_t n) const {
    for (std::int64_t i = 0; i < n; ++i) {
      const std::int32_t product = (a[i * a_step] - a_zero_) * (b[i * b_step] - b_zero_);
      c[i] = SaturateTo<T>(static_cast<float>(product) * ratio_ + c_zero_);
    }
  }

 private:
  float ratio_;
  std::int32_t a_zero_, b_zero_;
  float c_zero_;
};

template <template <typename> typename Op>
std::unique_ptr<Step> PlanBinary(PlanContext& context) {
  const auto broadcast =
      MakeBroadcast<2>(context.OutputShape(0), {&context.InputShape(kA), &context.InputShape(kB)});
  const std::int64_t a_step = broadcast.InnerStride(0);
  const std::int64_t b_step = broadcast.InnerStride(1);
  const std::size_t a_zero = IfPresent(context, kA + 2);
  const std::size_t b_zero = IfPresent(context, kB + 2);
  const std::size_t c_zero = IfPresent(context, kCZero);
  const ElementUnits units(context.OutputShape(0));
  return DispatchEightBits(context.InputType(kA), [&]<typename T>() {
    return MakeStep(
        context.node().op == "QLinearAdd" ? "eltwise/qlinear_add" : "eltwise/qlinear_mul",
        units.count(), [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
          const Op<T> op(args, a_zero, b_zero, c_zero);
          const T* a = static_cast<const T*>(args.inputs[kA]);
          const T* b = static_cast<const T*>(args.inputs[kB]);
          T* c = static_cast<T*>(args.outputs[0]);
          broadcast.ForRuns(units.Start(begin), units.Start(end),
                            [&](const auto& offsets, std::int64_t at, std::int64_t n) {
                              op.Run(a + offsets[0], a_step, b + offsets[1], b_step, c + at, n);
                            });
        });
  });
}

// The two operands as those of BroadcastImages, everything else free of the batch.
bool BinaryBatchWise(const NodeContext& context, const std::vector<BatchUse>& inputs) {
  const std::size_t rank = std::max(context.InputShape(kA).size(), context.InputShape(kB).size());
  bool any = false;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (i != kA && i != kB) {
      if (context.HasInput(i) && inputs[i] != BatchUse::kFree) return false;
      continue;
    }
    const Shape& shape = context.InputShape(i);
    const bool images = inputs[i] == BatchUse::kImages && shape.size() == rank;
    const bool free = inputs[i] == BatchUse::kFree && (shape.size() < rank || shape[0] == 1);
    if (!images && !free) return false;
    any = any || images;
  }
  return any;
}

constexpr std::int64_t kTable = 256;

// y[q] for every q of type T, by its bits.
template <typename T, typename F>
void FillTable(float x_scale, std::int32_t x_zero, float y_scale, std::int32_t y_zero, const F& f,
               T* table) {
  for (std::int64_t bits = 0; bits < kTable; ++bits) {
    const std::int32_t q = static_cast<T>(static_cast<std::uint8_t>(bits));
    const float value = f(static_cast<float>(q - x_zero) * x_scale);
    table[bits] = SaturateTo<T>(value / y_scale, y_zero);
  }
}
template <typename T>
void LookUp(const T* table, const T* x, T* y, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) y[i] = table[static_cast<std::uint8_t>(x[i])];
}

// X, X_scale, X_zero_point, Y_scale, Y_zero_point.
constexpr std::size_t kYScale = 3, kYZero = 4;

void InferUnary(InferContext& context) {
  RequireQuantized(context, 0);
  RequireOneScale(context, kYScale);
  RequireOneZeroPoint(context, kYZero, 0);
  context.SetOutput(0, context.InputType(0), context.InputShape(0));
}

template <typename F>
std::unique_ptr<Step> PlanTable(PlanContext& context, std::string kernel, F f) {
  context.AllowInPlace(0, 0);
  const std::size_t x_zero = IfPresent(context, 2);
  const std::size_t y_zero = IfPresent(context, kYZero);
  const ElementUnits units(context.OutputShape(0));
  auto step = DispatchEightBits(context.InputType(0), [&]<typename T>() -> std::unique_ptr<Step> {
    return MakeStep(std::move(kernel), units.count(),
                    [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                      T* table = reinterpret_cast<T*>(args.scratch);
                      if (!args.again) {
                        FillTable<T>(ScaleOf(args, 1), ZeroPointOf<T>(args, x_zero),
                                     ScaleOf(args, kYScale), ZeroPointOf<T>(args, y_zero), f,
                                     table);
                      }
                      const std::int64_t first = units.Start(begin);
                      LookUp(table, static_cast<const T*>(args.inputs[0]) + first,
                             static_cast<T*>(args.outputs[0]) + first, units.Start(end) - first);
                    });
  });
  step->scratch_bytes = kTable;
  return step;
}

std::unique_ptr<Step> PlanSigmoid(PlanContext& context) {
  return PlanTable(context, "eltwise/qlinear_sigmoid",
                   [](float x) { return 1.0f / (1.0f + std::exp(-x)); });
}

std::unique_ptr<Step> PlanLeakyRelu(PlanContext& context) {
  const float alpha = context.attributes().Float("alpha", 0.01f);
  return PlanTable(context, "eltwise/qlinear_leaky_relu",
                   [alpha](float x) { return x >= 0 ? x : alpha * x; });
}

// Y_scale, Y_zero_point, then a tensor, its scale and its zero point for each part.
constexpr std::size_t kFirstPart = 2;

std::size_t PartCount(const NodeContext& context) {
  return (context.input_count() - kFirstPart) / 3;
}
std::size_t PartInput(std::size_t part) { return kFirstPart + 3 * part; }

std::size_t ConcatAxis(const NodeContext& context) {
  if (!context.attributes().Has("axis")) context.Invalid("attribute 'axis' is missing");
  return context.Axis(context.attributes().Int("axis", 0), context.InputShape(kFirstPart).size());
}

void InferConcat(InferContext& context) {
  if ((context.input_count() - kFirstPart) % 3 != 0) {
    context.Invalid(std::to_string(context.input_count()) +
                    " inputs, expected two and three for each part");
  }
  for (std::size_t i = kFirstPart; i < context.input_count(); ++i) {
    if (!context.HasInput(i)) context.Invalid("input " + std::to_string(i) + " is absent");
  }
  RequireOneScale(context, 0);
  RequireOneZeroPoint(context, 1, kFirstPart);
  const std::size_t axis = ConcatAxis(context);
  Shape out = context.InputShape(kFirstPart);
  for (std::size_t part = 0; part < PartCount(context); ++part) {
    const std::size_t x = PartInput(part);
    RequireQuantized(context, x);
    CheckSameType(context, kFirstPart, x);
    if (part == 0) continue;
    const Shape& in = context.InputShape(x);
    bool fits = in.size() == out.size();
    for (std::size_t k = 0; fits && k < out.size(); ++k) fits = k == axis || in[k] == out[k];
    if (!fits) {
      context.Invalid("inputs " + std::to_string(kFirstPart) + " and " + std::to_string(x) +
                      " differ outside of axis " + std::to_string(axis) + ": shapes " +
                      ShapeToString(context.InputShape(kFirstPart)) + " and " + ShapeToString(in));
    }
    out[axis] = AddSizes(context, out[axis], in[axis]);
  }
  context.SetOutput(0, context.InputType(kFirstPart), std::move(out));
}

// Elements of the output go by rows: what lies at one index of the axes before the concatenated
// one, part after part.
std::unique_ptr<Step> PlanConcat(PlanContext& context) {
  const std::size_t axis = ConcatAxis(context);
  const Shape& out = context.OutputShape(0);
  std::vector<std::int64_t> ends;  // of the parts within a row
  std::int64_t row_size = 0;
  for (std::size_t part = 0; part < PartCount(context); ++part) {
    const Shape& in = context.InputShape(PartInput(part));
    row_size += DimsProduct(in, axis, in.size());
    ends.push_back(row_size);
  }
  const std::size_t parts = ends.size();
  const ElementUnits units(out);
  auto step = DispatchEightBits(context.OutputType(0), [&]<typename T>() {
    return MakeStep(
        "eltwise/qlinear_concat", units.count(),
        [=, ends = std::move(ends)](const StepArgs& args, std::int64_t begin, std::int64_t end) {
          T* tables = reinterpret_cast<T*>(args.scratch);
          for (std::size_t k = 0; k < parts && !args.again; ++k) {
            FillTable<T>(
                ScaleOf(args, PartInput(k) + 1), ZeroPointOf<T>(args, PartInput(k) + 2),
                ScaleOf(args, 0), ZeroPointOf<T>(args, 1), [](float x) { return x; },
                tables + k * kTable);
          }
          T* y = static_cast<T*>(args.outputs[0]);
          const std::int64_t last = units.Start(end);
          for (std::int64_t at = units.Start(begin); at < last;) {
            const std::int64_t row = at / row_size;
            const std::int64_t offset = at % row_size;
            const auto k = static_cast<std::size_t>(
                std::upper_bound(ends.begin(), ends.end(), offset) - ends.begin());
            const std::int64_t start = k == 0 ? 0 : ends[k - 1];
            const std::int64_t count = std::min(last - at, ends[k] - offset);
            const T* x = static_cast<const T*>(args.inputs[PartInput(k)]);
            LookUp(tables + k * kTable, x + row * (ends[k] - start) + offset - start, y + at,
                   count);
            at += count;
          }
        });
  });
  step->scratch_bytes = parts * kTable;
  return step;
}

bool ConcatBatchWise(const NodeContext& context, const std::vector<BatchUse>& inputs) {
  if (ConcatAxis(context) == 0) return false;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const bool data = i >= kFirstPart && (i - kFirstPart) % 3 == 0;
    if (inputs[i] != (data ? BatchUse::kImages : BatchUse::kFree)) return false;
  }
  return true;
}

}  // namespace

#define KINGLET_QLINEAR_BINARY(Name, Op)                   \
  const OpDef& OpQLinear##Name() {                         \
    static const OpDef def{.name = "QLinear" #Name,        \
                           .domain = kContribDomain,       \
                           .since = kContribOpset,         \
                           .until = kContribOpset,         \
                           .min_inputs = 2,                \
                           .max_inputs = 8,                \
                           .types = kEightBits,            \
                           .infer = InferBinary,           \
                           .plan = PlanBinary<Op>,         \
                           .batch_wise = BinaryBatchWise}; \
    return def;                                            \
  }
KINGLET_QLINEAR_BINARY(Add, AddOf)
KINGLET_QLINEAR_BINARY(Mul, MulOf)
#undef KINGLET_QLINEAR_BINARY

const OpDef& OpQLinearSigmoid() {
  static const OpDef def{.name = "QLinearSigmoid",
                         .domain = kContribDomain,
                         .since = kContribOpset,
                         .until = kContribOpset,
                         .min_inputs = 2,
                         .max_inputs = 5,
                         .types = kEightBits,
                         .infer = InferUnary,
                         .plan = PlanSigmoid,
                         .batch_wise = EachImage};
  return def;
}

const OpDef& OpQLinearLeakyRelu() {
  static const OpDef def{.name = "QLinearLeakyRelu",
                         .domain = kContribDomain,
                         .since = kContribOpset,
                         .until = kContribOpset,
                         .min_inputs = 2,
                         .max_inputs = 5,
                         .attributes = "alpha",
                         .types = kEightBits,
                         .infer = InferUnary,
                         .plan = PlanLeakyRelu,
                         .batch_wise = EachImage};
  return def;
}

const OpDef& OpQLinearConcat() {
  static const OpDef def{.name = "QLinearConcat",
                         .domain = kContribDomain,
                         .since = kContribOpset,
                         .until = kContribOpset,
                         .min_inputs = 5,
                         .max_inputs = kAnyCount,
                         .attributes = "axis",
                         .types = kEightBits,
                         .infer = InferConcat,
                         .plan = PlanConcat,
                         .batch_wise = ConcatBatchWise};
  return def;
}

}  // namespace kinglet
