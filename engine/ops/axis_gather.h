// A row-major tensor whose elements are those of another one, picked along each axis by a table:
// what Pad and Resize(nearest) have in common.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine/ops/copy_short_run.h"
#include "engine/ops/views.h"
#include "kernels/common/blocked.h"
#include "kernels/layout/enlarge.h"

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

// The factors by which rows and columns are enlarged, where both are whole ones, columns become
// more, and nothing is constant.
inline std::optional<kernels::Enlarge> WholeFactorsOf(const AxisGather& g) {
  const std::size_t last = g.out.size() - 1;
  const auto factor = [&](std::size_t k) -> std::int64_t {
    const std::int64_t by = g.in[k] < 1 ? 0 : g.out[k] / g.in[k];
    if (by == 0 || by * g.in[k] != g.out[k]) return 0;
    for (std::int64_t x = 0; x < g.out[k]; ++x) {
      if (g.source[k][static_cast<std::size_t>(x)] != x / by) return 0;
    }
    return by;
  };
  const auto constant = [](const std::vector<std::int64_t>& source) {
    return std::find(source.begin(), source.end(), -1) != source.end();
  };
  if (last > 1 && std::any_of(g.source.begin(), g.source.end() - 2, constant)) return std::nullopt;
  const kernels::Enlarge e{g.in.back(), factor(last), last == 0 ? 1 : factor(last - 1)};
  return e.columns_by > 1 && e.rows_by > 0 ? std::optional(e) : std::nullopt;
}

// The step where there are such factors; items are the rows of the input behind all planes.
template <typename T>
std::unique_ptr<Step> MakeEnlarge(std::string kernel, AxisGather g, const kernels::Enlarge& e) {
  const std::size_t rank = g.out.size();
  const std::int64_t planes = rank < 2 ? 1 : DimsProduct(g.out, 0, rank - 2);
  const std::int64_t rows = rank < 2 ? 1 : g.in[rank - 2];
  const std::int64_t elements = e.width * e.columns_by * e.rows_by;
  return MakeItemStep(std::move(kernel), planes * rows,
                      elements * static_cast<std::int64_t>(sizeof(T)),
                      [=, g = std::move(g), run = kernels::GetEnlarge(sizeof(T))](
                          const StepArgs& args, std::int64_t begin, std::int64_t end) {
                        const T* x = static_cast<const T*>(args.inputs[0]);
                        T* y = static_cast<T*>(args.outputs[0]);
                        for (std::int64_t item = begin; item < end;) {
                          const std::int64_t row = item % rows;
                          const std::int64_t count = std::min(end - item, rows - row);
                          const AxisGatherRows plane(g, item / rows * rows * e.rows_by);
                          run(e, x + plane.Offset() + row * e.width, count, y + item * elements);
                          item += count;
                        }
                      });
}

// The step; `constant(args, row)` gives the constant of an output row as it runs.
template <typename T, typename Constant>
std::unique_ptr<Step> MakeAxisGather(std::string kernel, AxisGather g, Constant constant) {
  if (const auto factors = WholeFactorsOf(g)) {
    return MakeEnlarge<T>(std::move(kernel), std::move(g), *factors);
  }
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
  const std::int64_t row_bytes = width * static_cast<std::int64_t>(sizeof(T));
  return MakeItemStep(
      std::move(kernel), rows, row_bytes,
      [=, g = std::move(g)](const StepArgs& args, std::int64_t begin, std::int64_t end) {
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
