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
#include <type_traits>
#include <utility>
#include <vector>

#include "engine/ops/batch.h"
#include "engine/ops/broadcast.h"
#include "engine/ops/code_planes.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/qlinear_sum.h"
#include "engine/ops/quantized.h"
#include "engine/ops/views.h"
#include "kernels/quantize/code_ops.h"

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

// What the kernels need for the sum of operands at inputs `x` and `y`. Where one of them is
// repeated, that is y.
template <typename T>
kernels::CodeSum SumOf(const StepArgs& args, std::size_t x, std::size_t x_zero, std::size_t y,
                       std::size_t y_zero, std::size_t z_zero) {
  const auto of = [&](std::size_t scale, std::size_t zero) {
    return CodeScale{ScaleOf(args, scale), ZeroPointOf<T>(args, zero)};
  };
  return CodeSumOf(of(x + 1, x_zero), of(y + 1, y_zero), of(kCScale, z_zero));
}

template <typename T>
kernels::CodeProduct ProductOf(const StepArgs& args, std::size_t x_zero, std::size_t y_zero,
                               std::size_t z_zero) {
  return {ZeroPointOf<T>(args, x_zero), ZeroPointOf<T>(args, y_zero),
          ScaleOf(args, kA + 1) * ScaleOf(args, kB + 1) / ScaleOf(args, kCScale),
          static_cast<float>(ZeroPointOf<T>(args, z_zero))};
}

// A sum or product as a step runs it: z[i] of x[i] and y[i], or of one value where a step is 0.
template <typename T>
class BinaryCodes {
 public:
  explicit BinaryCodes(const PlanContext& context)
      : ops_(kernels::GetCodeOps(std::is_signed_v<T>)),
        adds_(context.node().op == "QLinearAdd"),
        a_zero_(IfPresent(context, kA + 2)),
        b_zero_(IfPresent(context, kB + 2)),
        c_zero_(IfPresent(context, kCZero)) {}

  void Run(const StepArgs& args, const T* a, std::int64_t a_step, const T* b, std::int64_t b_step,
           T* c, std::int64_t n) const {
    const bool swapped = a_step == 0;
    const T* x = swapped ? b : a;
    const T* y = swapped ? a : b;
    const auto count = static_cast<std::size_t>(n);
    const auto y_step = static_cast<std::size_t>(swapped ? a_step : b_step);
    if (swapped && b_step == 0) {  // one value, count times
      for (std::int64_t i = 0; i < n; ++i) Run(args, a, 1, b, 1, c + i, 1);
    } else if (adds_) {
      const auto sum = swapped ? SumOf<T>(args, kB, b_zero_, kA, a_zero_, c_zero_)
                               : SumOf<T>(args, kA, a_zero_, kB, b_zero_, c_zero_);
      ops_.sum(sum, x, y, y_step, c, count);
    } else {
      const auto product = swapped ? ProductOf<T>(args, b_zero_, a_zero_, c_zero_)
                                   : ProductOf<T>(args, a_zero_, b_zero_, c_zero_);
      ops_.product(product, x, y, y_step, c, count);
    }
  }

 private:
  kernels::CodeOps ops_;
  bool adds_;
  std::size_t a_zero_, b_zero_, c_zero_;
};

const char* BinaryId(const NodeContext& context) {
  return context.node().op == "QLinearAdd" ? "eltwise/qlinear_add" : "eltwise/qlinear_mul";
}

// Each output takes a few operations.
kernels::Work BinaryWork(const PlanContext& context) {
  const auto count = static_cast<double>(ElementCount(context.OutputShape(0)));
  return kernels::MoveWork(2 * count, count, context.threads());
}

// Whether input i can be read in blocks.
bool IsBlockedCodes(const PlanContext& context, std::size_t i) {
  return context.InputShape(i).size() == 4 && context.IsBlocked(i);
}

// In blocks: operands of one shape, or a second one with a value for each channel of an image.
enum class BlockedForm : std::uint8_t { kNone, kEqual, kChannels };

BlockedForm BlockedFormOf(const PlanContext& context) {
  const Shape& a = context.InputShape(kA);
  const Shape& b = context.InputShape(kB);
  if (context.IsKnown(kA) || context.IsKnown(kB) || a.size() != 4) return BlockedForm::kNone;
  if (a == b && (IsBlockedCodes(context, kA) || IsBlockedCodes(context, kB))) {
    return BlockedForm::kEqual;
  }
  const bool channels = b == Shape{a[0], a[1], 1, 1};
  return channels && IsBlockedCodes(context, kA) ? BlockedForm::kChannels : BlockedForm::kNone;
}

template <typename T>
std::unique_ptr<Step> PlanBinaryBlocked(PlanContext& context, BlockedForm form) {
  context.ReadAs(kA, Layout::kBlocked);
  context.ReadAs(kB, Layout::kBlocked);
  context.WriteAs(0, Layout::kBlocked);
  const CodePlanes planes(context.OutputShape(0), context.OutputStride(0));
  const PlaneUnits units = planes.Units();
  const BinaryCodes<T> codes(context);
  const bool equal = form == BlockedForm::kEqual;
  return MakeStep(
      BinaryId(context), units.count(),
      [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
        units.For(begin, end, [&](std::int64_t plane, std::int64_t first, std::int64_t n) {
          const T* a = static_cast<const T*>(args.inputs[kA]) + planes.Start(plane) + first;
          const T* b = static_cast<const T*>(args.inputs[kB]);
          T* c = static_cast<T*>(args.outputs[0]) + planes.OutputStart(plane) + first;
          if (equal) {
            codes.Run(args, a, 1, b + planes.Start(plane) + first, 1, c, n);
          } else {
            for (std::int64_t i = 0; i < n; i += CodePlanes::kLanes) {
              codes.Run(args, a + i, 1, b + plane * CodePlanes::kLanes, 1, c + i,
                        CodePlanes::kLanes);
            }
          }
          planes.ZeroPadLanes(plane, c, n);
        });
      });
}

template <typename T>
std::unique_ptr<Step> PlanBinaryPlain(const PlanContext& context) {
  const auto broadcast =
      MakeBroadcast<2>(context.OutputShape(0), {&context.InputShape(kA), &context.InputShape(kB)});
  const std::int64_t a_step = broadcast.InnerStride(0);
  const std::int64_t b_step = broadcast.InnerStride(1);
  const ElementUnits units(context.OutputShape(0));
  const BinaryCodes<T> codes(context);
  return MakeStep(BinaryId(context), units.count(),
                  [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                    const T* a = static_cast<const T*>(args.inputs[kA]);
                    const T* b = static_cast<const T*>(args.inputs[kB]);
                    T* c = static_cast<T*>(args.outputs[0]);
                    broadcast.ForRuns(units.Start(begin), units.Start(end),
                                      [&](const auto& offsets, std::int64_t at, std::int64_t n) {
                                        codes.Run(args, a + offsets[0], a_step, b + offsets[1],
                                                  b_step, c + at, n);
                                      });
                  });
}

std::unique_ptr<Step> PlanBinary(PlanContext& context) {
  const BlockedForm form = BlockedFormOf(context);
  auto step = DispatchEightBits(context.InputType(kA), [&]<typename T>() {
    return form == BlockedForm::kNone ? PlanBinaryPlain<T>(context)
                                      : PlanBinaryBlocked<T>(context, form);
  });
  step->work = BinaryWork(context);
  return step;
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

constexpr std::int64_t kTable = kCodeCount;

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
  const std::size_t x_zero = IfPresent(context, 2);
  const std::size_t y_zero = IfPresent(context, kYZero);
  return DispatchEightBits(context.InputType(0), [&]<typename T>() -> std::unique_ptr<Step> {
    return MakeTableStep(context, std::move(kernel), [=](const StepArgs& args) -> const void* {
      T* table = reinterpret_cast<T*>(args.scratch);
      if (!args.again) {
        FillTable<T>(ScaleOf(args, 1), ZeroPointOf<T>(args, x_zero), ScaleOf(args, kYScale),
                     ZeroPointOf<T>(args, y_zero), f, table);
      }
      return table;
    });
  });
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
  const kernels::LookUpFn look_up = kernels::GetLookUp();
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
            look_up(tables + k * kTable, x + row * (ends[k] - start) + offset - start, y + at,
                    static_cast<std::size_t>(count));
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

kernels::CodeSum CodeSumOf(const CodeScale& x, const CodeScale& y, const CodeScale& z) {
  const auto zero = [](const CodeScale& s) { return static_cast<float>(s.zero_point); };
  kernels::CodeSum sum;
  sum.x_ratio = x.scale / z.scale;
  sum.y_ratio = y.scale / z.scale;
  sum.constant = zero(z) - std::fma(zero(x), sum.x_ratio, sum.y_ratio * zero(y));
  return sum;
}

#define KINGLET_QLINEAR_BINARY(Name)                       \
  const OpDef& OpQLinear##Name() {                         \
    static const OpDef def{.name = "QLinear" #Name,        \
                           .domain = kContribDomain,       \
                           .since = kContribOpset,         \
                           .until = kContribOpset,         \
                           .min_inputs = 2,                \
                           .max_inputs = 8,                \
                           .types = kEightBits,            \
                           .infer = InferBinary,           \
                           .plan = PlanBinary,             \
                           .batch_wise = BinaryBatchWise}; \
    return def;                                            \
  }
KINGLET_QLINEAR_BINARY(Add)
KINGLET_QLINEAR_BINARY(Mul)
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
