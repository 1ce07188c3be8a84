// Whether two graphs are the same, but for the numbers of their values.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <variant>
#include <vector>

#include "engine/graph/ir.h"

namespace kinglet::same_graph {

inline void ExpectSame(const GraphIr& a, const GraphIr& b);

inline void ExpectSame(const Tensor& a, const Tensor& b, const std::string& name) {
  EXPECT_EQ(a.type(), b.type()) << name;
  ASSERT_EQ(a.shape(), b.shape()) << name;
  EXPECT_TRUE(a.bytes() == 0 || std::memcmp(a.raw(), b.raw(), a.bytes()) == 0) << name;
}

inline void ExpectSame(const Attribute& a, const Attribute& b, const std::string& name) {
  ASSERT_EQ(a.index(), b.index()) << name;
  if (const auto* tensor = std::get_if<Tensor>(&a)) {
    ExpectSame(*tensor, std::get<Tensor>(b), name);
  } else if (const auto* graph = std::get_if<std::shared_ptr<GraphIr>>(&a)) {
    ExpectSame(**graph, *std::get<std::shared_ptr<GraphIr>>(b));
  } else {
    const bool same = std::visit(
        [&](const auto& value) {
          using T = std::decay_t<decltype(value)>;
          if constexpr (std::is_same_v<T, Tensor> || std::is_same_v<T, std::shared_ptr<GraphIr>>) {
            return false;
          } else {
            return value == std::get<T>(b);
          }
        },
        a);
    EXPECT_TRUE(same) << name;
  }
}

inline std::string NameOf(const GraphIr& graph, ValueId id) {
  return id == kNoValue ? "-" : graph.value(id).name;
}

inline std::vector<std::string> NamesOf(const GraphIr& graph, const std::vector<ValueId>& ids) {
  std::vector<std::string> names;
  for (const ValueId id : ids) names.push_back(NameOf(graph, id));
  return names;
}

inline void ExpectSame(const Node& a, const Node& b, const GraphIr& graph_a,
                       const GraphIr& graph_b) {
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(a.op, b.op);
  EXPECT_EQ(a.domain, b.domain);
  EXPECT_EQ(a.opset, b.opset);
  EXPECT_EQ(a.fusion.activation, b.fusion.activation) << a.name;
  EXPECT_EQ(a.fusion.alpha, b.fusion.alpha) << a.name;
  EXPECT_EQ(a.fusion.beta, b.fusion.beta) << a.name;
  EXPECT_EQ(a.fusion.residual, b.fusion.residual) << a.name;
  EXPECT_EQ(NamesOf(graph_a, a.inputs), NamesOf(graph_b, b.inputs)) << a.name;
  EXPECT_EQ(NamesOf(graph_a, a.outputs), NamesOf(graph_b, b.outputs)) << a.name;
  for (const auto& [key, value] : a.attributes) {
    const auto it = std::find_if(b.attributes.begin(), b.attributes.end(),
                                 [&key = key](const auto& other) { return other.first == key; });
    ASSERT_NE(it, b.attributes.end()) << a.name << ' ' << key;
    ExpectSame(value, it->second, a.name + ' ' + key);
  }
  EXPECT_EQ(std::distance(a.attributes.begin(), a.attributes.end()),
            std::distance(b.attributes.begin(), b.attributes.end()));
}

// Everything but the numbers of the values.
inline void ExpectSame(const GraphIr& a, const GraphIr& b) {
  EXPECT_EQ(a.name, b.name);
  EXPECT_EQ(NamesOf(a, a.inputs), NamesOf(b, b.inputs));
  EXPECT_EQ(NamesOf(a, a.outputs), NamesOf(b, b.outputs));
  EXPECT_EQ(a.captures.size(), b.captures.size());
  ASSERT_EQ(a.nodes.size(), b.nodes.size());
  for (std::size_t i = 0; i < a.nodes.size(); ++i) ExpectSame(a.nodes[i], b.nodes[i], a, b);
  ASSERT_EQ(a.values.size(), b.values.size());
  std::map<std::string, const Value*> by_name;
  for (const Value& value : b.values) by_name[value.name] = &value;
  for (const Value& value : a.values) {
    ASSERT_EQ(by_name.count(value.name), 1u) << value.name;
    const Value& other = *by_name[value.name];
    EXPECT_EQ(value.type, other.type) << value.name;
    EXPECT_EQ(value.storage, other.storage) << value.name;
    EXPECT_EQ(value.has_shape, other.has_shape) << value.name;
    EXPECT_EQ(value.dims, other.dims) << value.name;
    EXPECT_EQ(value.symbols, other.symbols) << value.name;
    ExpectSame(value.constant, other.constant, value.name);
  }
}

}  // namespace kinglet::same_graph
