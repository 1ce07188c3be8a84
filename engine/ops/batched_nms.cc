// kinglet.BatchedNonMaxSuppression: NonMaxSuppression of boxes in groups (classes, or levels of a
// pyramid) that do not see each other, all in one list. What exporters write as boxes that are
// moved apart by their group.
#include <algorithm>
#include <limits>
#include <numeric>

#include "engine/graph/fusion.h"
#include "engine/op/run_context.h"
#include "kernels/common/aligned.h"
#include "kernels/nms/keys.h"
#include "kernels/nms/nms.h"

namespace kinglet {
namespace {

// Where a few are wanted, so many for each are looked at first, if those are no great part of all.
constexpr std::int64_t kMostFew = 512;
constexpr std::int64_t kFirst = 4;

// The greatest coordinate; NaN where there is one.
float GreatestOf(const float* boxes, std::int64_t count) {
  constexpr std::size_t kLanes = 16;  // of four boxes
  float greatest[kLanes];
  std::fill_n(greatest, kLanes, -std::numeric_limits<float>::infinity());
  const auto add = [](float most, float x) {
    return static_cast<bool>((x > most) | (x != x)) ? x : most;
  };
  std::int64_t i = 0;
  for (; i + 4 <= count; i += 4) {
    for (std::size_t k = 0; k < kLanes; ++k) greatest[k] = add(greatest[k], boxes[k]);
    boxes += kLanes;
  }
  for (; i < count; ++i) {
    for (std::size_t k = 0; k < 4; ++k) greatest[k] = add(greatest[k], boxes[k]);
    boxes += 4;
  }
  return std::accumulate(greatest + 1, greatest + kLanes, greatest[0], add);
}

// The boxes, each of them moved by group * (greatest + 1) when it is asked for, and rounded as the
// nodes in its place round it.
class MovedBoxes {
 public:
  MovedBoxes(RunContext& context, std::int64_t count)
      : boxes_(context.Input<float>(0)),
        groups_(context.InputData(2)),
        type_(context.InputType(2)),
        distance_(GreatestOf(boxes_, count) + 1.0f),
        offsets_(context.ScratchFor<float>(static_cast<std::size_t>(count))),
        moved_(context.ScratchFor<float>(static_cast<std::size_t>(count) * 4)) {}

  // All boxes; those of the keys are moved now.
  const float* Move(const std::uint64_t* keys, std::int64_t count) {
    if (type_ == DataType::kInt64) {
      MoveBy(static_cast<const std::int64_t*>(groups_), keys, count);
    } else if (type_ == DataType::kInt32) {
      MoveBy(static_cast<const std::int32_t*>(groups_), keys, count);
    } else {
      MoveBy(static_cast<const float*>(groups_), keys, count);
    }
    return moved_;
  }

 private:
  template <typename T>
  void MoveBy(const T* groups, const std::uint64_t* keys, std::int64_t count) {
    // Through memory, so that no compiler makes one rounding of the two.
    for (std::int64_t k = 0; k < count; ++k) {
      offsets_[k] = static_cast<float>(groups[kernels::KeyIndex(keys[k])]) * distance_;
    }
    for (std::int64_t k = 0; k < count; ++k) {
      const std::size_t at = std::size_t{4} * kernels::KeyIndex(keys[k]);
      for (std::size_t i = 0; i < 4; ++i) moved_[at + i] = boxes_[at + i] + offsets_[k];
    }
  }

  const float* boxes_;
  const void* groups_;
  DataType type_;
  float distance_;
  float* offsets_;
  float* moved_;
};

void CheckInputs(const RunContext& context) {
  const Shape& boxes = context.InputShape(0);
  const bool fits = boxes.size() == 2 && boxes[1] == 4 &&
                    context.InputShape(1) == Shape{boxes[0]} &&
                    context.InputShape(2) == Shape{boxes[0]};
  if (!fits) {
    context.Invalid("expected boxes {N, 4}, scores {N} and groups {N}, found " +
                    ShapeToString(boxes) + ", " + ShapeToString(context.InputShape(1)) + " and " +
                    ShapeToString(context.InputShape(2)));
  }
  if (boxes[0] > std::int64_t{std::numeric_limits<std::uint32_t>::max()}) {
    context.Unsupported("2^32 boxes and more");
  }
  const DataType groups = context.InputType(2);
  if (groups != DataType::kInt64 && groups != DataType::kInt32 && groups != DataType::kFloat32) {
    context.Unsupported(std::string("groups of type ") + DataTypeName(groups));
  }
}

void RunBatchedNms(RunContext& context) {
  CheckInputs(context);
  const std::int64_t count = context.InputShape(0)[0];
  const auto* scores = context.Input<float>(1);
  kernels::Nms nms;
  nms.iou_threshold = context.attributes().Float("iou_threshold", 0);
  nms.max_output = std::clamp(context.attributes().Int("max_output", 0), std::int64_t{0}, count);
  if (!(nms.iou_threshold >= 0 && nms.iou_threshold <= 1)) {
    context.Invalid("iou_threshold is " + std::to_string(nms.iou_threshold) + ", expected 0 to 1");
  }
  const bool few = nms.max_output <= kMostFew && nms.max_output * kFirst < count / 4;
  const std::int64_t first = few ? nms.max_output * kFirst : 0;
  MovedBoxes boxes(context, count);
  auto* keys = context.ScratchFor<std::uint64_t>(
      static_cast<std::size_t>(std::max(count, kernels::TopScoresCapacity(count, first))));
  void* scratch = context.Scratch(kernels::NmsScratchBytes(nms, count));
  const auto suppress = [&](std::int64_t candidates) {
    return kernels::GetNms()(nms, boxes.Move(keys, candidates), keys, candidates, scratch);
  };
  const kernels::ScoreLimit all{-std::numeric_limits<float>::infinity(), true};
  std::int64_t selected = 0;
  if (few) selected = suppress(kernels::SelectBestScores(scores, count, all, first, keys));
  if (selected < nms.max_output) {
    selected = suppress(kernels::GetFilterScores()(scores, count, all, keys));
  }
  auto* out = context.Output<std::int64_t>(0, {selected});
  std::transform(keys, keys + selected, out,
                 [](std::uint64_t key) { return std::int64_t{kernels::KeyIndex(key)}; });
}

}  // namespace

const OpDef& OpBatchedNonMaxSuppression() {
  static const OpDef def{.name = "BatchedNonMaxSuppression",
                         .domain = kKingletDomain,
                         .since = kKingletOpset,
                         .until = kKingletOpset,
                         .min_inputs = 3,
                         .max_inputs = 3,
                         .attributes = "iou_threshold max_output",
                         .types = "float32",
                         .run = RunBatchedNms};
  return def;
}

}  // namespace kinglet
