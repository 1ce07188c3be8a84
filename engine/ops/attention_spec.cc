// What an Attention says: heads, sizes, where rows lie, what is masked.
#include <algorithm>
#include <cmath>
#include <string>

#include "engine/ops/attention.h"
#include "engine/ops/elementwise.h"
#include "engine/ops/views.h"

namespace kinglet {
namespace {

using enum AttentionInput::Index;

// Q, K or V: {images, heads, rows, size}, or {images, rows, heads * size}.
struct Operand {
  std::int64_t images, heads, rows, size;
  HeadRows at;
};

Operand ReadOperand(const NodeContext& context, std::size_t i, std::int64_t heads) {
  const Shape& shape = context.InputShape(i);
  if (shape.size() == 4) {
    return {shape[0],
            shape[1],
            shape[2],
            shape[3],
            {shape[1] * shape[2] * shape[3], shape[2] * shape[3], shape[3]}};
  }
  if (heads < 1 || shape[2] % heads != 0) {
    context.Invalid("input " + std::to_string(i) + " of shape " + ShapeToString(shape) +
                    " does not divide into " + std::to_string(heads) +
                    " heads; q_num_heads and kv_num_heads say how many");
  }
  const std::int64_t size = shape[2] / heads;
  return {shape[0], heads, shape[1], size, {shape[1] * shape[2], size, shape[2]}};
}

void CheckTypes(const NodeContext& context) {
  RequireFloat(context, kQ);
  for (const std::size_t i : {kK, kV, kPastKey, kPastValue}) {
    if (context.HasInput(i)) RequireType(context, i, context.InputType(kQ));
  }
  if (context.HasInput(kMask) && context.InputType(kMask) != DataType::kBool) {
    RequireType(context, kMask, context.InputType(kQ));
  }
  if (context.HasInput(kLengths)) RequireType(context, kLengths, DataType::kInt64);
}

void CheckPast(const NodeContext& context, const Attention& a) {
  const auto check = [&](std::size_t i, std::int64_t size) {
    const Shape expected{a.images, a.key_heads, a.past, size};
    if (context.InputShape(i) == expected) return;
    context.Invalid("input " + std::to_string(i) + " has shape " +
                    ShapeToString(context.InputShape(i)) + ", expected " + ShapeToString(expected));
  };
  check(kPastKey, a.key_size);
  check(kPastValue, a.value_size);
}

// Broadcasts to {images, heads, queries, keys}; the last dimension may be shorter.
void ReadMask(const NodeContext& context, Attention& a) {
  if (!context.HasInput(kMask)) return;
  const Shape& given = context.InputShape(kMask);
  const Shape full{a.images, a.heads, a.queries, a.all_keys()};
  const auto invalid = [&] {
    context.Invalid("the mask (input 3) has shape " + ShapeToString(given) +
                    ", expected one that broadcasts to " + ShapeToString(full));
  };
  if (given.empty() || given.size() > 4) invalid();
  Shape shape(4 - given.size(), 1);
  shape.insert(shape.end(), given.begin(), given.end());
  for (std::size_t d = 0; d < 3; ++d) {
    if (shape[d] != 1 && shape[d] != full[d]) invalid();
  }
  a.has_mask = true;
  a.mask_is_bool = context.InputType(kMask) == DataType::kBool;
  a.mask_keys = shape[3];
  a.mask_repeats = shape[3] == 1 && a.all_keys() > 1 && context.opset() < 24;
  if (shape[3] > a.all_keys()) invalid();
  if (shape[3] < a.all_keys() && !a.mask_repeats && context.opset() < 24) invalid();
  const auto stride = [&](std::size_t d) {
    return shape[d] == 1 ? 0 : DimsProduct(shape, d + 1, shape.size());
  };
  a.mask = {stride(0), stride(1), stride(2)};
}

void ReadAttributes(const NodeContext& context, Attention& a) {
  const Attributes& attributes = context.attributes();
  const float usual = 1.0f / std::sqrt(static_cast<float>(std::max<std::int64_t>(a.key_size, 1)));
  a.scale = attributes.Float("scale", usual);
  a.softcap = attributes.Float("softcap", 0);
  a.causal = attributes.Int("is_causal", 0) != 0;
  a.left = attributes.Int("left_window_size", -1);
  a.right = attributes.Int("right_window_size", -1);
  if (a.left < -1 || a.right < -1) {
    context.Invalid("the window reaches " + std::to_string(a.left) + " keys to the left and " +
                    std::to_string(a.right) + " to the right, expected -1 or more");
  }
  const std::int64_t mode = attributes.Int("qk_matmul_output_mode", 0);
  if (mode < 0 || mode > 3) {
    context.Invalid("qk_matmul_output_mode is " + std::to_string(mode) + ", expected 0 to 3");
  }
  a.shown = static_cast<ScoresShown>(mode);
  a.shows = context.HasOutput(3);
}

// What is computed of the sizes later does not overflow.
void CheckSizes(const NodeContext& context, const Attention& a) {
  const std::int64_t keys = AddSizes(context, a.past, a.keys);
  const std::int64_t scores = MultiplySizes(context, a.images * a.heads * a.queries, keys);
  MultiplySizes(context, scores, AddSizes(context, a.key_size, a.value_size));
  MultiplySizes(context, keys, 64 * 8);  // working memory
}

}  // namespace

Attention ReadAttention(const NodeContext& context) {
  CheckTypes(context);
  const std::size_t rank = context.InputShape(kQ).size();
  for (const std::size_t i : {kQ, kK, kV}) {
    if (context.InputShape(i).size() == rank && (rank == 3 || rank == 4)) continue;
    context.Invalid("input " + std::to_string(i) + " has shape " +
                    ShapeToString(context.InputShape(i)) +
                    ", expected three inputs of three or of four dimensions");
  }
  const std::int64_t key_heads = context.attributes().Int("kv_num_heads", 0);
  const Operand q = ReadOperand(context, kQ, context.attributes().Int("q_num_heads", 0));
  const Operand k = ReadOperand(context, kK, key_heads);
  const Operand v = ReadOperand(context, kV, key_heads);
  const bool fits = q.size > 0 && k.images == q.images && v.images == q.images &&
                    k.heads == v.heads && k.rows == v.rows && k.size == q.size;
  if (!fits || k.heads < 1 || q.heads % k.heads != 0) {
    context.Invalid("queries, keys and values of shapes " + ShapeToString(context.InputShape(kQ)) +
                    ", " + ShapeToString(context.InputShape(kK)) + " and " +
                    ShapeToString(context.InputShape(kV)) + " do not fit together");
  }
  Attention a;
  a.images = q.images;
  a.heads = q.heads;
  a.key_heads = k.heads;
  a.queries = q.rows;
  a.keys = k.rows;
  a.key_size = q.size;
  a.value_size = v.size;
  a.q = q.at;
  a.k = k.at;
  a.v = v.at;
  const std::int64_t y_row = rank == 3 ? a.heads * a.value_size : a.value_size;
  a.y = {a.heads * a.queries * a.value_size, rank == 3 ? a.value_size : a.queries * a.value_size,
         y_row};
  if (context.HasInput(kPastKey) != context.HasInput(kPastValue)) {
    context.Invalid("past_key and past_value (inputs 4 and 5) come together");
  }
  if (context.HasInput(kPastKey)) {
    const Shape& past = context.InputShape(kPastKey);
    a.past = past.size() == 4 ? past[2] : 0;
    CheckPast(context, a);
  }
  if (context.HasInput(kLengths)) {
    if (context.HasInput(kPastKey) || context.InputShape(kLengths) != Shape{a.images}) {
      context.Invalid("nonpad_kv_seqlen (input 6) has shape " +
                      ShapeToString(context.InputShape(kLengths)) + ", expected " +
                      ShapeToString({a.images}) + " and no past_key beside it");
    }
    a.has_lengths = true;
  }
  CheckSizes(context, a);
  ReadAttributes(context, a);
  ReadMask(context, a);
  return a;
}

}  // namespace kinglet
