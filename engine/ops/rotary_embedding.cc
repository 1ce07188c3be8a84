// RotaryEmbedding (Su et al. 2021, arXiv:2104.09864): pairs of elements of each head turned by the
// angle that belongs to the token's position.
#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "engine/ops/batch.h"
#include "engine/ops/dispatch.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/views.h"
#include "kernels/eltwise/rotate.h"

namespace kinglet {
namespace {

enum Input : std::size_t { kX, kCos, kSin, kPositions };

// Rows of `size` elements, one for each image, head and token; of each, the first 2 * `pairs`
// elements turn. X is {images, heads, tokens, size}, or {images, tokens, heads * size}.
struct Rotary {
  std::int64_t images = 0, heads = 0, tokens = 0, size = 0;
  std::int64_t pairs = 0;
  std::int64_t positions = 0;  // rows of the tables; 0: there is one for each image and token
  bool heads_first = false;
  bool interleaved = false;
};

void CheckTables(const NodeContext& context, Rotary& r) {
  const Shape& table = context.InputShape(kCos);
  const bool has_positions = context.HasInput(kPositions);
  Shape expected{r.images, r.tokens, r.pairs};
  if (has_positions) {
    RequireType(context, kPositions, DataType::kInt64);
    if (context.InputShape(kPositions) != Shape{r.images, r.tokens}) {
      context.Invalid("position_ids (input 3) has shape " +
                      ShapeToString(context.InputShape(kPositions)) + ", expected " +
                      ShapeToString({r.images, r.tokens}));
    }
    r.positions = table.empty() ? 0 : table[0];
    expected = {r.positions, r.pairs};
  }
  for (const std::size_t i : {kCos, kSin}) {
    if (context.InputShape(i) == expected) continue;
    context.Invalid("input " + std::to_string(i) + " has shape " +
                    ShapeToString(context.InputShape(i)) + ", expected " + ShapeToString(expected));
  }
}

Rotary ReadRotary(const NodeContext& context) {
  RequireFloat(context, kX);
  RequireEqualTypes(context, 3);
  const Shape& x = context.InputShape(kX);
  const std::int64_t heads = context.attributes().Int("num_heads", 0);
  Rotary r;
  if (x.size() == 4) {
    r = {.images = x[0], .heads = x[1], .tokens = x[2], .size = x[3], .heads_first = true};
  } else if (x.size() == 3 && heads > 0 && x[2] % heads == 0) {
    r = {.images = x[0], .heads = heads, .tokens = x[1], .size = x[2] / heads};
  } else {
    context.Invalid("input 0 has shape " + ShapeToString(x) + " and num_heads is " +
                    std::to_string(heads) +
                    ", expected four dimensions, or three of which num_heads divides the last");
  }
  std::int64_t turned = context.attributes().Int("rotary_embedding_dim", 0);
  if (turned == 0) turned = r.size;
  if (turned < 0 || turned > r.size || turned % 2 != 0) {
    context.Invalid("of heads of " + std::to_string(r.size) + " elements " +
                    std::to_string(turned) + " turn, expected an even number of them");
  }
  r.pairs = turned / 2;
  r.interleaved = context.attributes().Int("interleaved", 0) != 0;
  CheckTables(context, r);
  return r;
}

void InferRotary(InferContext& context) {
  ReadRotary(context);
  context.SetOutput(0, context.InputType(kX), context.InputShape(kX));
}

// In place as well: both elements of a pair are read before they are written.
template <typename T>
void TurnPairs(const Rotary& r, const T* x, const T* cosines, const T* sines, T* y) {
  const std::int64_t step = r.interleaved ? 2 : 1;
  const std::int64_t other = r.interleaved ? 1 : r.pairs;
  for (std::int64_t i = 0; i < r.pairs; ++i) {
    const T a = x[i * step];
    const T b = x[i * step + other];
    y[i * step] = cosines[i] * a - sines[i] * b;
    y[i * step + other] = sines[i] * a + cosines[i] * b;
  }
}

// Turns one row: function(x, cosines, sines, y).
template <typename T>
auto TurnerOf(const Rotary& r) {
  if constexpr (std::is_same_v<T, float>) {
    return [pairs = r.pairs, rotate = kernels::GetRotate(r.interleaved)](
               const float* x, const float* cosines, const float* sines, float* y) {
      rotate(x, cosines, sines, pairs, y);
    };
  } else {
    return [r](const T* x, const T* cosines, const T* sines, T* y) {
      TurnPairs(r, x, cosines, sines, y);
    };
  }
}

template <typename T>
std::unique_ptr<Step> MakeRotary(PlanContext& context, const Rotary& r) {
  const bool has_positions = context.HasInput(kPositions);
  context.AllowInPlace(0, kX);
  return MakeItemStep(
      std::is_same_v<T, float> ? "eltwise/rotate_f32" : "reference/rotary_embedding",
      r.size == 0 ? 0 : r.images * r.heads * r.tokens,
      2 * r.size * static_cast<std::int64_t>(sizeof(T)),
      [=, turn = TurnerOf<T>(r)](const StepArgs& args, std::int64_t begin, std::int64_t end) {
        for (std::int64_t row = begin; row < end; ++row) {
          const std::int64_t token = r.heads_first ? row % r.tokens : row / r.heads % r.tokens;
          const std::int64_t place = row / (r.heads * r.tokens) * r.tokens + token;
          std::int64_t position = place;
          if (has_positions) {
            position = static_cast<const std::int64_t*>(args.inputs[kPositions])[place];
            if (position < 0 || position >= r.positions) {
              args.status->Fail("position %lld, expected one in [0, %lld)",
                                static_cast<long long>(position),
                                static_cast<long long>(r.positions));
              return;
            }
          }
          const T* x = static_cast<const T*>(args.inputs[kX]) + row * r.size;
          T* y = static_cast<T*>(args.outputs[0]) + row * r.size;
          turn(x, static_cast<const T*>(args.inputs[kCos]) + position * r.pairs,
               static_cast<const T*>(args.inputs[kSin]) + position * r.pairs, y);
          if (x != y) std::copy(x + 2 * r.pairs, x + r.size, y + 2 * r.pairs);
        }
      });
}

std::unique_ptr<Step> PlanRotary(PlanContext& context) {
  const Rotary r = ReadRotary(context);
  return DispatchFloat(context.InputType(kX),
                       [&]<typename T>() { return MakeRotary<T>(context, r); });
}

// The tables belong to images unless positions say which rows of them do.
bool RotaryBatchWise(const NodeContext& context, const std::vector<BatchUse>& inputs) {
  if (!context.HasInput(kPositions)) return AllImages(context, inputs);
  return inputs[kX] == BatchUse::kImages && inputs[kCos] == BatchUse::kFree &&
         inputs[kSin] == BatchUse::kFree && inputs[kPositions] == BatchUse::kImages;
}

}  // namespace

const OpDef& OpRotaryEmbedding() {
  static const OpDef op{.name = "RotaryEmbedding",
                        .since = 23,
                        .min_inputs = 3,
                        .max_inputs = 4,
                        .attributes = "interleaved num_heads rotary_embedding_dim",
                        .types = "float32, float64",
                        .infer = InferRotary,
                        .plan = PlanRotary,
                        .batch_wise = RotaryBatchWise};
  return op;
}

}  // namespace kinglet
