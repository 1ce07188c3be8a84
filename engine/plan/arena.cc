#include "engine/plan/arena.h"

#include <algorithm>
#include <limits>
#include <numeric>

#include "kernels/common/aligned.h"
#include "kinglet/error.h"

namespace kinglet {
namespace {

using kernels::RoundUpToLine;

bool Overlap(const BufferLife& a, const BufferLife& b) {
  return a.first <= b.last && b.first <= a.last;
}

}  // namespace

ArenaLayout PlaceBuffers(const std::vector<BufferLife>& buffers) {
  ArenaLayout layout;
  layout.offsets.assign(buffers.size(), 0);
  std::vector<std::size_t> order(buffers.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    return buffers[a].bytes > buffers[b].bytes;
  });

  std::vector<std::size_t> placed;  // by offset
  for (const std::size_t id : order) {
    const std::size_t bytes = RoundUpToLine(buffers[id].bytes);
    std::size_t best = 0;
    std::size_t best_gap = std::numeric_limits<std::size_t>::max();
    std::size_t top = 0;
    for (const std::size_t other : placed) {
      if (!Overlap(buffers[id], buffers[other])) continue;
      const std::size_t start = layout.offsets[other];
      if (start > top && start - top >= bytes && start - top < best_gap) {
        best = top;
        best_gap = start - top;
      }
      top = std::max(top, start + RoundUpToLine(buffers[other].bytes));
    }
    layout.offsets[id] = best_gap == std::numeric_limits<std::size_t>::max() ? top : best;
    layout.bytes = std::max(layout.bytes, layout.offsets[id] + bytes);
    const auto at = std::upper_bound(
        placed.begin(), placed.end(), layout.offsets[id],
        [&](std::size_t offset, std::size_t other) { return offset < layout.offsets[other]; });
    placed.insert(at, id);
  }
  return layout;
}

ArenaLayout PlaceTensors(const std::vector<BufferLife>& tensors, std::size_t max_bytes,
                         const std::string& source) {
  ArenaLayout layout = PlaceBuffers(tensors);
  if (layout.bytes > max_bytes) {
    throw Error(ErrorCode::kResource, source + ": intermediate tensors would need " +
                                          std::to_string(layout.bytes) + " bytes, the limit is " +
                                          std::to_string(max_bytes) +
                                          " (--max-arena-bytes, CompileOptions::max_arena_bytes); "
                                          "use a smaller batch or image size");
  }
  return layout;
}

}  // namespace kinglet
