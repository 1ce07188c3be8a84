#include "characterize/generate/families.h"

#include <fmt/format.h>

#include <algorithm>

namespace kinglet::characterize {
namespace {

int Scaled(int channels, double width, int multiple = 8) {
  const int rounded = static_cast<int>(channels * width + multiple / 2.0) / multiple * multiple;
  return std::max(rounded, multiple);
}

double DrawWidth(Draws& draws) { return draws.Of({0.25, 0.35, 0.5, 0.75, 1.0, 1.25, 1.4}); }

int SizeOr(int size, Draws& draws) {
  const int drawn = draws.Of({96, 112, 128, 160, 192, 224, 256});
  return size > 0 ? size : drawn;
}

void AddSeparable(std::vector<std::string>& blocks, int channels, int kernel, int stride) {
  blocks.push_back(fmt::format("separable {} kernel={} stride={}", channels, kernel, stride));
}

// MobileNet V1 to a map of 1/16 of the picture, and the rest.
void AddMobileNetV1(Draws& draws, double width, std::vector<std::string>& fine,
                    std::vector<std::string>& coarse) {
  const auto kernel = [&] { return draws.Of({3, 3, 3, 5}); };
  fine.push_back(fmt::format("conv {} stride=2 act=relu6", Scaled(32, width)));
  AddSeparable(fine, Scaled(64, width), 3, 1);
  for (const int channels : {128, 256}) {
    AddSeparable(fine, Scaled(channels, width), kernel(), 2);
    AddSeparable(fine, Scaled(channels, width), kernel(), 1);
  }
  AddSeparable(fine, Scaled(512, width), kernel(), 2);
  for (int i = draws.Between(2, 6); i > 0; --i) AddSeparable(fine, Scaled(512, width), kernel(), 1);
  AddSeparable(coarse, Scaled(1024, width), kernel(), 2);
  AddSeparable(coarse, Scaled(1024, width), kernel(), 1);
}

// ShuffleNet V2.
void AddShuffleNet(Draws& draws, double width, std::vector<std::string>& fine,
                   std::vector<std::string>& coarse) {
  fine.push_back(fmt::format("conv {} stride=2", Scaled(24, width)));
  fine.emplace_back("max_pool");
  for (const int channels : {116, 232, 464}) {
    std::vector<std::string>& blocks = channels == 464 ? coarse : fine;
    blocks.push_back(fmt::format("shuffle {} stride=2", Scaled(channels, width, 4)));
    for (int i = draws.Between(1, 4); i > 0; --i) {
      blocks.push_back(fmt::format("shuffle {}", Scaled(channels, width, 4)));
    }
  }
  coarse.push_back(fmt::format("conv {} kernel=1", Scaled(1024, width)));
}

// MobileNet V2 or, with squeeze and excite, V3.
void AddMobileNetV2(Draws& draws, double width, bool third, std::vector<std::string>& fine,
                    std::vector<std::string>& coarse) {
  struct Stage {
    int channels, blocks, stride;
  };
  constexpr Stage kStages[] = {{24, 2, 2}, {40, 3, 2}, {80, 4, 2}, {112, 3, 1}, {160, 3, 2}};
  const std::string act = third ? draws.Of({"hard_swish", "silu"}) : "relu6";
  fine.push_back(fmt::format("conv {} stride=2 act={}", Scaled(third ? 16 : 32, width), act));
  int before = Scaled(16, width);
  fine.push_back(fmt::format("separable {} act=relu6", before));
  int downs = 1;
  for (const Stage& stage : kStages) {
    const int kernel = draws.Of({3, 3, 5, 7});
    const int expansion = draws.Of({3, 4, 6});
    const bool excite = third && draws.Coin();
    const bool late = third && stage.channels >= 80;
    downs += stage.stride == 2 ? 1 : 0;
    std::vector<std::string>& blocks = downs >= 5 ? coarse : fine;
    const int count = std::max(stage.blocks + draws.Between(-1, 1), 1);
    for (int block = 0; block < count; ++block) {
      const int channels = Scaled(stage.channels, width);
      blocks.push_back(fmt::format("inverted {} expand={} kernel={} stride={} act={} excite={}",
                                   channels, before * expansion, kernel,
                                   block == 0 ? stage.stride : 1, late ? act : "relu6",
                                   excite ? 1 : 0));
      before = channels;
    }
  }
  coarse.push_back(fmt::format("conv {} kernel=1 act={}", Scaled(960, width), act));
}

void AddMobileNet(Draws& draws, std::vector<std::string>& fine, std::vector<std::string>& coarse) {
  const double width = DrawWidth(draws);
  const int version = draws.Between(1, 4);
  if (version == 1) {
    AddMobileNetV1(draws, width, fine, coarse);
  } else if (version == 4) {
    AddShuffleNet(draws, width, fine, coarse);
  } else {
    AddMobileNetV2(draws, width, version == 3, fine, coarse);
  }
}

}  // namespace

Drawn DrawMobileNet(Draws& draws, int size, int) {
  Drawn drawn;
  drawn.size = SizeOr(size, draws);
  std::vector<std::string> coarse;
  AddMobileNet(draws, drawn.blocks, coarse);
  drawn.blocks.insert(drawn.blocks.end(), coarse.begin(), coarse.end());
  drawn.classes = draws.Of({10, 100, 1000, 1001});
  return drawn;
}

Drawn DrawResNet(Draws& draws, int size, int) {
  Drawn drawn;
  drawn.size = SizeOr(size, draws);
  drawn.classes = draws.Of({10, 100, 1000});
  const int base = draws.Of({16, 24, 32, 40, 48, 64, 80});
  const bool basic = draws.Coin();
  const int groups = draws.Of({1, 1, 4, 8, 32});
  drawn.blocks.push_back(fmt::format("conv {} kernel={} stride=2", base, draws.Of({3, 7})));
  drawn.blocks.emplace_back("max_pool");
  for (int stage = 0; stage < 4; ++stage) {
    const int channels = base << stage;
    for (int block = 0, count = draws.Between(1, 3); block < count; ++block) {
      const int stride = block == 0 && stage > 0 ? 2 : 1;
      if (basic) {
        drawn.blocks.push_back(fmt::format("basic {} stride={}", channels, stride));
        continue;
      }
      const int inner = (channels + groups - 1) / groups * groups;
      drawn.blocks.push_back(fmt::format("bottleneck {} inner={} stride={} groups={}", 4 * channels,
                                         inner, stride, groups));
    }
  }
  return drawn;
}

Drawn DrawInception(Draws& draws, int size, int) {
  Drawn drawn;
  drawn.size = SizeOr(size, draws);
  drawn.classes = draws.Of({10, 100, 1000, 1001});
  const double width = draws.Of({0.5, 0.75, 1.0, 1.25});
  const auto part = [&](int low, int high) { return Scaled(draws.Between(low, high), width); };
  drawn.blocks = {fmt::format("conv {} kernel=7 stride=2", Scaled(64, width)), "max_pool",
                  fmt::format("conv {} kernel=1", Scaled(64, width)),
                  fmt::format("conv {}", Scaled(192, width)), "max_pool"};
  for (int stage = 1; stage <= 3; ++stage) {
    const int wide = 64 * stage;
    for (int module = draws.Between(1, stage == 2 ? 4 : 2); module > 0; --module) {
      drawn.blocks.push_back(fmt::format(
          "mixed branches={},{},{},{},{},{} pool={}", part(wide / 2, 3 * wide / 2),
          part(wide / 2, wide), part(wide, 2 * wide), part(wide / 4, wide / 2),
          part(wide / 2, wide), part(wide / 2, wide), draws.Coin() ? "max" : "average"));
    }
    if (stage == 3) break;
    drawn.blocks.push_back(fmt::format("reduce branches={},{},{},{}", part(wide / 2, wide),
                                       part(wide, 2 * wide), part(wide / 2, wide),
                                       part(wide, 2 * wide)));
  }
  return drawn;
}

Drawn DrawSsd(Draws& draws, int size, int) {
  Drawn drawn;
  const int drawn_size = draws.Of({160, 192, 224, 256, 300, 320});
  drawn.size = size > 0 ? size : drawn_size;
  drawn.classes = draws.Of({2, 21, 81, 91});
  drawn.five_shapes = draws.Coin();
  const std::string kind = draws.Of({"full", "pointwise", "separable"});
  const auto head = [&](int stride) {
    const int anchors = drawn.strides.empty() ? 3 : drawn.five_shapes ? 6 : 4;
    drawn.blocks.push_back(fmt::format("head anchors={} kind={}", anchors, kind));
    drawn.strides.push_back(stride);
  };
  std::vector<std::string> coarse;
  AddMobileNet(draws, drawn.blocks, coarse);
  head(16);
  drawn.blocks.insert(drawn.blocks.end(), coarse.begin(), coarse.end());
  head(32);
  constexpr int kExtras[] = {512, 256, 256, 128};
  const int extras = draws.Between(0, 4);
  for (int i = 0; i < extras; ++i) {
    drawn.blocks.push_back(fmt::format("conv {} kernel=1 act=relu6", kExtras[i] / 2));
    if (kind == "separable") {
      AddSeparable(drawn.blocks, kExtras[i], 3, 2);
    } else {
      drawn.blocks.push_back(fmt::format("conv {} stride=2 act=relu6", kExtras[i]));
    }
    head(64 << i);
  }
  return drawn;
}

Drawn DrawLayer(Draws& draws, int size, int) {
  Drawn drawn;
  const int drawn_size = draws.Of({7, 14, 28, 56, 112}) + draws.Between(-1, 2);
  drawn.size = std::max(size > 0 ? size : drawn_size, 8);
  drawn.classes = 10;
  // Blocks of channels have 16; tiles take several of them.
  const auto channels = [&] {
    const int blocks = draws.Of({1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48});
    return std::max(16 * blocks + draws.Of({0, 0, 0, 0, -8, 8, 1, -1}), 1);
  };
  const int before = channels();
  drawn.blocks.push_back(fmt::format("conv {} kernel=1", before));
  const int stride = draws.Of({1, 1, 1, 2});
  const std::string act = draws.Of({"relu", "relu6", "none", "hard_swish", "silu"});
  switch (draws.Below(7)) {
    case 0:
      drawn.blocks.push_back(
          fmt::format("conv {} kernel=1 stride={} act={}", channels(), stride, act));
      break;
    case 1:
    case 2:
      drawn.blocks.push_back(fmt::format("conv {} kernel={} stride={} act={}", channels(),
                                         draws.Of({3, 3, 3, 5, 7}), stride, act));
      break;
    case 3:
      drawn.blocks.push_back(
          fmt::format("separable {} kernel={} stride={}", channels(), draws.Of({3, 5, 7}), stride));
      break;
    case 4:
      // A classifier that is most of the network.
      if (size <= 0) drawn.size = 8;
      drawn.blocks[0] = fmt::format("conv {} kernel=1", draws.Of({512, 1024, 2048, 4096, 8192}));
      drawn.classes = draws.Of({100, 1000, 2048, 4096});
      break;
    case 5: {
      const int groups = draws.Of({2, 4, 8});
      drawn.blocks[0] = fmt::format("conv {} kernel=1", (before + groups - 1) / groups * groups);
      drawn.blocks.push_back(fmt::format("conv {} stride={} groups={} act={}",
                                         (channels() + groups - 1) / groups * groups, stride,
                                         groups, act));
      break;
    }
    default:
      drawn.blocks.push_back(fmt::format("{} kernel={} stride={}",
                                         draws.Of({"max_pool", "average_pool"}),
                                         draws.Of({2, 3, 5}), draws.Of({1, 2})));
  }
  return drawn;
}

}  // namespace kinglet::characterize
