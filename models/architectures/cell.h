// A cell of NAS-Bench-101 (Ying et al. 2019, arXiv:1902.09635): a graph of at most 7 vertices and 9
// edges, of which the first vertex is the cell's input, the last its output, and each of the others
// a convolution or a pool.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "models/architectures/builder.h"

namespace kinglet {

enum class CellOp : std::uint8_t { kConv1x1, kConv3x3, kMaxPool3x3 };

inline constexpr std::size_t kMaxCellVertices = 7;
inline constexpr std::size_t kMaxCellEdges = 9;

class Cell {
 public:
  // Vertex v + 1 computes ops[v]. Without edges.
  explicit Cell(std::vector<CellOp> ops);

  std::size_t vertices() const { return ops_.size() + 2; }
  std::size_t edges() const;
  bool HasEdge(std::size_t from, std::size_t to) const { return edges_[from * vertices() + to]; }
  // `from` < `to`.
  void AddEdge(std::size_t from, std::size_t to) { edges_[from * vertices() + to] = true; }
  // Of a vertex that is neither the first nor the last.
  CellOp op(std::size_t vertex) const { return ops_[vertex - 1]; }
  const std::vector<CellOp>& ops() const { return ops_; }

  // Without the vertices that are on no way from the input to the output; those have no part in
  // what is computed. A cell without any such way has nothing left but its ends, and no edge.
  Cell Pruned() const;
  // The same for all cells that are one graph under another order of their vertices, and for no
  // others (section 2.1 of the paper): labels are hashed together with those of neighbours, as
  // often as there are vertices. Of a pruned cell.
  std::uint64_t Hash() const;

  // "0-1,1-2,0-2" and "conv3x3"; ParseCell reads both.
  std::string EdgesText() const;
  std::string OpsText() const;

 private:
  std::vector<CellOp> ops_;
  std::vector<bool> edges_;  // [from][to]
};

// Throws Error(kInvalidInput) with what was expected and found: more vertices or edges than there
// may be, an edge that does not lead forwards, a vertex that is on no way from input to output.
Cell ParseCell(std::string_view edges, std::string_view ops);

// The cell on x with as many channels at its output. Channels of vertices, projections of the input
// and the concatenation at the output are those of the paper's published code.
Feature BuildCell(NetBuilder& net, const std::string& name, const Feature& x, const Cell& cell,
                  int channels);

}  // namespace kinglet
