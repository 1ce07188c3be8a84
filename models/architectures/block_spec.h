// The blocks that a descriptor's architecture "blocks" lists, as text and as values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "models/architectures/builder.h"
#include "models/architectures/cell.h"
#include "models/architectures/ssd_head.h"

namespace kinglet {

enum class BlockKind : std::uint8_t {
  kConv,       // conv C [kernel=3] [stride=1] [groups=1] [act=relu]
  kSeparable,  // separable C [kernel=3] [stride=1] [act=relu6]: a depthwise and a 1x1 convolution
  kInverted,   // inverted C expand=E [kernel=3] [stride=1] [act=relu6] [excite=0]: MobileNet V2, V3
  kBasic,      // basic C [stride=1]: two 3x3 convolutions around which a sum leads
  kBottleneck,   // bottleneck C inner=I [stride=1] [groups=1]: 1x1, 3x3 and 1x1, and the sum
  kShuffle,      // shuffle C [stride=1]: ShuffleNet V2; C is even; stride 1 keeps the channels
  kMixed,        // mixed branches=1x1,reduce,3x3,reduce,5x5,pool [pool=max]: Inception V1
  kReduce,       // reduce branches=reduce,3x3,reduce,3x3: Inception V2's, halves the map
  kMaxPool,      // max_pool [kernel=3] [stride=2]
  kAveragePool,  // average_pool [kernel=3] [stride=2]
  kCell,         // cell C edges=0-1,1-2 ops=conv3x3: NAS-Bench-101
  kHead,         // head anchors=6 [kind=full|pointwise|separable]: SSD's, on the map before it
};

struct BlockSpec {
  BlockKind kind = BlockKind::kConv;
  int channels = 0;
  int kernel = 3;
  int stride = 1;
  int groups = 1;
  int inner = 0;  // `expand` or `inner`: channels inside of the block
  int anchors = 0;
  bool excite = false;
  bool max_pool = true;  // of kMixed
  Act act = Act::kRelu;
  HeadKind head = HeadKind::kFull;
  std::vector<int> branches;
  std::optional<Cell> cell;
};

// Throws Error(kInvalidInput) that names the block, what was expected and what was found: an
// unknown word, a key twice or of another block, a number out of range.
BlockSpec ParseBlock(const std::string& text);

// At least one block, and at most as many as a network may have.
std::vector<BlockSpec> ParseBlocks(const std::vector<std::string>& texts);

}  // namespace kinglet
