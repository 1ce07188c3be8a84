// Attention as ONNX has it from opset 23 on: what a node says, read and checked once.
#pragma once

#include <cstdint>

#include "engine/op/op.h"

namespace kinglet {

// What the fourth output shows of the scores.
struct AttentionInput {
  enum Index : std::size_t { kQ, kK, kV, kMask, kPastKey, kPastValue, kLengths };
};

enum class ScoresShown : std::uint8_t { kProducts, kCapped, kMasked, kWeights };

// The rows of a matrix for each image and head: row i of them begins at image * `image` + head *
// `head` + i * `row`.
struct HeadRows {
  std::int64_t image = 0, head = 0, row = 0;

  std::int64_t At(std::int64_t image_index, std::int64_t head_index, std::int64_t i) const {
    return image_index * image + head_index * head + i * row;
  }
};

// Inputs: Q, K, V, the mask, past_key, past_value, nonpad_kv_seqlen; outputs: Y, present_key,
// present_value, scores. Of a query, `past` keys come from past_key, and `keys` more from K.
struct Attention {
  std::int64_t images = 0;
  std::int64_t heads = 0;      // of the queries
  std::int64_t key_heads = 0;  // each for heads / key_heads neighbouring ones
  std::int64_t queries = 0;    // of each image and head
  std::int64_t past = 0;
  std::int64_t keys = 0;
  std::int64_t key_size = 0;    // elements of a query and of a key
  std::int64_t value_size = 0;  // elements of a value
  HeadRows q, k, v, y;

  float scale = 1;
  float softcap = 0;  // 0: none
  bool causal = false;
  std::int64_t left = -1, right = -1;  // keys beside a query's place that it sees; -1: all
  ScoresShown shown = ScoresShown::kProducts;
  bool shows = false;  // the fourth output is there

  bool has_mask = false;
  bool mask_is_bool = false;
  std::int64_t mask_keys = 0;  // its last dimension: what is behind that is masked; 1 may be all
  bool mask_repeats = false;   // one value for all keys
  HeadRows mask;               // rows of it; 0 where it broadcasts
  bool has_lengths = false;    // nonpad_kv_seqlen

  std::int64_t all_keys() const { return past + keys; }
};

// Throws Error(kInvalidModel) where an input or an attribute does not fit.
Attention ReadAttention(const NodeContext& context);

}  // namespace kinglet
