// Whether an output can be the scores of a classifier.
#pragma once

#include <string>
#include <vector>

#include "kinglet/graph.h"

namespace kinglet {

// Why this output, among these of a plan or of a graph, is no scores of classes for one picture:
// "output 'y' has ...". Empty where it can be that, as far as its shape is known.
std::string WhyNoClassScores(const std::vector<TensorInfo>& outputs, const std::string& scores);

}  // namespace kinglet
