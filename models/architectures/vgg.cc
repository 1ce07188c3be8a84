// VGG-16, configuration D (Simonyan and Zisserman 2014, arXiv:1409.1556).
#include <string>

#include "models/architectures/builder.h"
#include "models/architectures/families.h"

namespace kinglet {

Graph BuildVgg16(const Architecture& architecture, const BuildOptions& options) {
  struct Stage {
    int channels, convolutions;
  };
  constexpr Stage kStages[] = {{64, 2}, {128, 2}, {256, 3}, {512, 3}, {512, 3}};
  constexpr int kHidden = 4096;
  NetBuilder net(architecture, options);
  Feature x = net.input();
  int number = 1;
  for (const Stage& stage : kStages) {
    const std::string suffix = "_" + std::to_string(number++);
    for (int i = 1; i <= stage.convolutions; ++i) {
      x = net.Conv("conv" + suffix + "_" + std::to_string(i), x, Square(stage.channels, 3));
    }
    x = net.MaxPool("pool" + suffix, x, {.kernel = 2, .stride = 2});
  }
  x = net.Flatten("flatten", x);
  x = net.Gemm("fc_6", x, kHidden, Act::kRelu);
  x = net.Gemm("fc_7", x, kHidden, Act::kRelu);
  return net.Finish(net.Gemm("fc_8", x, net.classes()));
}

}  // namespace kinglet
