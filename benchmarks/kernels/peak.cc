#include "benchmarks/kernels/peak.h"

#include "kernels/common/measure.h"

namespace kinglet::benchmarks {

double PeakGflops() {
  static const double peak = kernels::MeasurePeakGflops();
  return peak;
}

}  // namespace kinglet::benchmarks
