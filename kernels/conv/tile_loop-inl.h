// The loop of convolutions on matrix tiles (kernels/tiles/tile.h): output blocks of 32 channels by
// pairs of tiles of 16 pixels, two by two tiles at a time.
//
// Output blocks are outermost: their weights stay in the first-level cache while pixels stream past
// them (or pixels that taps share while weights do), come from memory once, and those of the next
// block are fetched meanwhile. The stores of a pair lie between the products of the next pair's
// first step, where they cost nothing, and what is done to its sums (Product::Finish) beside the
// steps of the pair after that. Include kernels/common/dispatch.h first.
#if defined(KINGLET_CONV_TILE_LOOP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef KINGLET_CONV_TILE_LOOP_INL_H_
#undef KINGLET_CONV_TILE_LOOP_INL_H_
#else
#define KINGLET_CONV_TILE_LOOP_INL_H_
#endif

#include <algorithm>
#include <cstdint>

#include "hwy/highway.h"
#include "kernels/conv/tile_job.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {

// `Product` multiplies, Product::Dot<C, A, B>(tiles), and takes the sums: Finish(done, tile, row,
// rows), of a multiple of four pixels of one of the pair's tiles. kStreamInput: it is the input
// that should not stay in the first-level cache, not the weights.
template <bool kStreamInput, class Tiles, class Product>
class TileLoop {
 public:
  TileLoop(Tiles& tiles, const TileJob& job, const Product& product)
      : tiles_(tiles), job_(job), product_(product) {}

  HWY_INLINE void Run() {
    const int64_t pairs = (job_.tiles + 1) / 2;
    // Of the next block's weights, in cache lines, for each step of this one.
    const int64_t lines = (kTileStepBytes / 64 + pairs - 1) / pairs;
    const int64_t panel = job_.steps * kTileStepBytes;
    int64_t done = 0;
    for (int64_t block = 0; block < job_.out_blocks; ++block) {
      const char* weights = job_.weights + block * panel;
      BeginExtras(block);
      lines_ = block + 1 < job_.out_blocks ? lines : 0;
      ahead_ = weights + panel;
      for (int64_t pair = 0; pair < pairs; ++pair, ++done) RunPair(block, pair, weights, done);
    }
    Drain(done);
  }

 private:
  HWY_INLINE void RunPair(int64_t block, int64_t pair, const char* weights, int64_t done) {
    const int64_t tile0 = 2 * pair;
    const int64_t tile1 = std::min(tile0 + 1, job_.tiles - 1);
    const char* a0 = job_.input + job_.tile_in[tile0];
    const char* a1 = job_.input + job_.tile_in[tile1];
    char* sums = SumsOf(done - 1);
    FirstStep(a0, a1, weights, sums);
    if (done >= 2) {
      RestBesideFinish(a0, a1, weights);
    } else {
      for (int64_t k = 1; k < steps_; ++k) Step(a0, a1, weights, k);
    }
    older_ = last_;
    last_ = {.sums = SumsOf(done),
             .block = block,
             .outputs = {job_.tile_out + tile0 * kTileRows,
                         tile1 == tile0 ? kNobodys : job_.tile_out + tile1 * kTileRows}};
  }

  HWY_INLINE void BeginExtras(int64_t block) {
    steps_ = job_.steps;
    if (job_.extra_begin == nullptr) return;
    extras_ = job_.extras + job_.extra_begin[block];
    steps_ += job_.extra_begin[block + 1] - job_.extra_begin[block];
  }

  HWY_INLINE char* SumsOf(int64_t pair) const { return job_.sums + (pair & 1) * kTileSumBytes; }

  // The sums of the pair before leave the tiles.
  HWY_INLINE void FirstStep(const char* a0, const char* a1, const char* weights, char* sums) {
    const int64_t offset = job_.step_offsets[0];
    LoadInput<4>(a0 + offset);
    LoadWeights<6>(weights);
    tiles_.template Store<0>(sums, 64);
    tiles_.template Zero<0>();
    Product::template Dot<0, 4, 6>(tiles_);
    LoadWeights<7>(weights + kTileStepBytes / 2);
    tiles_.template Store<1>(sums + 1024, 64);
    tiles_.template Zero<1>();
    Product::template Dot<1, 4, 7>(tiles_);
    LoadInput<5>(a1 + offset);
    tiles_.template Store<2>(sums + 2048, 64);
    tiles_.template Zero<2>();
    Product::template Dot<2, 5, 6>(tiles_);
    tiles_.template Store<3>(sums + 3072, 64);
    tiles_.template Zero<3>();
    Product::template Dot<3, 5, 7>(tiles_);
    Fetch();
  }

  HWY_INLINE void Step(const char* a0, const char* a1, const char* weights, int64_t k) {
    int64_t input = k;
    const char* w = weights + k * kTileStepBytes;
    if (k >= job_.steps) {
      const TileExtra& extra = extras_[k - job_.steps];
      input = extra.step;
      w = job_.extra_weights + extra.tile * kTileStepBytes;
    }
    const int64_t offset = job_.step_offsets[input];
    LoadInput<4>(a0 + offset);
    LoadWeights<6>(w);
    Product::template Dot<0, 4, 6>(tiles_);
    LoadWeights<7>(w + kTileStepBytes / 2);
    Product::template Dot<1, 4, 7>(tiles_);
    LoadInput<5>(a1 + offset);
    Product::template Dot<2, 5, 6>(tiles_);
    Product::template Dot<3, 5, 7>(tiles_);
    Fetch();
  }

  // The steps behind the first one, and between them the quarters of the pair before the last.
  HWY_INLINE void RestBesideFinish(const char* a0, const char* a1, const char* weights) {
    const int64_t every = std::max<int64_t>(1, steps_ / kQuarters);
    const int64_t together = (kQuarters + steps_ - 1) / steps_;
    int64_t k = 1;
    for (int64_t quarter = 0; quarter < kQuarters;) {
      const int64_t now = std::min(together, kQuarters - quarter);
      Finish(older_, quarter, quarter + now);
      quarter += now;
      for (const int64_t end = std::min(steps_, k + every); k < end; ++k) {
        Step(a0, a1, weights, k);
      }
    }
    for (; k < steps_; ++k) Step(a0, a1, weights, k);
  }

  // What the last two pairs have left.
  HWY_INLINE void Drain(int64_t done) {
    char* sums = SumsOf(done - 1);
    tiles_.template Store<0>(sums, 64);
    tiles_.template Store<1>(sums + 1024, 64);
    tiles_.template Store<2>(sums + 2048, 64);
    tiles_.template Store<3>(sums + 3072, 64);
    if (done > 1) Finish(older_, 0, kQuarters);
    Finish(last_, 0, kQuarters);
  }

  // Quarters of tiles, of a pair's eight.
  HWY_INLINE void Finish(const TileSums& sums, int64_t begin, int64_t end) {
    constexpr int64_t kOfTile = kQuarters / 2;
    while (begin < end) {
      const int64_t now = std::min(end, begin / kOfTile * kOfTile + kOfTile) - begin;
      product_.Finish(sums, begin / kOfTile, begin % kOfTile * kRows, now * kRows);
      begin += now;
    }
  }

  HWY_INLINE void Fetch() {
    for (int64_t line = 0; line < lines_; ++line, ahead_ += 64) __builtin_prefetch(ahead_, 0, 2);
  }

  template <int T>
  HWY_INLINE void LoadInput(const char* from) {
    if constexpr (kStreamInput) {
      tiles_.template LoadStream<T>(from, job_.pixel_stride);
    } else {
      tiles_.template Load<T>(from, job_.pixel_stride);
    }
  }
  template <int T>
  HWY_INLINE void LoadWeights(const char* from) {
    if constexpr (kStreamInput) {
      tiles_.template Load<T>(from, 64);
    } else {
      tiles_.template LoadStream<T>(from, 64);
    }
  }

  static constexpr int64_t kQuarters = 8;
  static constexpr int64_t kRows = 4;  // of a quarter

  Tiles& tiles_;
  const TileJob& job_;
  const Product& product_;
  TileSums last_, older_;
  int64_t steps_ = 0;  // of the block, with its extras
  const TileExtra* extras_ = nullptr;
  int64_t lines_ = 0;
  const char* ahead_ = nullptr;
};

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#endif  // KINGLET_CONV_TILE_LOOP_INL_H_
