// Cutting a graph into segments, and choosing how many images go through each together.
#pragma once

#include <cstdint>
#include <vector>

#include "engine/plan/batch.h"
#include "engine/plan/plan.h"

namespace kinglet {

// The nodes [first, last), a batch going through them `images` at a time.
struct Segment {
  std::size_t first = 0;
  std::size_t last = 0;
  std::int64_t images = 1;
};

struct SegmentChoice {
  std::vector<Segment> segments;  // one after the other, the nodes [0, proof.prefix())
  std::vector<bool> blocked;      // of each value: its layout between segments
  double seconds = 0;             // predicted, for all images of the segments
};

// The options that a segment is planned with: one thread, and its share of what all of them use.
PlanOptions SegmentOptions(const PlanOptions& options);

// The segments that take least time by the predictions of their steps, when each thread carries
// `per_thread` images through them. Empty when the batch cannot be cut.
SegmentChoice ChooseSegments(const GraphIr& graph, const GraphStates& states, BatchProof& proof,
                             std::int64_t per_thread, const PlanOptions& options);

}  // namespace kinglet
