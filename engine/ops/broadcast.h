// Numpy broadcasting: the output shape, and loops over operands whose sizes of 1 are repeated.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "engine/op/op.h"

namespace kinglet {

// The shape that inputs [first, first + count) broadcast to. Throws Error(kInvalidModel) naming the
// shapes that do not fit.
Shape BroadcastShape(const NodeContext& context, std::size_t first, std::size_t count);

// N operands over the dimensions of an output, adjacent dimensions merged where all of them allow.
template <std::size_t N>
struct Broadcast {
  using Offsets = std::array<std::int64_t, N>;

  std::size_t rank = 0;    // 0: one element
  std::int64_t count = 1;  // elements of the output
  std::array<std::int64_t, kMaxRank> sizes{};
  // Elements that a step along each dimension moves in each operand; 0 where it is repeated. In the
  // innermost dimension every stride is 0 or 1.
  std::array<std::array<std::int64_t, kMaxRank>, N> strides{};

  std::int64_t InnerStride(std::size_t operand) const {
    return rank == 0 ? 0 : strides[operand][rank - 1];
  }

  // Calls f(offsets of the operands, output offset, length) for runs along the innermost dimension
  // that make up the output elements [begin, end).
  template <typename F>
  void ForRuns(std::int64_t begin, std::int64_t end, F&& f) const {
    if (begin >= end) return;
    std::array<std::int64_t, kMaxRank> index{};
    Offsets offsets{};
    std::int64_t rest = begin;
    for (std::size_t d = rank; d-- > 0; rest /= sizes[d]) {
      index[d] = rest % sizes[d];
      for (std::size_t k = 0; k < N; ++k) offsets[k] += index[d] * strides[k][d];
    }
    const std::int64_t inner = rank == 0 ? 1 : sizes[rank - 1];
    while (begin < end) {
      const std::int64_t at = rank == 0 ? 0 : index[rank - 1];
      const std::int64_t length = std::min(inner - at, end - begin);
      f(static_cast<const Offsets&>(offsets), begin, length);
      begin += length;
      if (begin < end) NextRow(index, offsets);
    }
  }

 private:
  void NextRow(std::array<std::int64_t, kMaxRank>& index, Offsets& offsets) const {
    std::size_t d = rank - 1;
    for (std::size_t k = 0; k < N; ++k) offsets[k] -= index[d] * strides[k][d];
    index[d] = 0;
    while (d-- > 0) {
      for (std::size_t k = 0; k < N; ++k) offsets[k] += strides[k][d];
      if (++index[d] < sizes[d]) return;
      for (std::size_t k = 0; k < N; ++k) offsets[k] -= sizes[d] * strides[k][d];
      index[d] = 0;
    }
  }
};

namespace internal {

struct BroadcastDims {
  std::size_t rank = 0;
  std::int64_t count = 1;
  std::array<std::int64_t, kMaxRank> sizes{};
};
// Merges dimensions; strides has room for `operands` rows.
BroadcastDims MergeDims(const Shape& output, const Shape* const* inputs, std::size_t operands,
                        std::array<std::int64_t, kMaxRank>* strides);

}  // namespace internal

// `inputs` broadcast to `output` (at most kMaxRank dimensions, checked by shape inference).
template <std::size_t N>
Broadcast<N> MakeBroadcast(const Shape& output, const std::array<const Shape*, N>& inputs) {
  Broadcast<N> broadcast;
  const internal::BroadcastDims dims =
      internal::MergeDims(output, inputs.data(), N, broadcast.strides.data());
  broadcast.rank = dims.rank;
  broadcast.count = dims.count;
  broadcast.sizes = dims.sizes;
  return broadcast;
}

}  // namespace kinglet
