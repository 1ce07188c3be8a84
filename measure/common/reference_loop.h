// What the host delivers at this moment: a short loop that does the same each time, on each CPU
// that this process may use, at once. A neighbour on the host, a lower clock and a program here
// that wants the CPU all show in it.
#pragma once

#include <cstddef>
#include <vector>

namespace kinglet::measure {

struct ReferenceSpeed {
  std::vector<double> gflops{};  // multiply-adds as two operations, 1e9 per second, of each CPU
  double clock_mhz = 0;          // mean over the CPUs, of a chain of one-cycle additions
};

// Takes about `milliseconds`.
ReferenceSpeed RunReferenceLoop(double milliseconds = 8);

// The best that each CPU was seen to deliver, and what it delivers now.
class HostWatch {
 public:
  // The smallest share over all CPUs of their best so far, this one included; 1 at first.
  double Share(const ReferenceSpeed& speed);

  const std::vector<double>& best() const { return best_; }
  void SetBest(std::vector<double> best) { best_ = std::move(best); }

 private:
  std::vector<double> best_;
};

}  // namespace kinglet::measure
