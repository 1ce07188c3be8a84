// SqueezeNet 1.0 (Iandola et al. 2016, arXiv:1602.07360) and 1.1 (its authors' cheaper revision).
#include <string>

#include "models/architectures/builder.h"
#include "models/architectures/families.h"

namespace kinglet {
namespace {

Feature Fire(NetBuilder& net, const Feature& x, int number, int squeeze, int expand) {
  const std::string name = "fire_" + std::to_string(number);
  const Feature s = net.Conv(name + "/squeeze", x, Pointwise(squeeze));
  return net.Concat(name, {net.Conv(name + "/expand_1x1", s, Pointwise(expand)),
                           net.Conv(name + "/expand_3x3", s, Square(expand, 3))});
}

}  // namespace

Graph BuildSqueezeNet(const Architecture& architecture, const BuildOptions& options) {
  struct FireSpec {
    int squeeze, expand;
  };
  constexpr FireSpec kFires[] = {{16, 64},  {16, 64},  {32, 128}, {32, 128},
                                 {48, 192}, {48, 192}, {64, 256}, {64, 256}};
  constexpr PoolSpec kHalve{.kernel = 3, .stride = 2, .pad = 0, .ceil = true};
  const bool first = architecture.version == "1.0";
  NetBuilder net(architecture, options, 128.0);  // pixels less a mean, not scaled
  ConvSpec stem = first ? Square(96, 7, 2) : Square(64, 3, 2);
  stem.pad_h = stem.pad_w = 0;
  Feature x = net.MaxPool("pool_1", net.Conv("conv_1", net.input(), stem), kHalve);
  int number = 1;
  for (const FireSpec& fire : kFires) {
    x = Fire(net, x, ++number, fire.squeeze, fire.expand);
    const bool pool = first ? number == 4 || number == 8 : number == 3 || number == 5;
    if (pool) x = net.MaxPool("pool_" + std::to_string(number), x, kHalve);
  }
  x = net.Conv("conv_10", x, Pointwise(net.classes()));
  return net.Finish(net.Flatten("flatten", net.GlobalAveragePool("pool_10", x)));
}

}  // namespace kinglet
