// All variants that can compute a shape, as the cost model ranks them, and how long each takes.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "benchmarks/kernels/team.h"
#include "kernels/chain/chain.h"
#include "kernels/common/machine_model.h"
#include "kernels/conv/conv.h"
#include "kernels/gemm/gemm.h"

namespace kinglet::benchmarks {

struct Candidate {
  std::string id;
  double predicted_seconds;
  std::function<void(Team&)> run;  // the changes of layout that it makes necessary included
  double seconds = 0;              // measured; 0: not yet
};

// The cheapest by the cost model first. A convolution's neighbours are those of a network: the
// input is blocked unless it is a picture.
std::vector<Candidate> ConvCandidates(const kernels::ConvShape& shape, int threads,
                                      const kernels::MachineModel& machine);
// The chain, and its convolutions one by one, each by the variant that the cost model chooses.
std::vector<Candidate> ChainCandidates(const kernels::ConvChain& chain, int threads,
                                       const kernels::MachineModel& machine);
std::vector<Candidate> GemmCandidates(const kernels::GemmShape& shape, int threads,
                                      const kernels::MachineModel& machine);

// Sets `seconds` to the shortest time seen in rounds in which each candidate has its turn, for
// about `budget_seconds` each. Those far behind after the first turns get no other.
void Measure(std::vector<Candidate>& candidates, Team& team, double budget_seconds);

}  // namespace kinglet::benchmarks
