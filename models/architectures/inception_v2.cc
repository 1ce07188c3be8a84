// Inception V2 (BN-Inception; Ioffe and Szegedy 2015, arXiv:1502.03167) in the form of TF-slim:
// the first convolution is separable, with 8 filters for each colour.
#include <string>

#include "models/architectures/backbones.h"
#include "models/architectures/builder.h"
#include "models/architectures/families.h"

namespace kinglet {
namespace {

struct MixedModule {
  const char* name;
  int b0, b1_reduce, b1, b2_reduce, b2, b3;
  bool max_pool;
};

struct Reduction {
  const char* name;
  int b0_reduce, b0, b1_reduce, b1;
};

constexpr PoolSpec kHalvePadded{.kernel = 3, .stride = 2, .pad = 1};

class Builder {
 public:
  Builder(NetBuilder& net, Act act) : net_(net), act_(act) {}

  Feature Stem() {
    ConvSpec separable = Square(24, 7, 2);
    separable.groups = 3;
    separable.act = Act::kNone;
    Feature x = net_.Conv("conv_1a/depthwise", net_.input(), separable);
    x = Conv("conv_1a/pointwise", x, Pointwise(64));
    x = net_.MaxPool("pool_2a", x, kHalvePadded);
    x = Conv("conv_2b", x, Pointwise(64));
    x = Conv("conv_2c", x, Square(192, 3));
    return net_.MaxPool("pool_3a", x, kHalvePadded);
  }

  Feature Inception(const Feature& x, const MixedModule& m) {
    const std::string name = m.name;
    const Feature b0 = Conv(name + "/b0/1x1", x, Pointwise(m.b0));
    Feature b1 = Conv(name + "/b1/1x1", x, Pointwise(m.b1_reduce));
    b1 = Conv(name + "/b1/3x3", b1, Square(m.b1, 3));
    Feature b2 = Conv(name + "/b2/1x1", x, Pointwise(m.b2_reduce));
    b2 = Conv(name + "/b2/3x3_a", b2, Square(m.b2, 3));
    b2 = Conv(name + "/b2/3x3_b", b2, Square(m.b2, 3));
    constexpr PoolSpec kSame{.kernel = 3, .stride = 1, .pad = 1};
    Feature b3 = m.max_pool ? net_.MaxPool(name + "/b3/pool", x, kSame)
                            : net_.AveragePool(name + "/b3/pool", x, kSame);
    b3 = Conv(name + "/b3/1x1", b3, Pointwise(m.b3));
    return net_.Concat(name, {b0, b1, b2, b3});
  }

  Feature Reduce(const Feature& x, const Reduction& r) {
    const std::string name = r.name;
    Feature b0 = Conv(name + "/b0/1x1", x, Pointwise(r.b0_reduce));
    b0 = Conv(name + "/b0/3x3", b0, Square(r.b0, 3, 2));
    Feature b1 = Conv(name + "/b1/1x1", x, Pointwise(r.b1_reduce));
    b1 = Conv(name + "/b1/3x3_a", b1, Square(r.b1, 3));
    b1 = Conv(name + "/b1/3x3_b", b1, Square(r.b1, 3, 2));
    return net_.Concat(name, {b0, b1, net_.MaxPool(name + "/b2/pool", x, kHalvePadded)});
  }

 private:
  Feature Conv(const std::string& name, const Feature& x, ConvSpec spec) {
    spec.act = act_;
    return net_.Conv(name, x, spec);
  }

  NetBuilder& net_;
  Act act_;
};

struct Body {
  Feature mixed_4c, mixed_4e;
};

Body BuildBody(Builder& builder) {
  constexpr MixedModule kStage3[] = {{"mixed_3b", 64, 64, 64, 64, 96, 32, false},
                                     {"mixed_3c", 64, 64, 96, 64, 96, 64, false}};
  constexpr MixedModule kStage4Fine[] = {{"mixed_4b", 224, 64, 96, 96, 128, 128, false},
                                         {"mixed_4c", 192, 96, 128, 96, 128, 128, false}};
  constexpr MixedModule kStage4[] = {{"mixed_4d", 160, 128, 160, 128, 160, 96, false},
                                     {"mixed_4e", 96, 128, 192, 160, 192, 96, false}};
  Body body;
  Feature x = builder.Stem();
  for (const MixedModule& m : kStage3) x = builder.Inception(x, m);
  x = builder.Reduce(x, {"mixed_4a", 128, 160, 64, 96});
  for (const MixedModule& m : kStage4Fine) x = builder.Inception(x, m);
  body.mixed_4c = x;
  for (const MixedModule& m : kStage4) x = builder.Inception(x, m);
  body.mixed_4e = x;
  return body;
}

}  // namespace

Feature InceptionV2Body(NetBuilder& net, Act act) {
  Builder builder(net, act);
  return BuildBody(builder).mixed_4e;
}

Feature InceptionV2Tail(NetBuilder& net, const Feature& x, Act act) {
  constexpr MixedModule kStage5[] = {{"mixed_5b", 352, 192, 320, 160, 224, 128, false},
                                     {"mixed_5c", 352, 192, 320, 192, 224, 128, true}};
  Builder builder(net, act);
  Feature y = builder.Reduce(x, {"mixed_5a", 128, 192, 192, 256});
  for (const MixedModule& m : kStage5) y = builder.Inception(y, m);
  return y;
}

Backbone InceptionV2Backbone(NetBuilder& net, Act act) {
  Builder builder(net, act);
  const Body body = BuildBody(builder);
  return {body.mixed_4c, InceptionV2Tail(net, body.mixed_4e, act)};
}

Graph BuildInceptionV2(const Architecture& architecture, const BuildOptions& options) {
  NetBuilder net(architecture, options);
  return net.FinishWithClassifier(InceptionV2Backbone(net, Act::kRelu).coarse);
}

}  // namespace kinglet
