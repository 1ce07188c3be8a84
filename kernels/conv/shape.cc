#include "kernels/conv/shape.h"

namespace kinglet::kernels {

WorkStage ConvTraffic(const ConvShape& s) {
  const double n = static_cast<double>(s.n);
  WorkStage stage;
  stage.read_bytes = 4.0 * n * static_cast<double>(s.ic) * static_cast<double>(s.ih * s.iw);
  stage.write_bytes = 4.0 * n * static_cast<double>(s.oc) * static_cast<double>(s.oh * s.ow);
  stage.weight_bytes = WeightBytes(s);
  return stage;
}

}  // namespace kinglet::kernels
