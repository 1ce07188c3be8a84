// The space of NAS-Bench-101 (Ying et al. 2019, arXiv:1902.09635).
#include <fmt/format.h>

#include "characterize/generate/families.h"
#include "models/architectures/cell.h"

namespace kinglet::characterize {
namespace {

// Matrices and operations are uniform, as the paper draws them; those that are no cell are drawn
// again.
Cell DrawCell(Draws& draws) {
  while (true) {
    std::vector<CellOp> ops;
    for (std::size_t v = 2; v < kMaxCellVertices; ++v) {
      ops.push_back(draws.Of({CellOp::kConv1x1, CellOp::kConv3x3, CellOp::kMaxPool3x3}));
    }
    Cell cell(std::move(ops));
    for (std::size_t v = 0; v < kMaxCellVertices; ++v) {
      for (std::size_t w = v + 1; w < kMaxCellVertices; ++w) {
        if (draws.Coin()) cell.AddEdge(v, w);
      }
    }
    Cell pruned = cell.Pruned();
    if (pruned.edges() > 0 && pruned.edges() <= kMaxCellEdges) return pruned;
  }
}

}  // namespace

Drawn DrawNasBench(Draws& draws, int size, int width) {
  constexpr int kPublishedSize = 32;
  constexpr int kPublishedWidth = 128;
  constexpr int kStacks = 3;
  constexpr int kCells = 3;
  const Cell cell = DrawCell(draws);
  Drawn drawn;
  drawn.size = size > 0 ? size : kPublishedSize;
  drawn.classes = 10;
  drawn.identity = fmt::format("{:016x}", cell.Hash());
  int channels = width > 0 ? width : kPublishedWidth;
  drawn.blocks.push_back(fmt::format("conv {}", channels));
  for (int stack = 0; stack < kStacks; ++stack) {
    if (stack > 0) {
      drawn.blocks.emplace_back("max_pool kernel=2 stride=2");
      channels *= 2;
    }
    std::string block = fmt::format("cell {} edges={}", channels, cell.EdgesText());
    if (!cell.ops().empty()) block += " ops=" + cell.OpsText();
    drawn.blocks.insert(drawn.blocks.end(), kCells, block);
  }
  return drawn;
}

}  // namespace kinglet::characterize
