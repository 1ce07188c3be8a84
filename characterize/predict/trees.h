// A sum of regression trees, as gradient boosting makes them (Chen and Guestrin 2016, "XGBoost: A
// Scalable Tree Boosting System", arXiv:1603.02754), evaluated here without the library that grew
// them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <span>
#include <string>
#include <vector>

namespace kinglet::characterize {

struct TreeNode {
  std::int32_t feature = -1;  // -1: a leaf
  float value = 0;            // of a leaf; else what is below it goes left, the rest right
  std::int32_t left = 0;      // nodes behind this one
  std::int32_t right = 0;

  bool operator==(const TreeNode&) const = default;
};
using Tree = std::vector<TreeNode>;  // the root first

class Trees {
 public:
  Trees() = default;
  Trees(float base, std::vector<Tree> trees) : base_(base), trees_(std::move(trees)) {}

  // As XGBoost adds them up: in float32, tree after tree. `features`: as many as the trees ask for.
  float Evaluate(std::span<const float> features) const;

  std::size_t size() const { return trees_.size(); }
  bool operator==(const Trees&) const = default;

 private:
  friend nlohmann::ordered_json TreesToJson(const Trees& trees);

  float base_ = 0;
  std::vector<Tree> trees_;
};

// {"base": 0.1, "trees": [[[feature, threshold, left, right], [value], ...], ...]}.
nlohmann::ordered_json TreesToJson(const Trees& trees);
// Throws Error(kInvalidInput), beginning with `source`, unless every path ends at a leaf, every
// feature is one of `features` and every number is finite.
Trees TreesFromJson(const nlohmann::ordered_json& json, std::size_t features,
                    const std::string& source);

}  // namespace kinglet::characterize
