// All variants that can compute a shape, as the cost model ranks them, and how long each takes.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "kernels/chain/chain.h"
#include "kernels/common/machine_model.h"
#include "kernels/conv/conv.h"
#include "kernels/gemm/gemm.h"
#include "measure/kernels/team.h"

namespace kinglet::benchmarks {

struct Candidate {
  std::string id;
  double predicted_seconds;
  std::function<void(measure::Team&)>
      run;             // the changes of layout that it makes necessary included
  double seconds = 0;  // measured; 0: not yet
};

// The cheapest by the cost model first. A convolution's neighbours are those of a network of values
// of `type` (float32, bfloat16, uint8): the input is blocked unless it is a picture, which is
// float32 where others are bfloat16.
std::vector<Candidate> ConvCandidates(const kernels::ConvShape& shape, kernels::ElementType type,
                                      int threads, const kernels::MachineModel& machine);
// The chain, and its convolutions one by one, each by the variant that the cost model chooses.
std::vector<Candidate> ChainCandidates(const kernels::ConvChain& chain, int threads,
                                       const kernels::MachineModel& machine);
std::vector<Candidate> GemmCandidates(const kernels::GemmShape& shape, int threads,
                                      const kernels::MachineModel& machine);

// Sets or lowers `seconds` to the shortest time seen in turns (measure::ShortestInTurns).
void Measure(std::vector<Candidate>& candidates, measure::Team& team, double budget_seconds);

}  // namespace kinglet::benchmarks
