// A network that its descriptor lists block by block: a classifier, or an SSD where there are heads
// among the blocks (models/architectures/block_spec.h). What a search over networks draws from.
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "kinglet/error.h"
#include "models/architectures/backbones.h"
#include "models/architectures/block_spec.h"
#include "models/architectures/families.h"

namespace kinglet {
namespace {

constexpr double kBlockGain = 0.5;  // of a branch that a sum leads around
constexpr std::int64_t kMaxParameters = std::int64_t{1} << 28;

ConvSpec Grouped(ConvSpec spec, int groups) {
  spec.groups = groups;
  return spec;
}

ConvSpec Branch(ConvSpec spec) {
  spec.act = Act::kNone;
  spec.gain = kBlockGain;
  return spec;
}

class BlockNet {
 public:
  BlockNet(const Architecture& architecture, const BuildOptions& options)
      : architecture_(architecture), net_(architecture, options), x_(net_.input()) {}

  Graph Build() {
    for (const BlockSpec& spec : ParseBlocks(architecture_.blocks)) {
      name_ = "block_" + std::to_string(++index_);
      x_ = Block(spec);
    }
    if (head_.maps.empty()) return net_.FinishWithClassifier(x_);
    return FinishSsd(net_, head_);
  }

 private:
  [[noreturn]] void Fail(const std::string& what) const {
    const std::string& text = architecture_.blocks[static_cast<std::size_t>(index_) - 1];
    throw Error(ErrorCode::kInvalidInput, "architecture.blocks: '" + text + "': " + what);
  }

  // Counts weights before they take memory.
  Feature Conv(const std::string& name, const Feature& x, const ConvSpec& spec) {
    if (x.channels % spec.groups != 0) {
      Fail("its " + std::to_string(spec.groups) + " groups do not divide the " +
           std::to_string(x.channels) + " channels before it");
    }
    parameters_ +=
        std::int64_t{spec.channels} * (x.channels / spec.groups) * spec.kernel_h * spec.kernel_w;
    if (parameters_ > kMaxParameters) {
      Fail("all blocks to here have more than " + std::to_string(kMaxParameters) + " weights");
    }
    const Feature y = net_.Conv(name_ + name, x, spec);
    if (y.height < 1 || y.width < 1) Fail("nothing is left of the map");
    return y;
  }

  Feature Block(const BlockSpec& spec) {
    switch (spec.kind) {
      case BlockKind::kConv:
        return Conv(
            "", x_,
            With(Grouped(Square(spec.channels, spec.kernel, spec.stride), spec.groups), spec.act));
      case BlockKind::kSeparable:
        return Separable(spec);
      case BlockKind::kInverted:
        return Inverted(spec);
      case BlockKind::kBasic:
        return Basic(spec);
      case BlockKind::kBottleneck:
        return Bottleneck(spec);
      case BlockKind::kShuffle:
        return Shuffle(spec);
      case BlockKind::kMixed:
        return Mixed(spec);
      case BlockKind::kReduce:
        return Reduce(spec);
      case BlockKind::kMaxPool:
      case BlockKind::kAveragePool:
        return Pool(spec);
      case BlockKind::kCell:
        return CellOf(spec);
      case BlockKind::kHead:
        break;
    }
    head_.maps.push_back(x_);
    head_.anchors.push_back(spec.anchors);
    head_.kinds.push_back(spec.head);
    return x_;
  }

  Feature Separable(const BlockSpec& spec) {
    const Feature y =
        Conv("/depthwise", x_, With(Depthwise(x_, spec.kernel, spec.stride), spec.act));
    return Conv("/pointwise", y, With(Pointwise(spec.channels), spec.act));
  }

  Feature Inverted(const BlockSpec& spec) {
    Feature y = x_;
    if (spec.inner != x_.channels) y = Conv("/expand", y, With(Pointwise(spec.inner), spec.act));
    y = Conv("/depthwise", y, With(Depthwise(y, spec.kernel, spec.stride), spec.act));
    if (spec.excite) y = SqueezeExcite(net_, name_ + "/excite", y);
    if (spec.stride != 1 || x_.channels != spec.channels) {
      return Conv("/project", y, With(Pointwise(spec.channels), Act::kNone));
    }
    return net_.Add(name_ + "/add", x_, Conv("/project", y, Branch(Pointwise(spec.channels))));
  }

  // The sum of a branch and what leads around it.
  Feature Residual(const Feature& branch, const BlockSpec& spec) {
    Feature around = x_;
    if (spec.stride != 1 || x_.channels != spec.channels) {
      around = Conv("/shortcut", x_, With(Square(spec.channels, 1, spec.stride), Act::kNone));
    }
    return net_.Activate(name_ + "/add", net_.Add(name_ + "/add", branch, around), Act::kRelu);
  }

  Feature Basic(const BlockSpec& spec) {
    Feature y = Conv("/conv_1", x_, Square(spec.channels, 3, spec.stride));
    y = Conv("/conv_2", y, Branch(Square(spec.channels, 3)));
    return Residual(y, spec);
  }

  Feature Bottleneck(const BlockSpec& spec) {
    Feature y = Conv("/conv_1", x_, Pointwise(spec.inner));
    y = Conv("/conv_2", y, Grouped(Square(spec.inner, 3, spec.stride), spec.groups));
    y = Conv("/conv_3", y, Branch(Pointwise(spec.channels)));
    return Residual(y, spec);
  }

  // Half of the channels pass by where the map keeps its size (Ma et al. 2018, arXiv:1807.11164).
  Feature Shuffle(const BlockSpec& spec) {
    const int half = spec.channels / 2;
    Feature around = x_;
    Feature y = x_;
    const auto depthwise = [&](const std::string& name, const Feature& x) {
      return Conv(name, x, With(Depthwise(x, 3, spec.stride), Act::kNone));
    };
    if (spec.stride == 1) {
      if (spec.channels != x_.channels) {
        Fail("with stride 1 it keeps the " + std::to_string(x_.channels) + " channels before it");
      }
      around = net_.Channels(name_ + "/around", x_, 0, half);
      y = net_.Channels(name_ + "/half", x_, half, spec.channels);
    } else {
      around = Conv("/around", depthwise("/around/depthwise", x_), Pointwise(half));
    }
    y = depthwise("/depthwise", Conv("/conv_1", y, Pointwise(half)));
    y = Conv("/conv_2", y, Pointwise(half));
    return net_.Shuffle(name_, net_.Concat(name_ + "/concat", {around, y}), 2);
  }

  Feature Mixed(const BlockSpec& spec) {
    const std::vector<int>& b = spec.branches;
    const Feature b0 = Conv("/b0", x_, Pointwise(b[0]));
    const Feature b1 = Conv("/b1", Conv("/b1/reduce", x_, Pointwise(b[1])), Square(b[2], 3));
    const Feature b2 = Conv("/b2", Conv("/b2/reduce", x_, Pointwise(b[3])), Square(b[4], 5));
    constexpr PoolSpec kSame{.kernel = 3, .stride = 1, .pad = 1};
    const Feature pooled = spec.max_pool ? net_.MaxPool(name_ + "/b3/pool", x_, kSame)
                                         : net_.AveragePool(name_ + "/b3/pool", x_, kSame);
    return net_.Concat(name_, {b0, b1, b2, Conv("/b3", pooled, Pointwise(b[5]))});
  }

  Feature Reduce(const BlockSpec& spec) {
    const std::vector<int>& b = spec.branches;
    const Feature b0 = Conv("/b0", Conv("/b0/reduce", x_, Pointwise(b[0])), Square(b[1], 3, 2));
    Feature b1 = Conv("/b1/reduce", x_, Pointwise(b[2]));
    b1 = Conv("/b1", Conv("/b1/3x3", b1, Square(b[3], 3)), Square(b[3], 3, 2));
    constexpr PoolSpec kHalvePadded{.kernel = 3, .stride = 2, .pad = 1};
    return net_.Concat(name_, {b0, b1, net_.MaxPool(name_ + "/pool", x_, kHalvePadded)});
  }

  Feature Pool(const BlockSpec& spec) {
    const PoolSpec pool{.kernel = spec.kernel, .stride = spec.stride, .pad = (spec.kernel - 1) / 2};
    if (x_.height + 2 * pool.pad < pool.kernel || x_.width + 2 * pool.pad < pool.kernel) {
      Fail("the map before it is smaller than its window");
    }
    return spec.kind == BlockKind::kMaxPool ? net_.MaxPool(name_, x_, pool)
                                            : net_.AveragePool(name_, x_, pool);
  }

  Feature CellOf(const BlockSpec& spec) {
    // At most a 3x3 convolution of the larger width on every vertex and a projection to it.
    const std::int64_t width = std::max(x_.channels, spec.channels);
    parameters_ += static_cast<std::int64_t>(spec.cell->vertices()) * 10 * width * width;
    if (parameters_ > kMaxParameters) Fail("it has too many weights");
    return BuildCell(net_, name_, x_, *spec.cell, spec.channels);
  }

  const Architecture& architecture_;
  NetBuilder net_;
  Feature x_;
  std::string name_;  // of the block that is being built
  int index_ = 0;
  std::int64_t parameters_ = 0;
  SsdHead head_;
};

}  // namespace

Graph BuildBlocks(const Architecture& architecture, const BuildOptions& options) {
  return BlockNet(architecture, options).Build();
}

}  // namespace kinglet
