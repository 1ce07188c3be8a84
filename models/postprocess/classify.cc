#include "kinglet/classify.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "kinglet/error.h"
#include "models/postprocess/floats.h"

namespace kinglet {

std::vector<ClassScore> TopScores(std::span<const float> scores, std::size_t count) {
  std::vector<std::size_t> order(scores.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  count = std::min(count, scores.size());
  const auto better = [&](std::size_t a, std::size_t b) {
    const bool a_nan = std::isnan(scores[a]);
    const bool b_nan = std::isnan(scores[b]);
    if (a_nan != b_nan) return b_nan;
    if (!a_nan && scores[a] != scores[b]) return scores[a] > scores[b];
    return a < b;
  };
  std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                    better);
  std::vector<ClassScore> top(count);
  for (std::size_t i = 0; i < count; ++i) top[i] = {order[i], scores[order[i]]};
  return top;
}

void Softmax(std::span<float> scores) {
  if (scores.empty()) return;
  const float max = *std::max_element(scores.begin(), scores.end());
  double sum = 0;
  for (float& score : scores) {
    score = std::exp(score - max);
    sum += static_cast<double>(score);
  }
  for (float& score : scores) score = static_cast<float>(static_cast<double>(score) / sum);
}

std::vector<std::vector<float>> ClassScores(const Tensor& output, ScoreActivation activation) {
  const Shape& shape = output.shape();
  const auto wide = shape.empty() ? 0
                                  : std::count_if(shape.begin() + 1, shape.end(),
                                                  [](std::int64_t size) { return size != 1; });
  if (shape.size() < 2 || wide > 1 || output.size() == 0) {
    throw Error(ErrorCode::kInvalidModel,
                "expected class scores as a tensor of shape NxC, found " + ShapeToString(shape));
  }
  const std::vector<float> values = ToFloats(output, "class scores");
  const auto images = static_cast<std::size_t>(shape[0]);
  const std::size_t classes = values.size() / images;
  std::vector<std::vector<float>> scores(images);
  for (std::size_t n = 0; n < images; ++n) {
    const auto begin = values.begin() + static_cast<std::ptrdiff_t>(n * classes);
    scores[n].assign(begin, begin + static_cast<std::ptrdiff_t>(classes));
    if (activation == ScoreActivation::kSoftmax) Softmax(scores[n]);
    if (activation == ScoreActivation::kSigmoid) {
      for (float& score : scores[n]) score = 1.0f / (1.0f + std::exp(-score));
    }
  }
  return scores;
}

}  // namespace kinglet
