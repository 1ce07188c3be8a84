// NonMaxSuppression: for each class of each image, the boxes that no better one overlaps too much.
#include <algorithm>
#include <limits>

#include "engine/op/run_context.h"
#include "kernels/common/aligned.h"
#include "kernels/nms/keys.h"
#include "kernels/nms/nms.h"

namespace kinglet {
namespace {

// Scores that are work enough to wake the other threads for.
constexpr std::int64_t kParallelScores = 1 << 14;

struct Job {
  std::int64_t images, classes, boxes;
  kernels::Nms nms;
  kernels::ScoreLimit limit;
  const float* box_data;
  const float* scores;
};

// The one element of an optional input.
template <typename T>
T Scalar(const RunContext& context, std::size_t i, T fallback) {
  if (!context.HasInput(i)) return fallback;
  const T* value = context.Input<T>(i);
  if (ElementCount(context.InputShape(i)) != 1) {
    context.Invalid("input " + std::to_string(i) + " must be one element, found shape " +
                    ShapeToString(context.InputShape(i)));
  }
  return *value;
}

Job MakeJob(const RunContext& context) {
  const Shape& boxes = context.InputShape(0);
  const Shape& scores = context.InputShape(1);
  if (boxes.size() != 3 || scores.size() != 3 || boxes[2] != 4 || boxes[0] != scores[0] ||
      boxes[1] != scores[2]) {
    context.Invalid("expected boxes {N, boxes, 4} and scores {N, classes, boxes}, found " +
                    ShapeToString(boxes) + " and " + ShapeToString(scores));
  }
  if (boxes[1] > std::int64_t{std::numeric_limits<std::uint32_t>::max()}) {
    context.Unsupported("2^32 boxes and more");
  }
  const bool centre = context.attributes().Int("center_point_box", 0) != 0;
  Job job{scores[0], scores[1], boxes[1], {}, {}, context.Input<float>(0), context.Input<float>(1)};
  job.nms.max_output = std::min(Scalar<std::int64_t>(context, 2, 0), job.boxes);
  job.nms.iou_threshold = Scalar<float>(context, 3, 0.0f);
  job.nms.form = centre ? kernels::BoxForm::kCentreSize : kernels::BoxForm::kCornersAnyOrder;
  if (!(job.nms.iou_threshold >= 0 && job.nms.iou_threshold <= 1)) {
    context.WrongData("the IoU threshold (input 3) is " + std::to_string(job.nms.iou_threshold) +
                      ", expected 0 to 1");
  }
  // Without a threshold everything passes.
  job.limit = {-std::numeric_limits<float>::infinity(), true};
  if (context.HasInput(4)) job.limit = {Scalar<float>(context, 4, 0.0f), false};
  return job;
}

// Selects in units of (image, class). The selected indices of unit u are at selected + u *
// max_output, counts[u] of them.
struct Selection {
  std::uint32_t* selected;
  std::int64_t* counts;
};

Selection Select(RunContext& context, const Job& job) {
  const std::int64_t units = job.images * job.classes;
  const Selection result{
      context.ScratchFor<std::uint32_t>(static_cast<std::size_t>(units * job.nms.max_output)),
      context.ScratchFor<std::int64_t>(static_cast<std::size_t>(units))};
  const bool parallel = units > 1 && units * job.boxes >= kParallelScores;
  const std::size_t key_bytes =
      kernels::RoundUpToLine(static_cast<std::size_t>(job.boxes) * sizeof(std::uint64_t));
  const std::size_t worker_bytes =
      kernels::RoundUpToLine(key_bytes + kernels::NmsScratchBytes(job.nms, job.boxes));
  auto* scratch = static_cast<std::byte*>(
      context.Scratch(worker_bytes * static_cast<std::size_t>(parallel ? context.threads() : 1)));
  const kernels::FilterScoresFn filter = kernels::GetFilterScores();
  const kernels::NmsFn nms = kernels::GetNms();
  auto body = [&](int worker, std::int64_t begin, std::int64_t end) {
    std::byte* memory = scratch + worker_bytes * static_cast<std::size_t>(worker);
    auto* keys = reinterpret_cast<std::uint64_t*>(memory);
    for (std::int64_t u = begin; u < end; ++u) {
      const float* boxes = job.box_data + u / job.classes * job.boxes * 4;
      const std::int64_t passed = filter(job.scores + u * job.boxes, job.boxes, job.limit, keys);
      const std::int64_t count = nms(job.nms, boxes, keys, passed, memory + key_bytes);
      result.counts[u] = count;
      std::uint32_t* out = result.selected + u * job.nms.max_output;
      std::transform(keys, keys + count, out, kernels::KeyIndex);
    }
  };
  if (parallel) {
    context.ParallelFor(units, body);
  } else {
    body(0, 0, units);
  }
  return result;
}

void RunNonMaxSuppression(RunContext& context) {
  const Job job = MakeJob(context);
  const std::int64_t units = job.images * job.classes;
  if (job.nms.max_output <= 0 || units == 0) {
    context.Output<std::int64_t>(0, {0, 3});
    return;
  }
  const Selection found = Select(context, job);
  std::int64_t total = 0;
  for (std::int64_t u = 0; u < units; ++u) total += found.counts[u];
  auto* out = context.Output<std::int64_t>(0, {total, 3});
  for (std::int64_t u = 0; u < units; ++u) {
    const std::uint32_t* selected = found.selected + u * job.nms.max_output;
    for (std::int64_t i = 0; i < found.counts[u]; ++i) {
      *out++ = u / job.classes;
      *out++ = u % job.classes;
      *out++ = selected[i];
    }
  }
}

}  // namespace

const OpDef& OpNonMaxSuppression() {
  static const OpDef def{.name = "NonMaxSuppression",
                         .since = 10,
                         .min_inputs = 2,
                         .max_inputs = 5,
                         .attributes = "center_point_box",
                         .types = "float32",
                         .run = RunNonMaxSuppression};
  return def;
}

}  // namespace kinglet
