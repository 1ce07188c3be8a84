// Arithmetic of two operands: Add, Sub, Mul, Div, Mod, Pow, bitwise operators and shifts. Integers
// wrap around; dividing one by zero gives zero.
#include "engine/ops/binary.h"

#include <limits>
#include <type_traits>

#include "engine/ops/batch.h"

namespace kinglet {
namespace {

template <typename T>
constexpr bool kWraps = std::is_integral_v<T>;

struct AddOp {
  static constexpr auto kKernel = kernels::BinaryOp::kAdd;
  template <typename T>
  static T Of(T a, T b) {
    if constexpr (kWraps<T>) {
      return static_cast<T>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
    } else {
      return a + b;
    }
  }
};
struct SubOp {
  static constexpr auto kKernel = kernels::BinaryOp::kSub;
  template <typename T>
  static T Of(T a, T b) {
    if constexpr (kWraps<T>) {
      return static_cast<T>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
    } else {
      return a - b;
    }
  }
};
struct MulOp {
  static constexpr auto kKernel = kernels::BinaryOp::kMul;
  static constexpr auto kIntegers = kernels::IntegerOp::kMul;
  template <typename T>
  static T Of(T a, T b) {
    if constexpr (kWraps<T>) {
      return static_cast<T>(static_cast<std::uint64_t>(a) * static_cast<std::uint64_t>(b));
    } else {
      return a * b;
    }
  }
};
struct DivOp {  // truncates towards zero
  static constexpr auto kKernel = kernels::BinaryOp::kDiv;
  static constexpr auto kIntegers = kernels::IntegerOp::kDiv;
  template <typename T>
  static T Of(T a, T b) {
    if constexpr (kWraps<T>) {
      if (b == 0) return 0;
      if constexpr (std::is_signed_v<T>) {
        if (b == -1) return SubOp::Of<T>(0, a);
      }
      return static_cast<T>(a / b);
    } else {
      return a / b;
    }
  }
};
struct FmodOp {  // the sign of the dividend
  static constexpr auto kKernel = kernels::BinaryOp::kFmod;
  template <typename T>
  static T Of(T a, T b) {
    if constexpr (kWraps<T>) {
      if (b == 0) return 0;
      if constexpr (std::is_signed_v<T>) {
        if (b == -1) return 0;
      }
      return static_cast<T>(a % b);
    } else {
      return std::fmod(a, b);
    }
  }
};
struct ModOp {  // the sign of the divisor
  template <typename T>
  static T Of(T a, T b) {
    const T rest = FmodOp::Of<T>(a, b);
    if constexpr (std::is_signed_v<T>) {
      if (rest != 0 && (rest < 0) != (b < 0)) return static_cast<T>(rest + b);
    }
    if constexpr (std::is_floating_point_v<T>) {
      if (rest == 0) return std::copysign(rest, b);
    }
    return rest;
  }
};

struct PowOp {
  static constexpr auto kKernel = kernels::BinaryOp::kPow;
  template <typename T>
  static T Of(T base, T exponent) {
    if constexpr (kWraps<T>) {
      if constexpr (std::is_signed_v<T>) {
        if (exponent < 0) {
          if (base == -1) return exponent % 2 == 0 ? T{1} : T{-1};
          return base == 1 ? T{1} : T{0};
        }
      }
      T result = 1;
      for (auto e = static_cast<std::make_unsigned_t<T>>(exponent); e != 0;
           e = static_cast<decltype(e)>(e >> 1)) {
        if (e & 1) result = MulOp::Of<T>(result, base);
        base = MulOp::Of<T>(base, base);
      }
      return result;
    } else {
      // The one exponent that normalisations use, and the one that is worth it.
      return exponent == T{2} ? base * base : std::pow(base, exponent);
    }
  }
};

struct BitAndOp {
  template <typename T>
  static T Of(T a, T b) {
    return static_cast<T>(a & b);
  }
};
struct BitOrOp {
  template <typename T>
  static T Of(T a, T b) {
    return static_cast<T>(a | b);
  }
};
struct BitXorOp {
  template <typename T>
  static T Of(T a, T b) {
    return static_cast<T>(a ^ b);
  }
};
// By more bits than there are, or by a negative number of them, all of them leave.
template <typename T>
bool ShiftsAllOut(T bits) {
  return static_cast<std::uint64_t>(static_cast<std::make_unsigned_t<T>>(bits)) >= 8 * sizeof(T);
}
struct ShiftLeftOp {
  template <typename T>
  static T Of(T a, T b) {
    return ShiftsAllOut(b) ? T{0} : static_cast<T>(static_cast<std::uint64_t>(a) << b);
  }
};
struct ShiftRightOp {  // copies of the sign enter
  template <typename T>
  static T Of(T a, T b) {
    if (!ShiftsAllOut(b)) return static_cast<T>(a >> b);
    if constexpr (std::is_signed_v<T>) return static_cast<T>(a < 0 ? -1 : 0);
    return T{0};
  }
};

void RequireNumber(const NodeContext& context, std::size_t i) {
  DispatchNumeric(context.InputType(i), []<typename T>() {});
}

void InferArithmetic(InferContext& context) {
  RequireNumber(context, 0);
  InferBinary(context, context.InputType(0));
}

bool IsFloat(DataType type) { return type == DataType::kFloat32 || type == DataType::kFloat64; }

void InferMod(InferContext& context) {
  constexpr int kFloats = 28;  // with fmod 0
  const bool fmod = context.attributes().Int("fmod", 0) != 0;
  if (IsFloat(context.InputType(0)) && !fmod && context.opset() < kFloats) {
    context.Invalid("fmod is 0 for " + std::string(DataTypeName(context.InputType(0))) +
                    ", expected 1 for floating-point types");
  }
  InferArithmetic(context);
}

template <typename Op>
std::unique_ptr<Step> PlanIntegers(PlanContext& context) {
  AllowInPlaceOfEqual(context, 2);
  const BinaryLoops loops =
      DispatchInteger(context.InputType(0), []<typename T>() { return LoopsOf<Op, T>(); });
  return PlanBinaryPlain(context, loops);
}

std::unique_ptr<Step> PlanMod(PlanContext& context) {
  if (context.attributes().Int("fmod", 0) != 0) return PlanArithmetic<FmodOp>(context);
  return PlanArithmetic<ModOp>(context);
}

void InferIntegers(InferContext& context) {
  DispatchInteger(context.InputType(0), []<typename T>() {});
  InferBinary(context, context.InputType(0));
}

void InferShift(InferContext& context) {
  const std::string direction = context.attributes().String("direction", "");
  if (direction != "LEFT" && direction != "RIGHT") {
    context.Invalid("direction '" + direction + "', expected LEFT or RIGHT");
  }
  constexpr int kSigned = 28;  // types, since then
  DispatchInteger(context.InputType(0), [&]<typename T>() {
    if (std::is_unsigned_v<T> || context.opset() >= kSigned) return;
    context.Invalid(std::string("input 0 has type ") + DataTypeName(context.InputType(0)) +
                    ", expected unsigned integers before opset " + std::to_string(kSigned));
  });
  InferBinary(context, context.InputType(0));
}

std::unique_ptr<Step> PlanShift(PlanContext& context) {
  return context.attributes().String("direction", "") == "LEFT"
             ? PlanIntegers<ShiftLeftOp>(context)
             : PlanIntegers<ShiftRightOp>(context);
}

// The base decides the output's type; the exponent may have another one.
void InferPow(InferContext& context) {
  RequireNumber(context, 0);
  RequireNumber(context, 1);
  context.SetOutput(0, context.InputType(0), BroadcastShape(context, 0, 2));
}

using ReadDouble = double (*)(const void*, std::int64_t);

ReadDouble ReaderOf(DataType type) {
  return DispatchNumeric(type, []<typename T>() -> ReadDouble {
    return [](const void* data, std::int64_t i) {
      return static_cast<double>(static_cast<const T*>(data)[i]);
    };
  });
}

template <typename T>
T PowOfMixed(T base, double exponent) {
  if constexpr (kWraps<T>) {
    constexpr double kWhole = 9007199254740992.0;  // 2^53: every integer below is exact
    if (exponent == std::floor(exponent) && std::abs(exponent) < kWhole) {
      using Wide = std::conditional_t<std::is_signed_v<T>, std::int64_t, std::uint64_t>;
      if (exponent >= 0 || std::is_signed_v<T>) {
        return static_cast<T>(
            PowOp::Of<Wide>(static_cast<Wide>(base), static_cast<Wide>(exponent)));
      }
    }
    const double value = std::pow(static_cast<double>(base), exponent);
    const auto low = static_cast<double>(std::numeric_limits<T>::lowest());
    const auto high = static_cast<double>(std::numeric_limits<T>::max());
    if (!(value > low)) return value <= low ? std::numeric_limits<T>::lowest() : T{0};
    return value < high ? static_cast<T>(value) : std::numeric_limits<T>::max();
  } else {
    return PowOp::Of<T>(base, static_cast<T>(exponent));
  }
}

// A run of exponents of any type.
struct Exponents {
  const void* data;
  ReadDouble read;
  std::int64_t first, stride;
};
// y[y_at + i] = base[at + i * base_stride] to the power of exponent i, i < n.
using MixedPowRun = void (*)(const void* base, std::int64_t at, std::int64_t base_stride,
                             const Exponents& exponents, void* y, std::int64_t y_at,
                             std::int64_t n);

template <typename T>
void PowRun(const void* base, std::int64_t at, std::int64_t base_stride, const Exponents& exponents,
            void* y, std::int64_t y_at, std::int64_t n) {
  const auto* x = static_cast<const T*>(base) + at;
  auto* to = static_cast<T*>(y) + y_at;
  for (std::int64_t i = 0; i < n; ++i) {
    to[i] = PowOfMixed<T>(x[i * base_stride],
                          exponents.read(exponents.data, exponents.first + i * exponents.stride));
  }
}

std::unique_ptr<Step> PlanMixedPow(PlanContext& context) {
  const auto broadcast =
      MakeBroadcast<2>(context.OutputShape(0), {&context.InputShape(0), &context.InputShape(1)});
  const ElementUnits units(context.OutputShape(0));
  const ReadDouble read = ReaderOf(context.InputType(1));
  const DataType type = context.InputType(0);
  const auto run = DispatchNumeric(type, []<typename T>() -> MixedPowRun { return PowRun<T>; });
  return MakeStep(
      ElementwiseId(context, type), units.count(),
      [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
        broadcast.ForRuns(
            units.Start(begin), units.Start(end),
            [&](const auto& offsets, std::int64_t at, std::int64_t n) {
              const Exponents exponents{args.inputs[1], read, offsets[1], broadcast.InnerStride(1)};
              run(args.inputs[0], offsets[0], broadcast.InnerStride(0), exponents, args.outputs[0],
                  at, n);
            });
      });
}

std::unique_ptr<Step> PlanPow(PlanContext& context) {
  if (context.InputType(0) == context.InputType(1)) return PlanArithmetic<PowOp>(context);
  return PlanMixedPow(context);
}

}  // namespace

#define KINGLET_BINARY_OP(Name, since_opset, names, type_names, infer_function, plan_function) \
  const OpDef& Op##Name() {                                                                    \
    static const OpDef op{.name = #Name,                                                       \
                          .since = since_opset,                                                \
                          .min_inputs = 2,                                                     \
                          .max_inputs = 2,                                                     \
                          .attributes = names,                                                 \
                          .types = type_names,                                                 \
                          .infer = infer_function,                                             \
                          .plan = plan_function,                                               \
                          .batch_wise = BroadcastImages};                                      \
    return op;                                                                                 \
  }

#define KINGLET_NUMBERS "float32, float64, integers"
KINGLET_BINARY_OP(Add, kFirstSettledOpset, "", KINGLET_NUMBERS, InferArithmetic,
                  PlanArithmetic<AddOp>)
KINGLET_BINARY_OP(Sub, kFirstSettledOpset, "", KINGLET_NUMBERS, InferArithmetic,
                  PlanArithmetic<SubOp>)
KINGLET_BINARY_OP(Mul, kFirstSettledOpset, "", KINGLET_NUMBERS, InferArithmetic,
                  PlanArithmetic<MulOp>)
KINGLET_BINARY_OP(Div, kFirstSettledOpset, "", KINGLET_NUMBERS, InferArithmetic,
                  PlanArithmetic<DivOp>)
KINGLET_BINARY_OP(Mod, 10, "fmod", KINGLET_NUMBERS, InferMod, PlanMod)
KINGLET_BINARY_OP(Pow, kFirstSettledOpset, "", KINGLET_NUMBERS, InferPow, PlanPow)
KINGLET_BINARY_OP(BitwiseAnd, 18, "", "integers", InferIntegers, PlanIntegers<BitAndOp>)
KINGLET_BINARY_OP(BitwiseOr, 18, "", "integers", InferIntegers, PlanIntegers<BitOrOp>)
KINGLET_BINARY_OP(BitwiseXor, 18, "", "integers", InferIntegers, PlanIntegers<BitXorOp>)
KINGLET_BINARY_OP(BitShift, 11, "direction", "integers", InferShift, PlanShift)
#undef KINGLET_NUMBERS
#undef KINGLET_BINARY_OP

}  // namespace kinglet
