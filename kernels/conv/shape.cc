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

WorkStage ConvTrafficOf(const ConvShape& s, ElementType input, ElementType output,
                        size_t weight_bytes) {
  WorkStage stage = ConvTraffic(s);
  stage.read_bytes *= static_cast<double>(ElementBytes(input)) / 4.0;
  stage.write_bytes *= static_cast<double>(ElementBytes(output)) / 4.0;
  stage.weight_bytes = static_cast<double>(weight_bytes);
  return stage;
}

}  // namespace kinglet::kernels
