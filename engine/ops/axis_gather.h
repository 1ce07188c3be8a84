// A row-major tensor whose elements are those of another one, picked along each axis by a table:
// what Pad and Resize(nearest) have in common.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "engine/ops/copy_short_run.h"
#include "engine/ops/views.h"
#include "kernels/common/blocked.h"
#include "kernels/eltwise/rows.h"

namespace kinglet {

// The element of the blocked layout, whatever its type: all lanes of a pixel.
struct BlockedPixel {
  std::uint8_t bytes[kernels::kPixelBytes];
};

// out[i, j, ...] = in[source[0][i], source[1][j], ...]; the constant where an entry is -1. Both
// shapes have the same rank, at least 1.
struct AxisGather {
  Shape in, out;
  std::vector<std::vector<std::int64_t>> source;
};

// The rows of the output from one on, in order.
class AxisGatherRows {
 public:
  AxisGatherRows(const AxisGather& gather, std::int64_t row) : gather_(gather) {
    for (std::size_t k = row_dims(); k-- > 0; row /= gather.out[k]) index_[k] = row % gather.out[k];
    FindOuter();
  }

  // Offset of the input row behind this one, -1 when there is none.
  std::int64_t Offset() const {
    if (row_dims() == 0) return 0;
    const std::int64_t from = Source(row_dims() - 1);
    return outer_ < 0 || from < 0 ? -1 : outer_ + from * gather_.in.back();
  }

  void Next() {
    std::size_t k = row_dims();
    while (k-- > 0 && ++index_[k] == gather_.out[k]) index_[k] = 0;
    if (k + 1 < row_dims()) FindOuter();
  }

 private:
  std::size_t row_dims() const { return gather_.out.size() - 1; }
  std::int64_t Source(std::size_t k) const {
    return gather_.source[k][static_cast<std::size_t>(index_[k])];
  }

  // What all dimensions but the rows' own add to the offset.
  void FindOuter() {
    outer_ = 0;
    if (row_dims() == 0) return;
    std::int64_t stride = gather_.in.back() * gather_.in[row_dims() - 1];
    for (std::size_t k = row_dims() - 1; k-- > 0; stride *= gather_.in[k]) {
      const std::int64_t from = Source(k);
      if (from < 0) {
        outer_ = -1;
        return;
      }
      outer_ += from * stride;
    }
  }

  const AxisGather& gather_;
  std::int64_t outer_ = 0;
  std::int64_t index_[kMaxRank] = {};
};

// to[2 * i] = to[2 * i + 1] = from[i], i < count.
template <typename T>
void CopyTwice(const kernels::RowsTable& table, const T* from, std::int64_t count, T* to) {
  if constexpr (sizeof(T) == sizeof(float)) {
    table.interleave(reinterpret_cast<const float*>(from), 2, 0, count,
                     reinterpret_cast<float*>(to));
  } else {
    for (std::int64_t i = 0; i < count; ++i) to[2 * i] = to[2 * i + 1] = from[i];
  }
}

// The step; `constant(args, row)` gives the constant of an output row as it runs.
template <typename T, typename Constant>
std::unique_ptr<Step> MakeAxisGather(std::string kernel, AxisGather g, Constant constant) {
  const std::int64_t width = g.out.back();
  const std::int64_t rows = width == 0 ? 0 : DimsProduct(g.out, 0, g.out.size() - 1);
  // The longest part of a row that is a copy; the rest goes by the table.
  const std::vector<std::int64_t>& columns = g.source.back();
  std::int64_t first = 0, run = 0;
  for (std::int64_t x = 0, next = 0; x < width; x = next) {
    const std::int64_t shift = columns[static_cast<std::size_t>(x)] - x;
    next = x + 1;
    if (shift == -1 - x) continue;  // the constant
    while (next < width && columns[static_cast<std::size_t>(next)] == next + shift) ++next;
    if (next - x > run) first = x, run = next - x;
  }
  const std::int64_t run_source = run > 0 ? columns[static_cast<std::size_t>(first)] : 0;
  // Every column twice, as enlarging a picture by two gives it.
  bool doubles = width % 2 == 0 && width == 2 * g.in.back();
  for (std::int64_t x = 0; doubles && x < width; ++x) {
    doubles = columns[static_cast<std::size_t>(x)] == x / 2;
  }
  const std::int64_t row_bytes = width * static_cast<std::int64_t>(sizeof(T));
  return MakeItemStep(
      std::move(kernel), rows, row_bytes,
      [=, g = std::move(g), table = &kernels::GetRowsTable()](
          const StepArgs& args, std::int64_t begin, std::int64_t end) {
        const T* in = static_cast<const T*>(args.inputs[0]);
        T* out = static_cast<T*>(args.outputs[0]) + begin * width;
        const std::int64_t* column = g.source.back().data();
        std::int64_t last_offset = -1;
        AxisGatherRows source(g, begin);
        for (std::int64_t row = begin; row < end; ++row, out += width, source.Next()) {
          const T value = constant(args, row);
          const std::int64_t offset = source.Offset();
          if (offset >= 0 && offset == last_offset) {
            CopyShortRun(reinterpret_cast<const std::byte*>(out - width), row_bytes,
                         reinterpret_cast<std::byte*>(out));
            continue;
          }
          last_offset = offset;
          if (offset < 0) {
            std::fill(out, out + width, value);
            continue;
          }
          const T* from = in + offset;
          if (doubles) {
            CopyTwice(*table, from, width / 2, out);
            continue;
          }
          const auto gather = [&](std::int64_t x) {
            out[x] = column[x] < 0 ? value : from[column[x]];
          };
          for (std::int64_t x = 0; x < first; ++x) gather(x);
          if (run > 0) {
            std::memcpy(out + first, from + run_source, static_cast<std::size_t>(run) * sizeof(T));
          }
          for (std::int64_t x = first + run; x < width; ++x) gather(x);
        }
      });
}

}  // namespace kinglet
