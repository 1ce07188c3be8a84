#include "models/architectures/block_spec.h"

#include <algorithm>
#include <charconv>
#include <span>
#include <sstream>

#include "kinglet/error.h"

namespace kinglet {
namespace {

constexpr int kMaxBlockChannels = 8192;
constexpr int kMaxBlockKernel = 15;
constexpr int kMaxBlockStride = 8;
constexpr int kMaxBlockAnchors = 64;
constexpr std::size_t kMaxBlocks = 256;

struct KindWords {
  const char* name;
  BlockKind kind;
  const char* keys;   // that the block takes, each between spaces
  bool has_channels;  // behind its name
};

constexpr KindWords kKinds[] = {
    {"conv", BlockKind::kConv, " kernel stride groups act ", true},
    {"separable", BlockKind::kSeparable, " kernel stride act ", true},
    {"inverted", BlockKind::kInverted, " expand kernel stride act excite ", true},
    {"basic", BlockKind::kBasic, " stride ", true},
    {"bottleneck", BlockKind::kBottleneck, " inner stride groups ", true},
    {"shuffle", BlockKind::kShuffle, " stride ", true},
    {"mixed", BlockKind::kMixed, " branches pool ", false},
    {"reduce", BlockKind::kReduce, " branches ", false},
    {"max_pool", BlockKind::kMaxPool, " kernel stride ", false},
    {"average_pool", BlockKind::kAveragePool, " kernel stride ", false},
    {"cell", BlockKind::kCell, " edges ops ", true},
    {"head", BlockKind::kHead, " anchors kind ", false},
};

template <typename T>
struct Word {
  const char* name;
  T value;
};
constexpr Word<Act> kActs[] = {{"none", Act::kNone},
                               {"relu", Act::kRelu},
                               {"relu6", Act::kRelu6},
                               {"hard_swish", Act::kHardSwish},
                               {"silu", Act::kSilu}};
constexpr Word<HeadKind> kHeads[] = {{"full", HeadKind::kFull},
                                     {"pointwise", HeadKind::kPointwise},
                                     {"separable", HeadKind::kSeparable}};
constexpr Word<bool> kPools[] = {{"max", true}, {"average", false}};

class BlockParser {
 public:
  explicit BlockParser(const std::string& text) : text_(text) {
    std::istringstream stream(text);
    for (std::string word; stream >> word;) words_.push_back(word);
  }

  BlockSpec Parse() {
    if (words_.empty()) Refuse("a block", "nothing");
    const KindWords& kind = KindOf(words_[0]);
    Defaults(kind.kind);
    spec_.kind = kind.kind;
    std::size_t next = 1;
    if (kind.has_channels) {
      if (next == words_.size()) Refuse("channels behind the name", "nothing");
      spec_.channels = Number("channels", words_[next++], 1, kMaxBlockChannels);
    }
    for (; next < words_.size(); ++next) Take(kind, words_[next]);
    Finish();
    return std::move(spec_);
  }

 private:
  [[noreturn]] void Refuse(const std::string& expected, const std::string& found) const {
    throw Error(ErrorCode::kInvalidInput,
                "architecture.blocks: '" + text_ + "': expected " + expected + ", found " + found);
  }

  const KindWords& KindOf(const std::string& name) const {
    std::string names;
    for (const KindWords& kind : kKinds) {
      if (name == kind.name) return kind;
      names += (names.empty() ? "" : ", ") + std::string(kind.name);
    }
    Refuse("one of " + names, "'" + name + "'");
  }

  void Defaults(BlockKind kind) {
    if (kind == BlockKind::kSeparable || kind == BlockKind::kInverted) spec_.act = Act::kRelu6;
    if (kind == BlockKind::kMaxPool || kind == BlockKind::kAveragePool) spec_.stride = 2;
  }

  int Number(const std::string& key, const std::string& value, int min, int max) const {
    int number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size() || number < min ||
        number > max) {
      Refuse(key + " from " + std::to_string(min) + " to " + std::to_string(max),
             "'" + value + "'");
    }
    return number;
  }

  template <typename T>
  T OneOf(std::span<const Word<T>> words, const std::string& value) const {
    std::string names;
    for (const Word<T>& word : words) {
      if (value == word.name) return word.value;
      names += (names.empty() ? "" : ", ") + std::string(word.name);
    }
    Refuse("one of " + names, "'" + value + "'");
  }

  void Take(const KindWords& kind, const std::string& word) {
    const std::size_t equals = std::min(word.find('='), word.size());
    const std::string key = word.substr(0, equals);
    const std::string value = word.substr(std::min(equals + 1, word.size()));
    if (std::string(kind.keys).find(' ' + key + ' ') == std::string::npos) {
      Refuse("of the keys" + std::string(kind.keys), "'" + word + "'");
    }
    if (std::find(seen_.begin(), seen_.end(), key) != seen_.end()) Refuse("one " + key, "two");
    seen_.push_back(key);
    if (key == "kernel") spec_.kernel = Number(key, value, 1, kMaxBlockKernel);
    if (key == "stride") spec_.stride = Number(key, value, 1, kMaxBlockStride);
    if (key == "groups") spec_.groups = Number(key, value, 1, kMaxBlockChannels);
    if (key == "expand" || key == "inner") spec_.inner = Number(key, value, 1, kMaxBlockChannels);
    if (key == "anchors") spec_.anchors = Number(key, value, 1, kMaxBlockAnchors);
    if (key == "excite") spec_.excite = Number(key, value, 0, 1) == 1;
    if (key == "act") spec_.act = OneOf<Act>(kActs, value);
    if (key == "kind") spec_.head = OneOf<HeadKind>(kHeads, value);
    if (key == "pool") spec_.max_pool = OneOf<bool>(kPools, value);
    if (key == "branches") TakeBranches(value);
    if (key == "edges") edges_ = value;
    if (key == "ops") ops_ = value;
  }

  void TakeBranches(const std::string& value) {
    std::istringstream stream(value);
    for (std::string number; std::getline(stream, number, ',');) {
      spec_.branches.push_back(Number("branches", number, 1, kMaxBlockChannels));
    }
  }

  void Need(std::size_t found, std::size_t expected, const char* what) const {
    if (found == expected) return;
    Refuse(std::to_string(expected) + ' ' + what, std::to_string(found));
  }

  void Finish() {
    const BlockKind kind = spec_.kind;
    if (kind == BlockKind::kMixed) Need(spec_.branches.size(), 6, "branches");
    if (kind == BlockKind::kReduce) Need(spec_.branches.size(), 4, "branches");
    if (kind == BlockKind::kHead && spec_.anchors == 0) Refuse("anchors=", "none");
    const bool inner = kind == BlockKind::kInverted || kind == BlockKind::kBottleneck;
    if (inner && spec_.inner == 0) {
      Refuse(kind == BlockKind::kInverted ? "expand=" : "inner=", "none");
    }
    const int divided = kind == BlockKind::kBottleneck ? spec_.inner : spec_.channels;
    if (spec_.groups > 1 && divided % spec_.groups != 0) {
      Refuse("groups that divide " + std::to_string(divided), std::to_string(spec_.groups));
    }
    if (kind == BlockKind::kShuffle && spec_.channels % 2 != 0) {
      Refuse("an even number of channels", std::to_string(spec_.channels));
    }
    if (kind != BlockKind::kCell) return;
    try {
      spec_.cell = ParseCell(edges_, ops_);
    } catch (const Error& error) {
      throw Error(error.code(), "architecture.blocks: '" + text_ + "': " + error.what());
    }
  }

  const std::string& text_;
  std::vector<std::string> words_, seen_;
  std::string edges_, ops_;
  BlockSpec spec_;
};

}  // namespace

BlockSpec ParseBlock(const std::string& text) { return BlockParser(text).Parse(); }

std::vector<BlockSpec> ParseBlocks(const std::vector<std::string>& texts) {
  if (texts.empty() || texts.size() > kMaxBlocks) {
    throw Error(ErrorCode::kInvalidInput, "architecture.blocks: expected 1 to " +
                                              std::to_string(kMaxBlocks) + " blocks, found " +
                                              std::to_string(texts.size()));
  }
  std::vector<BlockSpec> specs;
  for (const std::string& text : texts) specs.push_back(ParseBlock(text));
  return specs;
}

}  // namespace kinglet
