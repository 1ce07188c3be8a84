// VGG-16, configuration D (Simonyan and Zisserman 2014, arXiv:1409.1556).
#include <string>

#include "models/architectures/backbones.h"
#include "models/architectures/builder.h"
#include "models/architectures/families.h"

namespace kinglet {

Backbone Vgg16Backbone(NetBuilder& net, const VggOptions& options) {
  struct Stage {
    int channels, convolutions;
  };
  constexpr Stage kStages[] = {{64, 2}, {128, 2}, {256, 3}, {512, 3}, {512, 3}};
  Backbone backbone;
  Feature x = net.input();
  int number = 0;
  for (const Stage& stage : kStages) {
    const std::string last = '_' + std::to_string(number);
    if (number > 0) {
      x = net.MaxPool("pool" + last, x, {.kernel = 2, .stride = 2, .ceil = options.ceil_pools});
    }
    const std::string suffix = '_' + std::to_string(++number);
    for (int i = 1; i <= stage.convolutions; ++i) {
      x = net.Conv("conv" + suffix + "_" + std::to_string(i), x, Square(stage.channels, 3));
    }
    if (number == 4) backbone.fine = x;
  }
  backbone.coarse = x;
  return backbone;
}

Feature VggHidden(NetBuilder& net, const Feature& x) {
  constexpr int kHidden = 4096;
  const Feature fc_6 = net.Gemm("fc_6", net.Flatten("flatten", x), kHidden, Act::kRelu);
  return net.Gemm("fc_7", fc_6, kHidden, Act::kRelu);
}

Graph BuildVgg16(const Architecture& architecture, const BuildOptions& options) {
  NetBuilder net(architecture, options);
  const Feature x =
      net.MaxPool("pool_5", Vgg16Backbone(net, {}).coarse, {.kernel = 2, .stride = 2});
  return net.Finish(net.Gemm("fc_8", VggHidden(net, x), net.classes()));
}

}  // namespace kinglet
