// kinglet.ThresholdTopK: of some columns of a matrix of scores (or of a list of them), the k best
// elements that are above a threshold. What exporters write as a comparison, NonZero, GatherND and
// TopK for each class of a detector.
//   outputs: the values, column after column, each in descending order, ties by the lower row (or
//   in any order, where `sorted` is 0: equal ones by the lower row);
//   the row of each; its label, the number of the column, counted from first_label
#include <algorithm>
#include <limits>

#include "engine/graph/fusion.h"
#include "engine/op/run_context.h"
#include "kernels/common/aligned.h"
#include "kernels/layout/layout.h"
#include "kernels/nms/keys.h"

namespace kinglet {
namespace {

constexpr std::int64_t kStrip = 16;                // columns that are transposed together
constexpr std::int64_t kParallelScores = 1 << 16;  // are work enough to wake the other threads for

struct Job {
  const float* scores;
  std::int64_t rows, stride, first, columns;
  std::int64_t k;  // of each column, at most
  kernels::ScoreLimit limit;

  std::int64_t strips() const { return (columns + kStrip - 1) / kStrip; }
  // A list needs no transposing.
  bool is_list() const { return stride == 1; }
};

Job MakeJob(const RunContext& context) {
  const Shape& shape = context.InputShape(0);
  const Attributes& attributes = context.attributes();
  Job job{context.Input<float>(0),
          shape.empty() ? 0 : shape[0],
          shape.size() == 2 ? shape[1] : 1,
          attributes.Int("first_column", 0),
          attributes.Int("columns", 1),
          attributes.Int("k", 0),
          {attributes.Float("threshold", 0), false}};
  const bool within = job.columns >= 0 && job.first >= 0 && job.columns <= job.stride &&
                      job.first <= job.stride - job.columns;
  if (shape.empty() || shape.size() > 2 || !within) {
    context.Invalid("expected a matrix with columns " + std::to_string(job.first) + " to " +
                    std::to_string(job.first) + " + " + std::to_string(job.columns) +
                    ", or a list, found " + ShapeToString(shape));
  }
  if (job.k < 0) context.Invalid("k is " + std::to_string(job.k) + ", expected at least 0");
  if (job.rows > std::int64_t{std::numeric_limits<std::uint32_t>::max()}) {
    context.Unsupported("2^32 rows and more");
  }
  job.k = std::min(job.k, job.rows);
  return job;
}

// The keys of column c are at keys + c * k, counts[c] of them.
struct Selection {
  std::uint64_t* keys;
  std::int64_t* counts;
};

Selection Select(RunContext& context, const Job& job) {
  const auto columns = static_cast<std::size_t>(job.columns);
  const Selection result{
      context.ScratchFor<std::uint64_t>(columns * static_cast<std::size_t>(job.k)),
      context.ScratchFor<std::int64_t>(columns)};
  const bool parallel = job.strips() > 1 && job.columns * job.rows >= kParallelScores;
  // Columns an odd number of lines apart do not meet in the same sets of a cache.
  const std::int64_t apart = (job.rows + 15) / 16 * 16 + 16;
  const std::size_t strip_bytes =
      job.is_list() ? 0 : static_cast<std::size_t>(kStrip * apart) * sizeof(float);
  const std::size_t worker_bytes = kernels::RoundUpToLine(
      strip_bytes + static_cast<std::size_t>(kernels::TopScoresCapacity(job.rows, job.k)) *
                        sizeof(std::uint64_t));
  auto* scratch = static_cast<std::byte*>(
      context.Scratch(worker_bytes * static_cast<std::size_t>(parallel ? context.threads() : 1)));
  const bool sorted = context.attributes().Int("sorted", 1) != 0;
  const auto select = sorted ? kernels::SelectTopScores : kernels::SelectBestScores;
  const auto transpose = kernels::GetLayoutTable().transpose32;
  auto body = [&](int worker, std::int64_t begin, std::int64_t end) {
    std::byte* memory = scratch + worker_bytes * static_cast<std::size_t>(worker);
    auto* keys = reinterpret_cast<std::uint64_t*>(memory + strip_bytes);
    for (std::int64_t s = begin; s < end; ++s) {
      const std::int64_t first = s * kStrip;
      const std::int64_t count = std::min(kStrip, job.columns - first);
      const float* strip = job.scores;
      if (!job.is_list()) {
        strip = reinterpret_cast<float*>(memory);
        transpose(reinterpret_cast<const std::uint32_t*>(job.scores + job.first + first),
                  job.stride, reinterpret_cast<std::uint32_t*>(memory), apart, count, job.rows);
      }
      for (std::int64_t c = 0; c < count; ++c) {
        const std::int64_t found = select(strip + c * apart, job.rows, job.limit, job.k, keys);
        result.counts[first + c] = found;
        std::copy_n(keys, found, result.keys + (first + c) * job.k);
      }
    }
  };
  if (parallel) {
    context.ParallelFor(job.strips(), body);
  } else {
    body(0, 0, job.strips());
  }
  return result;
}

// Wraps around rather than overflow, should a file begin at the greatest number.
std::int64_t LabelOf(std::int64_t first, std::int64_t column) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(first) +
                                   static_cast<std::uint64_t>(column));
}

void RunThresholdTopK(RunContext& context) {
  const Job job = MakeJob(context);
  const Selection found = Select(context, job);
  std::int64_t total = 0;
  for (std::int64_t c = 0; c < job.columns; ++c) total += found.counts[c];
  auto* values = context.Output<float>(0, {total});
  auto* rows = context.Output<std::int64_t>(1, {total});
  auto* labels = context.Output<std::int64_t>(2, {total});
  const std::int64_t first_label = context.attributes().Int("first_label", 0);
  std::int64_t at = 0;
  for (std::int64_t c = 0; c < job.columns; ++c) {
    const std::uint64_t* keys = found.keys + c * job.k;
    const std::int64_t count = found.counts[c];
    const float* column = job.scores + job.first + c;
    for (std::int64_t i = 0; i < count; ++i) {
      const std::int64_t row = kernels::KeyIndex(keys[i]);
      if (values != nullptr) {
        const float value = kernels::KeyScore(keys[i]);
        // A key does not know 0 from -0.
        values[at + i] = value == 0 ? column[row * job.stride] : value;
      }
      if (rows != nullptr) rows[at + i] = row;
    }
    if (labels != nullptr) std::fill_n(labels + at, count, LabelOf(first_label, c));
    at += count;
  }
}

}  // namespace

const OpDef& OpThresholdTopK() {
  static const OpDef def{.name = "ThresholdTopK",
                         .domain = kKingletDomain,
                         .since = kKingletOpset,
                         .until = kKingletOpset,
                         .max_outputs = 3,
                         .attributes = "threshold k first_column columns first_label sorted",
                         .types = "float32",
                         .run = RunThresholdTopK};
  return def;
}

}  // namespace kinglet
