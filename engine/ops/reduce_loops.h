// The loops of reductions over axes of a row-major tensor, for each function and element type.
#pragma once

#include <cstdint>
#include <vector>

#include "kernels/reduce/arg.h"
#include "kinglet/tensor.h"

namespace kinglet {

// A list of dimensions with their strides in the input.
struct ReduceDims {
  int rank = 0;
  std::int64_t sizes[kMaxRank] = {};
  std::int64_t strides[kMaxRank] = {};

  void Push(std::int64_t size, std::int64_t stride) {
    sizes[rank] = size;
    strides[rank++] = stride;
  }
  std::int64_t Count() const {
    std::int64_t count = 1;
    for (int k = 0; k < rank; ++k) count *= sizes[k];
    return count;
  }
  std::int64_t OffsetOf(std::int64_t index) const {
    std::int64_t offset = 0;
    for (int k = rank - 1; k >= 0; --k) {
      offset += index % sizes[k] * strides[k];
      index /= sizes[k];
    }
    return offset;
  }
};

// The offsets of all combinations of some dimensions, in order:
//   for (ReduceOffsets at(dims); at.more(); at.Next()) ... at.offset() ...
class ReduceOffsets {
 public:
  explicit ReduceOffsets(const ReduceDims& dims) : dims_(dims), left_(dims.Count()) {}
  bool more() const { return left_ > 0; }
  std::int64_t offset() const { return offset_; }
  void Next() {
    --left_;
    for (int k = dims_.rank - 1; k >= 0; --k) {
      offset_ += dims_.strides[k];
      if (++index_[k] < dims_.sizes[k]) break;
      offset_ -= dims_.sizes[k] * dims_.strides[k];
      index_[k] = 0;
    }
  }

 private:
  const ReduceDims& dims_;
  std::int64_t left_;
  std::int64_t offset_ = 0;
  std::int64_t index_[kMaxRank] = {};
};

// Every combination of `kept` gives one output element (in order), from every combination of
// `reduced`. The innermost dimension of the input, which is contiguous, stands apart: a run of
// `inner` elements that are reduced together or kept apart.
struct ReduceGeometry {
  ReduceDims kept, reduced;
  std::int64_t inner = 1;
  bool inner_reduced = true;
  std::int64_t reduced_count = 1;  // elements behind each output

  // Each output is made of a row, and the rows lie one behind the other.
  bool IsRows() const { return inner_reduced && reduced.rank == 0 && kept.rank <= 1; }
};

// The axes with `reduced` set go.
ReduceGeometry ReduceGeometryOf(const Shape& shape, const std::vector<bool>& reduced);

// Where the innermost dimension is kept, outputs are made in pieces of rows of so many.
inline constexpr std::int64_t kReducePiece = 256;

enum class Reduction { kSum, kMean, kProduct, kMaximum, kMinimum, kL1, kL2, kSumSquare, kLogSum };

struct ReduceLoops {
  using Fn = void (*)(const ReduceLoops& loops, const ReduceGeometry& geometry, const void* in,
                      void* out, std::int64_t begin, std::int64_t end);
  // Where the innermost dimension is reduced: the outputs [begin, end).
  Fn inner_reduced;
  // Where it is kept: the pieces [begin, end) of output rows.
  Fn inner_kept;
  // The largest or smallest value of a run of float32.
  decltype(kernels::ArgTable::extreme) extreme = nullptr;

  void Run(const ReduceGeometry& geometry, const void* in, void* out, std::int64_t begin,
           std::int64_t end) const {
    (geometry.inner_reduced ? inner_reduced : inner_kept)(*this, geometry, in, out, begin, end);
  }
};

// Throws Error(kUnsupported) for a type without arithmetic; of bool there are maxima and minima.
ReduceLoops ReduceLoopsOf(Reduction reduction, DataType type);

}  // namespace kinglet
