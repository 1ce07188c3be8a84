// Cast and CastLike: the same values in another element type.
#include "kernels/layout/cast.h"

#include <type_traits>

#include "engine/ops/batch.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/element_types.h"
#include "engine/ops/views.h"
#include "kernels/common/half.h"
#include "kernels/layout/convert.h"
#include "kernels/layout/numbers.h"

namespace kinglet {
namespace {

using kernels::BFloat16;
using kernels::Float16;

template <typename T>
constexpr bool kIsHalf = std::is_same_v<T, Float16> || std::is_same_v<T, BFloat16>;

template <typename To, typename From>
To Convert(From value) {
  if constexpr (kIsHalf<From>) {
    return Convert<To>(kernels::ToFloat(value));
  } else if constexpr (std::is_same_v<To, Float16>) {
    return kernels::ToFloat16(static_cast<float>(value));
  } else if constexpr (std::is_same_v<To, BFloat16>) {
    return kernels::ToBFloat16(static_cast<float>(value));
  } else if constexpr (std::is_same_v<To, bool>) {
    return value != From{};
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    return kernels::FloatToInteger<To>(static_cast<double>(value));
  } else {
    return static_cast<To>(value);
  }
}

template <typename From, typename To>
void ConvertEach(const void* src, void* dst, std::int64_t count) {
  const auto* from = static_cast<const From*>(src);
  auto* to = static_cast<To*>(dst);
  for (std::int64_t k = 0; k < count; ++k) to[k] = Convert<To>(from[k]);
}

// `count` elements from `src` to `dst`.
using ConvertFn = void (*)(const void* src, void* dst, std::int64_t count);

// Which type's function has the same effect, so that there are fewer of them: integers of one size
// are written alike by whatever does not saturate, and a bool is a byte that is 0 or 1.
template <typename From>
using ReadAs = std::conditional_t<std::is_same_v<From, bool>, std::uint8_t, From>;
template <typename From, typename To>
struct WrittenAs {
  using Type = To;
};
template <typename From, typename To>
requires(std::is_integral_v<To> && !std::is_same_v<To, bool> &&
         (std::is_integral_v<From> || sizeof(To) < 8)) struct WrittenAs<From, To> {
  using Type = std::make_unsigned_t<To>;
};

template <typename F>
decltype(auto) DispatchAny(DataType type, F&& f) {
  if (type == DataType::kFloat16) return f.template operator()<Float16>();
  if (type == DataType::kBFloat16) return f.template operator()<BFloat16>();
  return DispatchType(type, f);
}

ConvertFn ConvertFnOf(DataType from, DataType to) {
  return DispatchAny(from, [&]<typename From>() {
    return DispatchAny(to, []<typename To>() -> ConvertFn {
      return ConvertEach<ReadAs<From>, typename WrittenAs<From, To>::Type>;
    });
  });
}

std::unique_ptr<Step> PlanCast(PlanContext& context) {
  for (std::size_t i = 1; i < context.input_count(); ++i) context.DoNotRead(i);
  const DataType from = context.InputType(0);
  const DataType to = context.OutputType(0);
  if (from == to) {
    context.Alias(0, 0);
    return nullptr;
  }
  const auto from_bytes = static_cast<std::int64_t>(DataTypeSize(from));
  const auto to_bytes = static_cast<std::int64_t>(DataTypeSize(to));
  kernels::Conversion fast = kernels::FindConversion(ElementTypeOf(from), ElementTypeOf(to));
  if (fast.run == nullptr) {
    fast = {"layout/cast", kernels::FindCast(ElementTypeOf(from), ElementTypeOf(to))};
  }
  if (fast.run != nullptr) {
    return MakeItemStep(fast.id, ElementCount(context.InputShape(0)), from_bytes + to_bytes,
                        [=](const StepArgs& args, std::int64_t begin, std::int64_t end) {
                          fast.run(
                              static_cast<const std::byte*>(args.inputs[0]) + begin * from_bytes,
                              static_cast<std::byte*>(args.outputs[0]) + begin * to_bytes,
                              static_cast<std::size_t>(end - begin));
                        });
  }
  return MakeItemStep("reference/cast", ElementCount(context.InputShape(0)), from_bytes + to_bytes,
                      [=, convert = ConvertFnOf(from, to)](const StepArgs& args, std::int64_t begin,
                                                           std::int64_t end) {
                        convert(static_cast<const std::byte*>(args.inputs[0]) + begin * from_bytes,
                                static_cast<std::byte*>(args.outputs[0]) + begin * to_bytes,
                                end - begin);
                      });
}

// `saturate` and `round_mode` are for types of eight bits, which no tensor has here.
void CheckCast(const Node& node, std::vector<std::string>& unsupported) {
  CheckElementTypeAttribute(node, "to", unsupported);
}

void InferCast(InferContext& context) {
  if (!context.attributes().Has("to")) context.Invalid("attribute 'to' is missing");
  const DataType type = ElementTypeAttribute(context, "to", DataType::kUndefined);
  context.SetOutput(0, type, context.InputShape(0));
}

void InferCastLike(InferContext& context) {
  context.SetOutput(0, context.InputType(1), context.InputShape(0));
}

}  // namespace

const OpDef& OpCast() {
  static const OpDef def{.name = "Cast",
                         .attributes = "to saturate round_mode",
                         .types = kAnyType,
                         .check = CheckCast,
                         .infer = InferCast,
                         .plan = PlanCast,
                         .batch_wise = EachImage};
  return def;
}

const OpDef& OpCastLike() {
  static const OpDef def{.name = "CastLike",
                         .since = 15,
                         .min_inputs = 2,
                         .max_inputs = 2,
                         .attributes = "saturate round_mode",
                         .types = kAnyType,
                         .infer = InferCastLike,
                         .plan = PlanCast,
                         .batch_wise = EachImage};
  return def;
}

}  // namespace kinglet
