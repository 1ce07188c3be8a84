#include "models/architectures/cell.h"

#include <algorithm>
#include <charconv>
#include <utility>

#include "kinglet/error.h"

namespace kinglet {
namespace {

constexpr const char* kOpNames[] = {"conv1x1", "conv3x3", "maxpool3x3"};

[[noreturn]] void Refuse(const std::string& expected, const std::string& found) {
  throw Error(ErrorCode::kInvalidInput, "cell: expected " + expected + ", found " + found);
}

std::vector<std::string> Split(std::string_view text) {
  std::vector<std::string> parts;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    parts.emplace_back(text.substr(0, comma));
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return parts;
}

CellOp OpOf(const std::string& name) {
  for (std::size_t i = 0; i < std::size(kOpNames); ++i) {
    if (name == kOpNames[i]) return static_cast<CellOp>(i);
  }
  Refuse("conv1x1, conv3x3 or maxpool3x3", "'" + name + "'");
}

std::size_t VertexOf(std::string_view text, const std::string& edge, std::size_t vertices) {
  std::size_t vertex = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), vertex);
  if (error != std::errc() || end != text.data() + text.size() || vertex >= vertices) {
    Refuse("edges as 0-1 between vertices 0 to " + std::to_string(vertices - 1), "'" + edge + "'");
  }
  return vertex;
}

std::uint64_t Mixed(std::uint64_t hash, std::uint64_t more) {  // splitmix64's finaliser
  std::uint64_t z = hash * 0x9E3779B97F4A7C15u + more + 0x632BE59BD9B4E019u;
  z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
  z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
  return z ^ (z >> 31);
}

std::uint64_t MixedSorted(std::uint64_t hash, std::vector<std::uint64_t> values) {
  std::sort(values.begin(), values.end());
  for (const std::uint64_t value : values) hash = Mixed(hash, value);
  return Mixed(hash, values.size());
}

// Vertices that edges lead to from `start`, itself included.
std::vector<bool> Reached(const Cell& cell, std::size_t start, bool backwards) {
  const std::size_t n = cell.vertices();
  std::vector<bool> reached(n);
  reached[start] = true;
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t v = backwards ? n - 1 - i : i;
    for (std::size_t w = 0; reached[v] && w < n; ++w) {
      if (backwards ? cell.HasEdge(w, v) : cell.HasEdge(v, w)) reached[w] = true;
    }
  }
  return reached;
}

// Channels of every vertex: those that lead to the output share its channels, the first ones taking
// what does not divide; others have as many as the largest that they lead to.
std::vector<int> ChannelsOf(const Cell& cell, int input, int output) {
  const std::size_t last = cell.vertices() - 1;
  std::vector<int> channels(cell.vertices());
  channels.front() = input;
  channels.back() = output;
  int parts = 0;
  for (std::size_t v = 1; v < last; ++v) parts += cell.HasEdge(v, last) ? 1 : 0;
  int more = parts > 0 ? output % parts : 0;
  for (std::size_t v = 1; v < last; ++v) {
    if (!cell.HasEdge(v, last)) continue;
    channels[v] = output / parts + (more-- > 0 ? 1 : 0);
  }
  for (std::size_t v = last - 1; v > 0; --v) {
    if (cell.HasEdge(v, last)) continue;
    for (std::size_t w = v + 1; w < last; ++w) {
      if (cell.HasEdge(v, w)) channels[v] = std::max(channels[v], channels[w]);
    }
  }
  return channels;
}

class CellBuilder {
 public:
  CellBuilder(NetBuilder& net, std::string name, const Feature& x, const Cell& cell, int channels)
      : net_(net),
        name_(std::move(name)),
        x_(x),
        cell_(cell),
        channels_(ChannelsOf(cell, x.channels, channels)),
        made_(cell.vertices()) {}

  Feature Build() {
    const std::size_t last = cell_.vertices() - 1;
    for (std::size_t v = 1; v < last; ++v) made_[v] = Vertex(v);
    std::vector<Feature> parts;
    for (std::size_t v = 1; v < last; ++v) {
      if (cell_.HasEdge(v, last)) parts.push_back(made_[v]);
    }
    if (parts.empty()) return Projected("output", channels_[last]);
    Feature y = parts.size() == 1 ? parts.front() : net_.Concat(name_ + "/concat", parts);
    if (!cell_.HasEdge(0, last)) return y;
    return net_.Add(name_ + "/sum", y, Projected("output", channels_[last]));
  }

 private:
  Feature Projected(const std::string& to, int channels) {
    return net_.Conv(name_ + "/project_" + to, x_, Pointwise(channels));
  }

  Feature Vertex(std::size_t v) {
    const std::string name = name_ + "/vertex_" + std::to_string(v);
    std::vector<Feature> inputs;
    for (std::size_t w = 1; w < v; ++w) {
      if (!cell_.HasEdge(w, v)) continue;
      const bool cut = channels_[w] != channels_[v];
      inputs.push_back(
          cut ? net_.Channels(name + "/of_" + std::to_string(w), made_[w], 0, channels_[v])
              : made_[w]);
    }
    if (cell_.HasEdge(0, v)) inputs.push_back(Projected(std::to_string(v), channels_[v]));
    Feature sum = inputs.front();
    for (std::size_t i = 1; i < inputs.size(); ++i) {
      sum = net_.Add(name + "/sum_" + std::to_string(i), sum, inputs[i]);
    }
    switch (cell_.op(v)) {
      case CellOp::kConv1x1:
        return net_.Conv(name, sum, Pointwise(channels_[v]));
      case CellOp::kConv3x3:
        return net_.Conv(name, sum, Square(channels_[v], 3));
      case CellOp::kMaxPool3x3:
        break;
    }
    return net_.MaxPool(name, sum, {.kernel = 3, .stride = 1, .pad = 1});
  }

  NetBuilder& net_;
  const std::string name_;
  const Feature x_;
  const Cell& cell_;
  const std::vector<int> channels_;
  std::vector<Feature> made_;
};

}  // namespace

Cell::Cell(std::vector<CellOp> ops)
    : ops_(std::move(ops)), edges_((ops_.size() + 2) * (ops_.size() + 2)) {}

std::size_t Cell::edges() const {
  return static_cast<std::size_t>(std::count(edges_.begin(), edges_.end(), true));
}

Cell Cell::Pruned() const {
  const std::size_t last = vertices() - 1;
  const std::vector<bool> from_input = Reached(*this, 0, false);
  const std::vector<bool> to_output = Reached(*this, last, true);
  if (!from_input[last]) return Cell({});
  std::vector<std::size_t> kept;
  std::vector<CellOp> ops;
  for (std::size_t v = 0; v <= last; ++v) {
    if (!from_input[v] || !to_output[v]) continue;
    kept.push_back(v);
    if (v != 0 && v != last) ops.push_back(op(v));
  }
  Cell pruned(std::move(ops));
  for (std::size_t i = 0; i < kept.size(); ++i) {
    for (std::size_t j = i + 1; j < kept.size(); ++j) {
      if (HasEdge(kept[i], kept[j])) pruned.AddEdge(i, j);
    }
  }
  return pruned;
}

std::uint64_t Cell::Hash() const {
  constexpr std::uint64_t kInput = 101;
  constexpr std::uint64_t kOutput = 102;
  const std::size_t n = vertices();
  std::vector<std::uint64_t> labels(n);
  for (std::size_t v = 0; v < n; ++v) {
    std::uint64_t in = 0;
    std::uint64_t out = 0;
    for (std::size_t w = 0; w < n; ++w) {
      in += HasEdge(w, v) ? 1 : 0;
      out += HasEdge(v, w) ? 1 : 0;
    }
    const std::uint64_t label = v == 0       ? kInput
                                : v == n - 1 ? kOutput
                                             : static_cast<std::uint64_t>(op(v));
    labels[v] = Mixed(Mixed(label, in), out);
  }
  for (std::size_t round = 0; round < n; ++round) {
    std::vector<std::uint64_t> next(n);
    for (std::size_t v = 0; v < n; ++v) {
      std::vector<std::uint64_t> in;
      std::vector<std::uint64_t> out;
      for (std::size_t w = 0; w < n; ++w) {
        if (HasEdge(w, v)) in.push_back(labels[w]);
        if (HasEdge(v, w)) out.push_back(labels[w]);
      }
      next[v] = MixedSorted(MixedSorted(labels[v], std::move(in)), std::move(out));
    }
    labels = std::move(next);
  }
  return MixedSorted(0, std::move(labels));
}

std::string Cell::EdgesText() const {
  std::string text;
  for (std::size_t v = 0; v < vertices(); ++v) {
    for (std::size_t w = v + 1; w < vertices(); ++w) {
      if (!HasEdge(v, w)) continue;
      text += (text.empty() ? "" : ",") + std::to_string(v) + '-' + std::to_string(w);
    }
  }
  return text;
}

std::string Cell::OpsText() const {
  std::string text;
  for (const CellOp each : ops_) {
    text += (text.empty() ? "" : ",") + std::string(kOpNames[static_cast<std::size_t>(each)]);
  }
  return text;
}

Cell ParseCell(std::string_view edges, std::string_view ops) {
  std::vector<CellOp> parsed;
  for (const std::string& name : Split(ops)) parsed.push_back(OpOf(name));
  Cell cell(std::move(parsed));
  if (cell.vertices() > kMaxCellVertices) {
    Refuse("at most " + std::to_string(kMaxCellVertices) + " vertices with input and output",
           std::to_string(cell.vertices()));
  }
  for (const std::string& edge : Split(edges)) {
    const std::size_t dash = std::min(edge.find('-'), edge.size());
    const std::string_view text = edge;
    const std::size_t from = VertexOf(text.substr(0, dash), edge, cell.vertices());
    const std::size_t to =
        VertexOf(text.substr(std::min(dash + 1, edge.size())), edge, cell.vertices());
    if (from >= to) Refuse("edges that lead forwards", "'" + edge + "'");
    cell.AddEdge(from, to);
  }
  if (cell.edges() > kMaxCellEdges) {
    Refuse("at most " + std::to_string(kMaxCellEdges) + " edges", std::to_string(cell.edges()));
  }
  if (cell.edges() == 0 || cell.Pruned().vertices() != cell.vertices()) {
    Refuse("every vertex on a way from the input to the output", "edges " + cell.EdgesText());
  }
  return cell;
}

Feature BuildCell(NetBuilder& net, const std::string& name, const Feature& x, const Cell& cell,
                  int channels) {
  return CellBuilder(net, name, x, cell, channels).Build();
}

}  // namespace kinglet
