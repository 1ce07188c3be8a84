#include "kernels/gemm/packed.h"

namespace kinglet::kernels {

WorkStage GemmTraffic(const GemmShape& s) {
  const auto m = static_cast<double>(s.m);
  const auto n = static_cast<double>(s.n);
  const auto k = static_cast<double>(s.k);
  WorkStage stage;
  stage.read_bytes = 4 * m * k;
  stage.write_bytes = 4 * m * n;
  stage.weight_bytes = 4 * n * k;
  return stage;
}

}  // namespace kinglet::kernels
