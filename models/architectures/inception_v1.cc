// Inception V1, GoogLeNet (Szegedy et al. 2014, arXiv:1409.4842), with 3x3 convolutions in the
// third branch, as TF-slim and torchvision have it, and without the auxiliary classifiers.
#include <string>

#include "models/architectures/builder.h"
#include "models/architectures/families.h"

namespace kinglet {
namespace {

struct Module {
  const char* name;
  int b0, b1_reduce, b1, b2_reduce, b2, b3;
};

Feature Inception(NetBuilder& net, const Feature& x, const Module& m) {
  const std::string name = m.name;
  const Feature b0 = net.Conv(name + "/b0/1x1", x, Pointwise(m.b0));
  Feature b1 = net.Conv(name + "/b1/1x1", x, Pointwise(m.b1_reduce));
  b1 = net.Conv(name + "/b1/3x3", b1, Square(m.b1, 3));
  Feature b2 = net.Conv(name + "/b2/1x1", x, Pointwise(m.b2_reduce));
  b2 = net.Conv(name + "/b2/3x3", b2, Square(m.b2, 3));
  Feature b3 = net.MaxPool(name + "/b3/pool", x, {.kernel = 3, .stride = 1, .pad = 1});
  b3 = net.Conv(name + "/b3/1x1", b3, Pointwise(m.b3));
  return net.Concat(name, {b0, b1, b2, b3});
}

}  // namespace

Graph BuildInceptionV1(const Architecture& architecture, const BuildOptions& options) {
  constexpr Module kStage3[] = {{"mixed_3b", 64, 96, 128, 16, 32, 32},
                                {"mixed_3c", 128, 128, 192, 32, 96, 64}};
  constexpr Module kStage4[] = {{"mixed_4b", 192, 96, 208, 16, 48, 64},
                                {"mixed_4c", 160, 112, 224, 24, 64, 64},
                                {"mixed_4d", 128, 128, 256, 24, 64, 64},
                                {"mixed_4e", 112, 144, 288, 32, 64, 64},
                                {"mixed_4f", 256, 160, 320, 32, 128, 128}};
  constexpr Module kStage5[] = {{"mixed_5b", 256, 160, 320, 32, 128, 128},
                                {"mixed_5c", 384, 192, 384, 48, 128, 128}};
  constexpr PoolSpec kHalve{.kernel = 3, .stride = 2, .pad = 0, .ceil = true};
  NetBuilder net(architecture, options);
  Feature x = net.Conv("conv_1a", net.input(), Square(64, 7, 2));
  x = net.MaxPool("pool_2a", x, kHalve);
  x = net.Conv("conv_2b", x, Pointwise(64));
  x = net.Conv("conv_2c", x, Square(192, 3));
  x = net.MaxPool("pool_3a", x, kHalve);
  for (const Module& m : kStage3) x = Inception(net, x, m);
  x = net.MaxPool("pool_4a", x, kHalve);
  for (const Module& m : kStage4) x = Inception(net, x, m);
  x = net.MaxPool("pool_5a", x, {.kernel = 2, .stride = 2, .pad = 0, .ceil = true});
  for (const Module& m : kStage5) x = Inception(net, x, m);
  return net.FinishWithClassifier(x);
}

}  // namespace kinglet
