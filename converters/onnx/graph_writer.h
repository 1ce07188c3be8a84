// From a graph to the bytes of a GraphProto.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "converters/common/place.h"
#include "engine/graph/ir.h"

namespace kinglet::converters {

// A message in parts, so that weights are written from where they lie and are never copied.
class Parts {
 public:
  void Add(std::string bytes);
  void AddView(std::string_view bytes);  // must outlive the parts
  std::size_t size() const { return size_; }
  const std::vector<std::string_view>& views() const { return views_; }
  std::string Joined() const;

 private:
  std::deque<std::string> own_;  // a deque, so that views stay valid
  std::vector<std::string_view> views_;
  std::size_t size_ = 0;
};

// Versions by domain, "" for ONNX's own.
using Opsets = std::map<std::string, int, std::less<>>;

// Tag and length of a field of `length` bytes, which follow.
std::string FieldHead(std::uint32_t field, std::size_t length);

// The main graph, and in `opsets` what its nodes need. Throws Error(kInvalidModel) at `place` for
// values that share a name or have none, nodes of one domain with several versions, and fusions
// that have no written form.
Parts WriteGraph(const GraphIr& graph, Opsets& opsets, const Place& place);

}  // namespace kinglet::converters
