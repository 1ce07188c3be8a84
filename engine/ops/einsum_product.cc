#include "engine/ops/einsum_product.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace kinglet {
namespace {

constexpr std::size_t kA = 0, kB = 1, kC = 2;
constexpr std::int64_t kBlasLimit = std::int64_t{1} << 31;
constexpr std::int64_t kRows = 64;  // of one unit

// Two loops that are one in an operand.
bool Merge(const EinsumLoop& outer, const EinsumLoop& inner, std::size_t operand) {
  return outer.strides[operand] == inner.strides[operand] * inner.size;
}

// The stride of all loops together; 0 of none, nothing where they are not evenly spaced.
std::optional<std::int64_t> StrideOf(const EinsumLoops& loops, std::size_t operand) {
  for (std::size_t i = 0; i + 1 < loops.size(); ++i) {
    if (!Merge(loops[i], loops[i + 1], operand)) return std::nullopt;
  }
  return loops.empty() ? 0 : loops.back().strides[operand];
}

// Loops [begin, end) that are one in the operand and the result; the longest such run that ends at
// the last loop, or anywhere.
struct Run {
  std::size_t begin = 0, end = 0;
  std::int64_t size = 1;
};
Run LongestRun(const EinsumLoops& loops, std::size_t operand, bool at_end) {
  Run best;
  for (std::size_t end = loops.size(); end > 0; --end) {
    Run run{end - 1, end, loops[end - 1].size};
    while (run.begin > 0 && Merge(loops[run.begin - 1], loops[run.begin], operand) &&
           Merge(loops[run.begin - 1], loops[run.begin], kC)) {
      run.size *= loops[--run.begin].size;
    }
    if (run.size > best.size) best = run;
    if (at_end) break;
  }
  return best;
}

// Splits loops into those that make rows or columns and those around the products: what is evenly
// spaced stays, where it is long enough to be worth a product of its own.
void Trim(EinsumLoops& loops, std::size_t operand, bool at_end, EinsumLoops& outer) {
  constexpr std::int64_t kEnough = 16;
  const Run run = LongestRun(loops, operand, at_end);
  if (run.end - run.begin == loops.size() || run.size < kEnough) return;
  EinsumLoops kept;
  for (std::size_t i = 0; i < loops.size(); ++i) {
    (i >= run.begin && i < run.end ? kept : outer).push_back(loops[i]);
  }
  loops = std::move(kept);
}

}  // namespace

bool EinsumProduct::Suits(const EinsumStage& stage) {
  std::int64_t m = 1, n = 1;
  for (const EinsumLoop& loop : stage.kept) {
    if (loop.strides[kB] == 0) m *= loop.size;
    if (loop.strides[kA] == 0) n *= loop.size;
  }
  const std::int64_t k = CountOf(stage.summed);
  return k > 1 && std::max(m, n) > 1 && std::max({m, n, k}) < kBlasLimit &&
         static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k) >= 256;
}

EinsumProduct::EinsumProduct(const EinsumStage& stage) : depth_(stage.summed) {
  EinsumLoops kept = stage.kept;
  // The last dimension of the result is one of A's, and B has some as well: a B without any is a
  // single column.
  swapped_ = kept.back().strides[kB] == 0 &&
             std::any_of(kept.begin(), kept.end(),
                         [](const EinsumLoop& loop) { return loop.strides[kA] == 0; });
  if (swapped_) {
    for (EinsumLoops* loops : {&kept, &depth_}) {
      for (EinsumLoop& loop : *loops) std::swap(loop.strides[kA], loop.strides[kB]);
    }
  }
  EinsumLoops rows, columns;
  for (const EinsumLoop& loop : kept) {
    (loop.strides[kB] == 0 ? rows : loop.strides[kA] == 0 ? columns : outer_).push_back(loop);
  }
  std::sort(depth_.begin(), depth_.end(),
            [](const EinsumLoop& x, const EinsumLoop& y) { return x.strides[kA] > y.strides[kA]; });
  Split(std::move(rows), std::move(columns));
}

void EinsumProduct::Split(EinsumLoops rows, EinsumLoops columns) {
  Trim(rows, kA, false, outer_);
  Trim(columns, kB, true, outer_);
  rows_ = std::move(rows);
  columns_ = std::move(columns);
  m_ = CountOf(rows_);
  n_ = CountOf(columns_);
  k_ = CountOf(depth_);
  a_ = ViewOf(rows_, depth_, kA);
  b_ = ViewOf(depth_, columns_, kB);
  c_ = ViewOf(rows_, columns_, kC);
  c_.direct &= !c_.transposed;
  product_ = kernels::MatrixProduct({.m = m_,
                                     .n = n_,
                                     .k = k_,
                                     .transpose_a = a_.direct && a_.transposed,
                                     .transpose_b = b_.direct && b_.transposed,
                                     .lda = a_.direct ? a_.stride : k_,
                                     .ldb = b_.direct ? b_.stride : n_,
                                     .ldc = c_.direct ? c_.stride : n_});
  // Copying B costs as much as some rows.
  part_ = std::min(m_, b_.direct ? kRows : 4 * kRows);
  row_parts_ = (m_ + part_ - 1) / part_;
}

EinsumProduct::View EinsumProduct::ViewOf(const EinsumLoops& rows, const EinsumLoops& columns,
                                          std::size_t operand) {
  const auto down = StrideOf(rows, operand), right = StrideOf(columns, operand);
  if (!down || !right) return {};
  const std::int64_t m = CountOf(rows), n = CountOf(columns);
  if ((n == 1 || *right == 1) && (m == 1 || *down >= n)) {
    const std::int64_t stride = std::max(*down, n);
    return {stride < kBlasLimit, false, stride};
  }
  if ((m == 1 || *down == 1) && (n == 1 || *right >= m)) {
    const std::int64_t stride = std::max(*right, m);
    return {stride < kBlasLimit, true, stride};
  }
  return {};
}

bool EinsumProduct::IsPlain() const {
  return outer_.empty() && a_.direct && !a_.transposed && a_.stride == k_ && b_.direct &&
         b_.stride == (b_.transposed ? k_ : n_) && c_.direct && c_.stride == n_;
}

// What the product needs, aligned; behind it a part of A, B and a part of C, where they are not
// direct.
std::size_t EinsumProduct::scratch_bytes() const {
  const std::int64_t floats =
      (a_.direct ? 0 : part_ * k_) + (b_.direct ? 0 : k_ * n_) + (c_.direct ? 0 : part_ * n_);
  return product_.scratch_bytes() + static_cast<std::size_t>(floats) * sizeof(float);
}

const float* EinsumProduct::Copied(const float* from, const EinsumLoops& rows,
                                   const EinsumLoops& columns, std::size_t operand,
                                   std::int64_t first, std::int64_t count, float* to) const {
  const std::int64_t width = CountOf(columns);
  const std::int64_t inner = columns.empty() ? 1 : columns.back().size;
  const std::int64_t step = columns.empty() ? 0 : columns.back().strides[operand];
  const float* start = to;
  for (std::int64_t row = first; row < first + count; ++row) {
    const float* at = from + OffsetsOf(rows, row)[operand];
    for (std::int64_t column = 0; column < width; column += inner) {
      const float* run = at + OffsetsOf(columns, column)[operand];
      if (step == 1) {
        to = std::copy_n(run, inner, to);
        continue;
      }
      for (std::int64_t i = 0; i < inner; ++i) *to++ = run[i * step];
    }
  }
  return start;
}

// Rows [first, first + count) of C, dense, to where they belong.
void EinsumProduct::Scatter(const float* from, std::int64_t first, std::int64_t count,
                            float* c) const {
  const std::int64_t inner = columns_.empty() ? 1 : columns_.back().size;
  const std::int64_t step = columns_.empty() ? 0 : columns_.back().strides[kC];
  for (std::int64_t row = first; row < first + count; ++row) {
    float* line = c + OffsetsOf(rows_, row)[kC];
    for (std::int64_t column = 0; column < n_; column += inner) {
      float* run = line + OffsetsOf(columns_, column)[kC];
      if (step == 1) {
        std::copy_n(from, inner, run);
        from += inner;
        continue;
      }
      for (std::int64_t i = 0; i < inner; ++i) run[i * step] = *from++;
    }
  }
}

void EinsumProduct::Run(const float* a, const float* b, float* c, std::byte* scratch,
                        std::int64_t begin, std::int64_t end) const {
  if (swapped_) std::swap(a, b);
  float* a_copy = reinterpret_cast<float*>(scratch + product_.scratch_bytes());
  float* b_copy = a_copy + (a_.direct ? 0 : part_ * k_);
  float* c_copy = b_copy + (b_.direct ? 0 : k_ * n_);
  for (std::int64_t unit = begin; unit < end; ++unit) {
    const auto offsets = OffsetsOf(outer_, unit / row_parts_);
    const std::int64_t first = unit % row_parts_ * part_;
    const std::int64_t count = std::min(part_, m_ - first);
    const float* rows = a + offsets[kA];
    const float* right = b + offsets[kB];
    if (a_.direct) {
      rows += a_.transposed ? first : first * a_.stride;
    } else {
      rows = Copied(rows, rows_, depth_, kA, first, count, a_copy);
    }
    // The units of one product follow each other, so that B is there already.
    const bool is_new = unit == begin || first == 0;
    if (!b_.direct && is_new) Copied(right, depth_, columns_, kB, 0, k_, b_copy);
    if (!b_.direct) right = b_copy;
    if (is_new) product_.TakeRight(right, scratch);
    float* to = c_.direct ? c + offsets[kC] + first * c_.stride : c_copy;
    product_.Multiply(rows, right, to, 0, count, false, scratch);
    if (!c_.direct) Scatter(c_copy, first, count, c + offsets[kC]);
  }
}

}  // namespace kinglet
