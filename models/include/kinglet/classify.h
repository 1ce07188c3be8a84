// From the output of a classifier to its best classes.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "kinglet/descriptor.h"
#include "kinglet/graph.h"
#include "kinglet/tensor.h"

namespace kinglet {

// In place of the number of a class: the picture shows none of them (Rejection in a descriptor).
inline constexpr std::size_t kNoneOfThese = static_cast<std::size_t>(-1);

struct ClassScore {
  std::size_t index = 0;
  float score = 0;
};

// The `count` best of the scores (all, when there are fewer), best first. Of equal scores the lower
// index comes first; NaN is below everything.
std::vector<ClassScore> TopScores(std::span<const float> scores, std::size_t count);

// In place: exp(x - max) / sum. Not finite values give NaN.
void Softmax(std::span<float> scores);

// What kAuto means for this output of a graph: kNone when it comes from a Softmax or Sigmoid,
// directly or through nodes that only change shape, type or order; kSoftmax otherwise. Other values
// of `wanted` are returned as they are.
ScoreActivation ResolveActivation(ScoreActivation wanted, const Graph& graph,
                                  const std::string& output);

// Scores of each image of a batch: an output of float32, float16 or float64 with shape {N, C} or
// {N, ..., C, ...} where every size but N and C is 1; `activation` is applied (not kAuto). Throws
// Error(kInvalidModel) for other types and shapes.
std::vector<std::vector<float>> ClassScores(const Tensor& output, ScoreActivation activation);

// Which pictures of a batch show none of the classes, as the descriptor, fitted, tells. `outputs`
// are those of a run; `scores` what ClassScores made of them. Throws Error(kInvalidModel) when the
// output that it names is missing or has not one number for each picture.
std::vector<bool> Rejected(const Descriptor& fitted, const Tensors& outputs,
                           const std::vector<std::vector<float>>& scores);

}  // namespace kinglet
