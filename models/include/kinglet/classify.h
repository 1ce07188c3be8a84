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

}  // namespace kinglet
