// Inception V3 (Szegedy et al. 2015, arXiv:1512.00567) without the auxiliary classifier.
#include <string>

#include "models/architectures/builder.h"
#include "models/architectures/families.h"

namespace kinglet {
namespace {

constexpr PoolSpec kHalveCut{.kernel = 3, .stride = 2};
constexpr PoolSpec kSame{.kernel = 3, .stride = 1, .pad = 1};

ConvSpec Unpadded(int channels, int stride) {
  ConvSpec spec = Square(channels, 3, stride);
  spec.pad_h = spec.pad_w = 0;
  return spec;
}

ConvSpec Row(int channels, int length) {  // 1 x length
  ConvSpec spec = Pointwise(channels);
  spec.kernel_w = length;
  spec.pad_w = length / 2;
  return spec;
}

ConvSpec Column(int channels, int length) {  // length x 1
  ConvSpec spec = Pointwise(channels);
  spec.kernel_h = length;
  spec.pad_h = length / 2;
  return spec;
}

Feature PoolBranch(NetBuilder& net, const std::string& name, const Feature& x, int channels) {
  return net.Conv(name + "/pool/1x1", net.AveragePool(name + "/pool", x, kSame),
                  Pointwise(channels));
}

Feature DoubleThree(NetBuilder& net, const std::string& name, const Feature& x, ConvSpec last) {
  Feature y = net.Conv(name + "/double/1x1", x, Pointwise(64));
  y = net.Conv(name + "/double/3x3_a", y, Square(96, 3));
  return net.Conv(name + "/double/3x3_b", y, last);
}

Feature ModuleA(NetBuilder& net, const std::string& name, const Feature& x, int pool_channels) {
  const Feature one = net.Conv(name + "/1x1", x, Pointwise(64));
  Feature five = net.Conv(name + "/5x5/1x1", x, Pointwise(48));
  five = net.Conv(name + "/5x5", five, Square(64, 5));
  const Feature three = DoubleThree(net, name, x, Square(96, 3));
  return net.Concat(name, {one, five, three, PoolBranch(net, name, x, pool_channels)});
}

Feature ReductionB(NetBuilder& net, const std::string& name, const Feature& x) {
  const Feature three = net.Conv(name + "/3x3", x, Unpadded(384, 2));
  const Feature twice = DoubleThree(net, name, x, Unpadded(96, 2));
  return net.Concat(name, {three, twice, net.MaxPool(name + "/pool", x, kHalveCut)});
}

Feature ModuleC(NetBuilder& net, const std::string& name, const Feature& x, int inner) {
  const Feature one = net.Conv(name + "/1x1", x, Pointwise(192));
  Feature seven = net.Conv(name + "/7x7/1x1", x, Pointwise(inner));
  seven = net.Conv(name + "/7x7/1x7", seven, Row(inner, 7));
  seven = net.Conv(name + "/7x7/7x1", seven, Column(192, 7));
  Feature twice = net.Conv(name + "/double/1x1", x, Pointwise(inner));
  twice = net.Conv(name + "/double/7x1_a", twice, Column(inner, 7));
  twice = net.Conv(name + "/double/1x7_a", twice, Row(inner, 7));
  twice = net.Conv(name + "/double/7x1_b", twice, Column(inner, 7));
  twice = net.Conv(name + "/double/1x7_b", twice, Row(192, 7));
  return net.Concat(name, {one, seven, twice, PoolBranch(net, name, x, 192)});
}

Feature ReductionD(NetBuilder& net, const std::string& name, const Feature& x) {
  Feature three = net.Conv(name + "/3x3/1x1", x, Pointwise(192));
  three = net.Conv(name + "/3x3", three, Unpadded(320, 2));
  Feature seven = net.Conv(name + "/7x7/1x1", x, Pointwise(192));
  seven = net.Conv(name + "/7x7/1x7", seven, Row(192, 7));
  seven = net.Conv(name + "/7x7/7x1", seven, Column(192, 7));
  seven = net.Conv(name + "/7x7/3x3", seven, Unpadded(192, 2));
  return net.Concat(name, {three, seven, net.MaxPool(name + "/pool", x, kHalveCut)});
}

Feature Split(NetBuilder& net, const std::string& name, const Feature& x) {
  return net.Concat(
      name, {net.Conv(name + "/1x3", x, Row(384, 3)), net.Conv(name + "/3x1", x, Column(384, 3))});
}

Feature ModuleE(NetBuilder& net, const std::string& name, const Feature& x) {
  const Feature one = net.Conv(name + "/1x1", x, Pointwise(320));
  const Feature three = Split(net, name + "/3x3", net.Conv(name + "/3x3/1x1", x, Pointwise(384)));
  Feature twice = net.Conv(name + "/double/1x1", x, Pointwise(448));
  twice = net.Conv(name + "/double/3x3", twice, Square(384, 3));
  twice = Split(net, name + "/double", twice);
  return net.Concat(name, {one, three, twice, PoolBranch(net, name, x, 192)});
}

}  // namespace

Graph BuildInceptionV3(const Architecture& architecture, const BuildOptions& options) {
  NetBuilder net(architecture, options);
  Feature x = net.Conv("conv_1a", net.input(), Unpadded(32, 2));
  x = net.Conv("conv_2a", x, Unpadded(32, 1));
  x = net.Conv("conv_2b", x, Square(64, 3));
  x = net.MaxPool("pool_3a", x, kHalveCut);
  x = net.Conv("conv_3b", x, Pointwise(80));
  x = net.Conv("conv_4a", x, Unpadded(192, 1));
  x = net.MaxPool("pool_5a", x, kHalveCut);
  x = ModuleA(net, "mixed_5b", x, 32);
  x = ModuleA(net, "mixed_5c", x, 64);
  x = ModuleA(net, "mixed_5d", x, 64);
  x = ReductionB(net, "mixed_6a", x);
  x = ModuleC(net, "mixed_6b", x, 128);
  x = ModuleC(net, "mixed_6c", x, 160);
  x = ModuleC(net, "mixed_6d", x, 160);
  x = ModuleC(net, "mixed_6e", x, 192);
  x = ReductionD(net, "mixed_7a", x);
  x = ModuleE(net, "mixed_7b", x);
  x = ModuleE(net, "mixed_7c", x);
  return net.FinishWithClassifier(x);
}

}  // namespace kinglet
