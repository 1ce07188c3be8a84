// NonZero and Compress: what a condition picks, so that values say how much it is.
#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>

#include "engine/op/run_context.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

// The high bit of each byte that is not zero.
std::uint64_t NonZeroBytes(const void* bytes) {
  constexpr std::uint64_t kLow = 0x7f7f7f7f7f7f7f7f;
  std::uint64_t word;
  std::memcpy(&word, bytes, sizeof(word));
  return (((word & kLow) + kLow) | word) & ~kLow;
}

// By the bits of floats: denormal numbers count, and comparisons flush them to zero.
template <typename T>
bool IsNonZero(T x) {
  if constexpr (std::is_same_v<T, float>) {
    return std::bit_cast<std::uint32_t>(x) << 1 != 0;
  } else if constexpr (std::is_same_v<T, double>) {
    return std::bit_cast<std::uint64_t>(x) << 1 != 0;
  } else {
    return x != T{};
  }
}

template <typename T>
std::int64_t CountNonZero(const T* x, std::int64_t count) {
  std::int64_t found = 0, i = 0;
  if constexpr (sizeof(T) == 1) {
    for (; i + 8 <= count; i += 8) found += std::popcount(NonZeroBytes(x + i));
  }
  for (; i < count; ++i) found += IsNonZero(x[i]) ? 1 : 0;
  return found;
}

// Writes the positions of what is not zero; `out` has room for them alone.
template <typename T>
void WritePositions(const T* x, std::int64_t count, std::int64_t found, std::int64_t* out) {
  // Every position is written, and overwritten by the next one where it does not count: no branch
  // to be predicted. The last one ends the loop, so that nothing is written behind it.
  std::int64_t i = 0, written = 0;
  while (written < found) {
    std::int64_t end = count;
    if constexpr (sizeof(T) == 1) {
      if (i + 8 <= count) {
        end = i + 8;
        if (NonZeroBytes(x + i) == 0) i = end;
      }
    }
    for (; i < end && written < found; ++i) {
      out[written] = i;
      written += IsNonZero(x[i]) ? 1 : 0;
    }
  }
}

// Positions in the flat tensor, which ascend, become coordinates {rank, count}; they stand in the
// last line of these at first.
void SplitPositions(const Shape& shape, std::int64_t count, std::int64_t* coordinates) {
  const std::size_t rank = shape.size();
  std::int64_t* rest = coordinates + static_cast<std::int64_t>(rank - 1) * count;
  for (std::size_t k = 0; k + 1 < rank; ++k) {
    const std::int64_t stride = DimsProduct(shape, k + 1, rank);
    std::int64_t* line = coordinates + static_cast<std::int64_t>(k) * count;
    std::int64_t coordinate = 0;
    for (std::int64_t i = 0; i < count; ++i) {
      // Neighbours mostly have the same one: division only where it is another.
      const std::int64_t within = rest[i] - coordinate * stride;
      if (within < 0 || within >= stride) coordinate = rest[i] / stride;
      line[i] = coordinate;
      rest[i] -= coordinate * stride;
    }
  }
}

void RunNonZero(RunContext& context) {
  const Shape& shape = context.InputShape(0);
  const std::int64_t count = ElementCount(shape);
  const auto rank = static_cast<std::int64_t>(shape.size());
  DispatchType(context.InputType(0), [&]<typename T>() {
    const T* x = static_cast<const T*>(context.InputData(0));
    const std::int64_t found = CountNonZero(x, count);
    auto* out = context.Output<std::int64_t>(0, {rank, found});
    if (rank == 0 || found == 0) return;
    WritePositions(x, count, found, out + (rank - 1) * found);
    SplitPositions(shape, found, out);
  });
}

// The input as {outer, size, item} and the condition's elements that count.
void RunCompress(RunContext& context) {
  const bool flat = !context.attributes().Has("axis");
  Shape shape = flat ? Shape{ElementCount(context.InputShape(0))} : context.InputShape(0);
  const std::size_t axis =
      flat ? 0 : context.Axis(context.attributes().Int("axis", 0), shape.size());
  if (context.InputShape(1).size() != 1) {
    context.Invalid("the condition (input 1) must have rank 1, found shape " +
                    ShapeToString(context.InputShape(1)));
  }
  const bool* condition = context.Input<bool>(1);
  const std::int64_t size = shape[axis];
  const std::int64_t count = std::min(size, context.InputShape(1)[0]);
  const std::int64_t found = CountNonZero(condition, count);
  const std::int64_t outer = DimsProduct(shape, 0, axis);
  const auto item = static_cast<std::size_t>(DimsProduct(shape, axis + 1, shape.size())) *
                    DataTypeSize(context.InputType(0));
  auto* positions = context.ScratchFor<std::int64_t>(static_cast<std::size_t>(found));
  WritePositions(condition, count, found, positions);
  shape[axis] = found;
  auto* out = static_cast<std::byte*>(context.MakeOutput(0, context.InputType(0), shape));
  const auto* in = static_cast<const std::byte*>(context.InputData(0));
  for (std::int64_t o = 0; item > 0 && o < outer;
       ++o, in += static_cast<std::size_t>(size) * item) {
    for (std::int64_t i = 0; i < found; ++i, out += item) {
      std::memcpy(out, in + static_cast<std::size_t>(positions[i]) * item, item);
    }
  }
}

}  // namespace

const OpDef& OpNonZero() {
  static const OpDef def{.name = "NonZero",
                         .since = 9,
                         .types =
                             "float32, float64, int8, int16, int32, int64, uint8, uint16, "
                             "uint32, uint64, bool",
                         .run = RunNonZero};
  return def;
}

const OpDef& OpCompress() {
  static const OpDef def{.name = "Compress",
                         .since = 9,
                         .min_inputs = 2,
                         .max_inputs = 2,
                         .attributes = "axis",
                         .types = kAnyType,
                         .run = RunCompress};
  return def;
}

}  // namespace kinglet
