// What each layer of a network takes: time, arithmetic, memory, events.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "characterize/counters/counters.h"
#include "characterize/profile/roofline.h"
#include "kinglet/model.h"
#include "measure/common/repeat.h"

namespace kinglet::characterize {

// Times of one turn: a run as always, then one whose steps are timed.
struct ProfileTurn {
  double plain_seconds = 0;
  double profiled_seconds = 0;         // from call to return
  std::vector<double> step_seconds{};  // of each step
};

struct LayerProfile {
  StepInfo step;
  LayerWork work{};
  double seconds = 0;
  double share = 0;              // of the run, 0..1
  std::vector<double> counts{};  // of one run, by NetworkProfile::events; none: not known

  double gflops() const { return seconds > 0 ? 1e-9 * work.operations / seconds : 0; }
  double gbps() const { return seconds > 0 ? 1e-9 * work.bytes / seconds : 0; }
  // Above 1 where an algorithm needs fewer operations than the definition, as Winograd's does.
  double share_of_peak() const { return work.peak_gflops > 0 ? gflops() / work.peak_gflops : 0; }
};

struct NetworkProfile {
  std::string network;
  int batch = 1;
  int threads = 1;
  std::string precision;
  Roof roof{};
  std::vector<LayerProfile> layers{};
  // Of those turns whose profiled run is in the middle half, means: the layers and the rest make up
  // the run.
  double run_seconds = 0;
  double rest_seconds = 0;   // before, between and behind the steps
  double plain_seconds = 0;  // median of the runs as always
  double overhead = 0;       // median over the turns of profiled / plain - 1
  std::size_t turns = 0;
  double predicted_seconds = 0;
  std::vector<std::string> events{};  // of the counts
  double counting_overhead = 0;       // of the runs that the events were counted in, as overhead
  std::vector<std::string> notes{};

  double layer_seconds() const;  // sum
};

struct ProfileOptions {
  int threads = 1;
  CounterRequest counters{};
  const Tensors* inputs = nullptr;  // that outlive the call; null: random numbers
  double budget_seconds = 3;        // of the turns, 9 at least
  std::size_t turns = 0;            // exactly so many; 0: by the budget
};

// Profiles the model at these shapes in this process, for about
// `budget_seconds`. Everything of the result is set but `network`, `batch`, `precision` and the
// roof. Throws as Session::Run and OpenCounters do.
NetworkProfile ProfileModel(const Model& model, const InputShapes& shapes,
                            const ProfileOptions& options,
                            const measure::Clock& clock = &measure::SteadySeconds);

// What the machine could do, and what that makes of each layer. Measure the roof after the network:
// the memory that measuring it leaves behind makes a network slower that is packed into it.
void SetRoof(const Roof& roof, NetworkProfile& profile);

// The times of a profile from its turns, of which there is at least one; `profile.layers` has its
// steps.
void SetTimes(const std::vector<ProfileTurn>& turns, NetworkProfile& profile);

}  // namespace kinglet::characterize
