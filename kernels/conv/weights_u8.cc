#include "kernels/conv/weights_u8.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "kernels/common/aligned.h"
#include "kernels/conv/tile_weights.h"

namespace kinglet::kernels {
namespace {

constexpr int64_t kTogether = 4;
// What may be left of 255 by one int8 is beyond another one: it needs a further step twice.
constexpr int64_t kMostExtras = 2;

// In bytes, each at a 64-byte boundary.
struct Offsets {
  Offsets(int64_t blocks, int64_t steps)
      : sums(blocks * steps * kTileStepBytes),
        extra_begin(sums + blocks * kTileChannels * 4),
        extras(extra_begin + RoundUpToLine((blocks + 1) * 4)),
        extra_weights(extras + RoundUpToLine(kMostExtras * blocks * steps *
                                             static_cast<int64_t>(sizeof(TileExtra)))),
        end(extra_weights + blocks * steps * kTileStepBytes) {}

  int64_t sums, extra_begin, extras, extra_weights, end;
};

template <typename T>
T* At(void* packed, int64_t offset) {
  return reinterpret_cast<T*>(static_cast<char*>(packed) + offset);
}

}  // namespace

TileWeightsU8::TileWeightsU8(const void* packed, int64_t blocks, int64_t steps) {
  const Offsets at(blocks, steps);
  const auto* all = static_cast<const char*>(packed);
  weights = all;
  sums = reinterpret_cast<const int32_t*>(all + at.sums);
  extra_begin = reinterpret_cast<const int32_t*>(all + at.extra_begin);
  extras = reinterpret_cast<const TileExtra*>(all + at.extras);
  extra_weights = all + at.extra_weights;
}

size_t TileWeightsU8::Bytes(int64_t blocks, int64_t steps) {
  return static_cast<size_t>(Offsets(blocks, steps).end);
}

TilePackerU8::TilePackerU8(void* packed, int64_t blocks, int64_t steps) {
  const Offsets at(blocks, steps);
  weights_ = static_cast<int8_t*>(packed);
  sums_ = At<int32_t>(packed, at.sums);
  extra_begin_ = At<int32_t>(packed, at.extra_begin);
  extras_ = At<TileExtra>(packed, at.extras);
  extra_weights_ = At<int8_t>(packed, at.extra_weights);
  std::memset(sums_, 0, static_cast<size_t>(at.end - at.sums));
}

void TilePackerU8::Add(int64_t block, int64_t step, const int16_t (&weights)[kStepWeights]) {
  constexpr int kLow = std::numeric_limits<int8_t>::min();
  constexpr int kHigh = std::numeric_limits<int8_t>::max();
  const auto [low, high] = std::minmax_element(std::begin(weights), std::end(weights));
  const bool fits = *low >= kLow && *high <= kHigh;
  const bool halves = *high > 2 * kHigh;
  for (int64_t i = 0; i < kStepWeights; ++i) {
    const int weight = weights[i];
    auto& sum = sums_[block * kTileChannels + PlaceInStep(i, kTogether).out];
    sum = static_cast<int32_t>(static_cast<uint32_t>(sum) + static_cast<uint32_t>(weight));
    const int first = halves ? weight & 1 : std::clamp(weight, kLow, kHigh);
    const int rest = weight - first;
    weights_[i] = static_cast<int8_t>(first);
    if (!fits) extra_weights_[i] = static_cast<int8_t>(halves ? rest / 2 : rest);
  }
  weights_ += kStepWeights;
  if (!fits) AddExtra(step, halves ? 2 : 1);
  extra_begin_[block + 1] = extra_count_;
}

void TilePackerU8::AddExtra(int64_t step, int times) {
  for (int i = 0; i < times; ++i) {
    extras_[extra_count_++] = {static_cast<int32_t>(step), extra_tiles_};
  }
  ++extra_tiles_;
  extra_weights_ += kStepWeights;
}

size_t TilePackedBytesU8(const ConvShape& s) {
  return TileWeightsU8::Bytes(TileBlocks(s), TileSteps(s, kBlockU8));
}

void TilePackU8(const ConvShape& s, const void* oihw, void* packed) {
  const auto* weights = static_cast<const int16_t*>(oihw);
  const int64_t steps = TileSteps(s, kBlockU8);
  TilePackerU8 packer(packed, TileBlocks(s), steps);
  int64_t number = 0;
  ForEachTileStep(s, kBlockU8, [&](const TileStep& step) {
    int16_t of_step[kStepWeights];
    for (int64_t i = 0; i < kStepWeights; ++i) {
      const int64_t from = WeightIndex(s, step, PlaceInStep(i, kTogether));
      of_step[i] = from >= 0 ? weights[from] : int16_t{0};
    }
    packer.Add(step.block, number++ % steps, of_step);
  });
}

PackedFormat TileFormatU8(const ConvShape& s) {
  PackedFormat format = ConvFormat("tile_quads", kTileChannels, s);
  format.type = ElementType::kInt8;
  return format;
}

}  // namespace kinglet::kernels
