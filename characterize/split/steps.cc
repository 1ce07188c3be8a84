#include <algorithm>
#include <iterator>

#include "characterize/split/split.h"

namespace kinglet::characterize {
namespace {

constexpr const char* kCopies[] = {
    "Concat", "DepthToSpace", "Expand",    "Flatten",        "Gather",        "Identity",
    "Pad",    "Reshape",      "Slice",     "SpaceToDepth",   "Split",         "Squeeze",
    "Tile",   "Transpose",    "Unsqueeze", "ChannelShuffle", "QLinearConcat", "CodeConcat"};
constexpr const char* kConversions[] = {"Reorder", "Cast", "QuantizeLinear", "DequantizeLinear"};

template <typename List>
bool IsIn(const List& list, const std::string& op) {
  return std::find(std::begin(list), std::end(list), op) != std::end(list);
}

void AddStep(StepKind kind, double seconds, StepCounts& counts) {
  const double ms = 1e3 * seconds;
  switch (kind) {
    case StepKind::kOperator:
      ++counts.operators;
      counts.operator_ms += ms;
      break;
    case StepKind::kConversion:
      ++counts.conversions;
      counts.conversion_ms += ms;
      break;
    case StepKind::kCopy:
      ++counts.copies;
      counts.copy_ms += ms;
      break;
  }
}

}  // namespace

StepKind KindOf(const StepInfo& step) {
  if (IsIn(kConversions, step.op)) return StepKind::kConversion;
  return IsIn(kCopies, step.op) ? StepKind::kCopy : StepKind::kOperator;
}

NetworkParts PartsOf(const std::vector<StepInfo>& steps, const std::vector<double>& seconds) {
  const auto computes = [](const StepInfo& step) { return step.macs > 0; };
  const auto first = std::find_if(steps.begin(), steps.end(), computes);
  const auto last = std::find_if(steps.rbegin(), steps.rend(), computes).base();
  NetworkParts parts;
  for (auto step = steps.begin(); step != steps.end(); ++step) {
    const bool before = step < first && first != steps.end();
    StepCounts& part = before                                ? parts.before
                       : step < last || first == steps.end() ? parts.body
                                                             : parts.behind;
    AddStep(KindOf(*step), seconds[static_cast<std::size_t>(step - steps.begin())], part);
  }
  return parts;
}

}  // namespace kinglet::characterize
