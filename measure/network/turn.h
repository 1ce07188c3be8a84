// One turn of a point: a network at a batch size in one or several instances at once, for a window
// of time, in a process of its own. Instances are threads that share one model, or processes with a
// model each. In a closed loop each begins a run when its last one ended; in an open loop batches
// arrive by themselves (Poisson), the instances take them from one queue, and a latency begins at
// the arrival.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "measure/common/load.h"
#include "measure/network/point.h"

namespace kinglet::measure {

struct TurnPlan {
  Point point{};  // its repeat, tune and picture are not used
  int instances = 1;
  bool processes = false;  // each instance is one; otherwise a thread
  double rate = 0;         // arrivals of batches per second, over all instances; 0: closed loop
  std::uint64_t seed = 1;  // of the arrivals
  double window_s = 1;     // a run that began in it is counted, when it ends later, too
  double warm_up_s = 0.2;  // of each instance before it, one run at least
  std::string pictures{};  // folder of pictures to run on; "": random numbers
  std::size_t first_picture = 0;  // of those in the folder, sorted by name, to begin with
  std::size_t most_batches = 0;   // of pictures to prepare; 0: as many as there is room for
  // Of an instance that is a process of another turn: it tells on standard output when it is warm
  // and when its window is over, and waits on standard input for the moment at which it begins.
  bool follows = false;
  int arrivals_file = -1;  // descriptor of the memory in which instances count arrivals
};

// What a layer runs by.
struct KernelOfLayer {
  std::string layer;
  std::string kernel;
};

struct TurnResult {
  // Of each run, rising; evenly thinned out above kMostLatencies.
  std::vector<double> latencies_ms{};
  std::size_t runs = 0;
  double images_per_s = 0;  // over all instances
  double window_s = 0;      // until the last instance had ended its last run
  Load load{};              // in the window
  double clock_mhz = 0;     // in the window; 0: not readable
  Usage usage{};            // in the window, of all instances
  double peak_rss_mb = 0;   // MiB, all instances; what processes share counts in each
  double backlog_s = 0;     // open loop: how long the last batch had waited for an instance
  int batch = 1;
  std::string precision{};  // that most of it is computed in
  std::vector<KernelOfLayer> kernels{};
  std::vector<std::string> notes{};
};
inline constexpr std::size_t kMostLatencies = 5'000;

// Takes the turn in this process, which for instances that are processes starts others. Throws
// Error as TimePoint does, as ReadImage does for pictures, and Error(kInvalidInput) for a folder
// without pictures.
TurnResult TakeTurn(const TurnPlan& plan);

// What a process that takes one turn prints, as a line: the result, or the error that TakeTurn
// throws.
std::string AnswerTurn(const TurnPlan& plan);

// Takes it in a process of its own: this program with the arguments "sweep --turn PLAN", where PLAN
// is TurnPlanJson, which prints AnswerTurn. Throws as TimeInOwnProcess does.
TurnResult TakeTurnInOwnProcess(const TurnPlan& plan);

}  // namespace kinglet::measure
