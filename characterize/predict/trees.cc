#include "characterize/predict/trees.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "kinglet/error.h"

namespace kinglet::characterize {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kMaxTrees = 20'000;
constexpr std::size_t kMaxNodes = 4096;  // of a tree

[[noreturn]] void RefuseTrees(const std::string& source, const std::string& what) {
  throw Error(ErrorCode::kInvalidInput, source + ": " + what);
}

float FiniteOf(const Json& number, const std::string& source) {
  if (!number.is_number()) RefuseTrees(source, "a tree has something else than a number");
  const auto value = static_cast<float>(number.get<double>());
  if (!std::isfinite(value)) RefuseTrees(source, "a tree has a number that is not finite");
  return value;
}

// The shortest number that reads back as the same float.
double ShortFloat(float value) {
  char text[32];
  *std::to_chars(text, text + sizeof(text) - 1, value).ptr = '\0';
  return std::strtod(text, nullptr);
}

// A whole number from `low` to `high`.
std::int32_t IndexOf(const Json& number, std::size_t low, std::size_t high, const char* what,
                     const std::string& source) {
  const bool whole = number.is_number_integer() && number >= 0;
  const auto value = whole ? number.get<std::uint64_t>() : 0;
  if (!whole || value < low || value > high) {
    RefuseTrees(source, std::string(what) + " of a tree: expected " + std::to_string(low) + " to " +
                            std::to_string(high) + ", found " + number.dump());
  }
  return static_cast<std::int32_t>(value);
}

// Nodes point at nodes behind them, so no path comes back.
Tree TreeFromJson(const Json& json, std::size_t features, const std::string& source) {
  if (!json.is_array() || json.empty() || json.size() > kMaxNodes) {
    RefuseTrees(source, "a tree: expected 1 to " + std::to_string(kMaxNodes) + " nodes");
  }
  Tree tree;
  for (const Json& node : json) {
    const std::size_t next = tree.size() + 1;
    if (node.is_array() && node.size() == 1) {
      tree.push_back({.feature = -1, .value = FiniteOf(node[0], source)});
      continue;
    }
    if (!node.is_array() || node.size() != 4) {
      RefuseTrees(source, "a node: expected [feature, threshold, left, right] or [value]");
    }
    if (features == 0 || next >= json.size()) RefuseTrees(source, "a tree ends without a leaf");
    tree.push_back({.feature = IndexOf(node[0], 0, features - 1, "a feature", source),
                    .value = FiniteOf(node[1], source),
                    .left = IndexOf(node[2], next, json.size() - 1, "a child", source),
                    .right = IndexOf(node[3], next, json.size() - 1, "a child", source)});
  }
  return tree;
}

}  // namespace

float Trees::Evaluate(std::span<const float> features) const {
  float sum = base_;
  for (const Tree& tree : trees_) {
    const TreeNode* node = tree.data();
    while (node->feature >= 0) {
      const bool left = features[static_cast<std::size_t>(node->feature)] < node->value;
      node = tree.data() + (left ? node->left : node->right);
    }
    sum += node->value;
  }
  return sum;
}

Json TreesToJson(const Trees& trees) {
  Json list = Json::array();
  for (const Tree& tree : trees.trees_) {
    Json nodes = Json::array();
    for (const TreeNode& node : tree) {
      if (node.feature < 0) {
        nodes.push_back({ShortFloat(node.value)});
      } else {
        nodes.push_back({node.feature, ShortFloat(node.value), node.left, node.right});
      }
    }
    list.push_back(std::move(nodes));
  }
  return {{"base", trees.base_}, {"trees", std::move(list)}};
}

Trees TreesFromJson(const Json& json, std::size_t features, const std::string& source) {
  if (!json.is_object() || !json.contains("base") || !json.contains("trees")) {
    RefuseTrees(source, "expected an object with 'base' and 'trees'");
  }
  const Json& list = json["trees"];
  if (!list.is_array() || list.size() > kMaxTrees) {
    RefuseTrees(source, "'trees': expected a list of at most " + std::to_string(kMaxTrees));
  }
  std::vector<Tree> trees;
  for (const Json& tree : list) trees.push_back(TreeFromJson(tree, features, source));
  return {FiniteOf(json["base"], source), std::move(trees)};
}

}  // namespace kinglet::characterize
