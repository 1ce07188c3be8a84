// SSD300 on VGG-16 (Liu et al. 2015, arXiv:1512.02325), as torchvision has it (ssd300_vgg16): six
// feature maps, 8732 anchors for 300 x 300. Scores are logits of a softmax, background first.
#include <string>

#include "models/architectures/backbones.h"
#include "models/architectures/families.h"
#include "models/architectures/ssd_head.h"

namespace kinglet {
namespace {

struct Extra {
  int reduced, channels, stride;  // without padding where the stride is 1
};

}  // namespace

Graph BuildSsdVgg16(const Architecture& architecture, const BuildOptions& options) {
  constexpr int kDilated = 1024;
  constexpr int kDilation = 6;
  constexpr Extra kExtras[] = {{256, 512, 2}, {128, 256, 2}, {128, 256, 1}, {128, 256, 1}};
  constexpr double kPixelRange = 128.0;  // the mean is taken off, and nothing divided
  NetBuilder net(architecture, options, kPixelRange);
  const Backbone vgg = Vgg16Backbone(net, {.ceil_pools = true});
  SsdHead head;
  head.maps.push_back(net.L2Normalize("conv_4_3/scaled", vgg.fine));
  head.anchors = {4, 6, 6, 6, 4, 4};
  head.kinds = {HeadKind::kFull};
  Feature x = net.MaxPool("pool_5", vgg.coarse, {.kernel = 3, .stride = 1, .pad = 1});
  ConvSpec dilated = Square(kDilated, 3);
  dilated.dilation = dilated.pad_h = dilated.pad_w = kDilation;
  x = net.Conv("fc_6", x, dilated);
  x = net.Conv("fc_7", x, Pointwise(kDilated));
  head.maps.push_back(x);
  int number = 8;
  for (const Extra& extra : kExtras) {
    const std::string name = "conv_" + std::to_string(number++);
    x = net.Conv(name + "_1", x, Pointwise(extra.reduced));
    ConvSpec shrink = Square(extra.channels, 3, extra.stride);
    // Small inputs leave maps that only a padded window fits into.
    if (extra.stride == 1 && x.height >= 3 && x.width >= 3) shrink.pad_h = shrink.pad_w = 0;
    x = net.Conv(name + "_2", x, shrink);
    head.maps.push_back(x);
  }
  return FinishSsd(net, head);
}

}  // namespace kinglet
