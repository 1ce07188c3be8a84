// The input and output transforms, and the entry points of each target.
#include <algorithm>
#include <array>

#include "kernels/common/blocked.h"
#include "kernels/conv/shape.h"
#include "kernels/winograd/line_points.h"
#include "kernels/winograd/winograd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/winograd/transform.cc"
#include "kernels/common/dispatch.h"
#include "kernels/common/epilogue-inl.h"
#include "kernels/common/unroll.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {

void RunGatherGemm(const GatherGemm& g) noexcept;  // kernels/gemm/gather_gemm.cc

namespace {
namespace hn = hwy::HWY_NAMESPACE;

using Tag = hn::CappedTag<float, 16>;
using Vec = hn::Vec<Tag>;
constexpr int kLanes = static_cast<int>(hn::MaxLanes(Tag()));

constexpr float kRoot = 1.41421356f;
constexpr float kHalfRoot = 0.70710678f;

// B^T d. The row of a point x holds the coefficients of M(t) / (t - x), M the product of (t - x)
// over all finite points; the row of infinity those of M.
HWY_INLINE void InputLine(const Vec (&d)[4], Vec (&t)[4]) {
  t[0] = hn::Sub(d[2], d[0]);
  t[1] = hn::Add(d[1], d[2]);
  t[2] = hn::Sub(d[2], d[1]);
  t[3] = hn::Sub(d[3], d[1]);
}

HWY_INLINE void InputLine(const Vec (&d)[6], Vec (&t)[6]) {
  const Tag tag;
  const Vec middle = hn::Set(tag, 2.5f);
  const Vec half = hn::Set(tag, 0.5f);
  const Vec two = hn::Set(tag, 2.0f);
  t[0] = hn::NegMulAdd(d[2], middle, hn::Add(d[0], d[4]));
  t[5] = hn::NegMulAdd(d[3], middle, hn::Add(d[1], d[5]));
  const Vec root = hn::Set(tag, kRoot);
  const Vec even = hn::NegMulAdd(d[2], half, d[4]);
  const Vec odd = hn::NegMulAdd(d[1], half, d[3]);
  t[1] = hn::MulAdd(odd, root, even);
  t[2] = hn::NegMulAdd(odd, root, even);
  const Vec half_root = hn::Set(tag, kHalfRoot);
  const Vec even2 = hn::NegMulAdd(d[2], two, d[4]);
  const Vec odd2 = hn::NegMulAdd(d[1], two, d[3]);
  t[3] = hn::MulAdd(odd2, half_root, even2);
  t[4] = hn::NegMulAdd(odd2, half_root, even2);
}

// A^T m: row k holds x^k of every finite point x; infinity joins the last.
HWY_INLINE void OutputLine(const Vec (&m)[4], Vec (&y)[2]) {
  y[0] = hn::Add(m[0], hn::Add(m[1], m[2]));
  y[1] = hn::Add(m[3], hn::Sub(m[1], m[2]));
}

HWY_INLINE void OutputLine(const Vec (&m)[6], Vec (&y)[2]) {
  const Tag tag;
  const Vec half_root = hn::Set(tag, kHalfRoot);
  const Vec sum = hn::Add(hn::Add(m[1], m[2]), hn::Add(m[3], m[4]));
  const Vec difference2 = hn::MulAdd(hn::Sub(m[3], m[4]), half_root, m[5]);
  y[0] = hn::Add(m[0], sum);
  y[1] = hn::MulAdd(hn::Sub(m[1], m[2]), hn::Set(tag, kRoot), difference2);
}

HWY_INLINE void OutputLine(const Vec (&m)[6], Vec (&y)[4]) {
  const Tag tag;
  const Vec half = hn::Set(tag, 0.5f);
  const Vec two = hn::Set(tag, 2.0f);
  const Vec root = hn::Set(tag, kRoot);
  const Vec half_root = hn::Set(tag, kHalfRoot);
  const Vec sum = hn::Add(m[1], m[2]);
  const Vec difference = hn::Sub(m[1], m[2]);
  const Vec sum2 = hn::Add(m[3], m[4]);
  const Vec difference2 = hn::Sub(m[3], m[4]);
  y[0] = hn::Add(m[0], hn::Add(sum, sum2));
  y[1] = hn::MulAdd(difference, root, hn::Mul(difference2, half_root));
  y[2] = hn::MulAdd(sum, two, hn::Mul(sum2, half));
  // The cubes: 2 sqrt(2) and sqrt(1/2) / 2.
  y[3] = hn::MulAdd(hn::MulAdd(difference, two, hn::Mul(difference2, hn::Set(tag, 0.25f))), root,
                    m[5]);
}

// The sum of d[first], d[first + 2], ... with the polynomial's coefficients.
template <int kFirst, int kTerms, size_t N, size_t D>
HWY_INLINE Vec EveryOther(const std::array<double, N>& polynomial, const Vec (&d)[D]) {
  const Tag tag;
  // The leading coefficient is 1.
  Vec sum = d[kFirst + 2 * (kTerms - 1)];
  KINGLET_UNROLL
  for (int k = 0; k < kTerms - 1; ++k) {
    const Vec coefficient = hn::Set(tag, static_cast<float>(polynomial[static_cast<size_t>(k)]));
    sum = hn::MulAdd(d[kFirst + 2 * k], coefficient, sum);
  }
  return sum;
}

// B^T d of a line. With P the product of (t^2 - x^2) over all pairs, 0 has the row P, infinity t P
// (P where 0 is no point), and a pair the rows t (t +- x) P / (t^2 - x^2) (without that first t).
template <WinogradTile kTile, size_t P>
HWY_INLINE void LineInput(const Vec (&d)[P], Vec (&t)[P]) {
  using Points = LinePoints<kTile>;
  constexpr int kZero = Points::kZero;
  constexpr int kCount = static_cast<int>(Points::kPairs.size());
  static constexpr auto kAll = PairProduct(Points::kPairs);
  static constexpr auto kOthers = OtherPairs(Points::kPairs);
  if (kZero == 1) t[0] = EveryOther<0, kCount + 1>(kAll, d);
  t[P - 1] = EveryOther<kZero, kCount + 1>(kAll, d);
  KINGLET_UNROLL
  for (int i = 0; i < kCount; ++i) {
    const auto pair = static_cast<size_t>(i);
    const Vec x = hn::Set(Tag(), static_cast<float>(Points::kPairs[pair]));
    const Vec low = EveryOther<kZero, kCount>(kOthers[pair], d);
    const Vec high = EveryOther<kZero + 1, kCount>(kOthers[pair], d);
    t[kZero + 2 * i] = hn::MulAdd(low, x, high);
    t[kZero + 2 * i + 1] = hn::NegMulAdd(low, x, high);
  }
}

// A^T m of a line.
template <WinogradTile kTile, size_t P, size_t M>
HWY_INLINE void LineOutput(const Vec (&m)[P], Vec (&y)[M]) {
  using Points = LinePoints<kTile>;
  constexpr int kZero = Points::kZero;
  constexpr int kCount = static_cast<int>(Points::kPairs.size());
  y[0] = hn::Add(m[kZero], m[kZero + 1]);
  if (kZero == 1) y[0] = hn::Add(y[0], m[0]);
  KINGLET_UNROLL
  for (size_t k = 1; k < M; ++k) y[k] = k == M - 1 ? m[P - 1] : hn::Zero(Tag());
  KINGLET_UNROLL
  for (int i = 0; i < kCount; ++i) {
    const Vec sum = hn::Add(m[kZero + 2 * i], m[kZero + 2 * i + 1]);
    const Vec difference = hn::Sub(m[kZero + 2 * i], m[kZero + 2 * i + 1]);
    const double x = Points::kPairs[static_cast<size_t>(i)];
    if (i > 0) y[0] = hn::Add(y[0], sum);
    double power = 1;
    KINGLET_UNROLL
    for (size_t k = 1; k < M; ++k) {
      power *= x;
      const Vec factor = hn::Set(Tag(), static_cast<float>(power));
      y[k] = hn::MulAdd(k % 2 == 0 ? sum : difference, factor, y[k]);
    }
  }
}

// Channels of a stored pixel, of float or of bfloat16 (its bits).
template <typename T>
constexpr int64_t kPixel = kPixelBytes / static_cast<int64_t>(sizeof(T));

HWY_INLINE Vec LoadStored(const float* from) { return hn::Load(Tag(), from); }
HWY_INLINE Vec LoadStored(const uint16_t* from) {
  const hn::Rebind<uint16_t, Tag> d16;
  const hn::RebindToUnsigned<Tag> d32;
  return hn::BitCast(Tag(), hn::ShiftLeft<16>(hn::PromoteTo(d32, hn::Load(d16, from))));
}

// From the beginning of an image to a pixel's block of 16 channels, in elements. `plane`: of a
// channel.
template <typename T>
HWY_INLINE int64_t BlockAt(int64_t block, int64_t plane, int64_t pixel) {
  constexpr int64_t kBlocks = kPixel<T> / kBlock;
  return (block / kBlocks * plane + pixel) * kPixel<T> + block % kBlocks * kBlock;
}

// The input rows and columns of a tile; those outside the input count as zeros.
template <typename T, int P>
struct Window {
  const T* rows[P];    // at column 0 of the tile
  int64_t begin, end;  // columns inside
};

template <typename T, int P>
HWY_INLINE void TransformTile(const Window<T, P>& window, float* v, int64_t point_stride) {
  const Tag tag;
  for (int lane = 0; lane < kBlock; lane += kLanes) {
    alignas(64) float half[P][P][kLanes];
    for (int64_t x = 0; x < P; ++x) {
      Vec d[P];
      Vec t[P];
      if (x >= window.begin && x < window.end) {
        KINGLET_UNROLL
        for (int y = 0; y < P; ++y) d[y] = LoadStored(window.rows[y] + x * kPixel<T> + lane);
        InputLine(d, t);
      } else {
        KINGLET_UNROLL
        for (int y = 0; y < P; ++y) t[y] = hn::Zero(tag);
      }
      KINGLET_UNROLL
      for (int y = 0; y < P; ++y) hn::Store(t[y], tag, half[y][x]);
    }
    float* to = v + lane;
    for (int y = 0; y < P; ++y) {
      Vec d[P];
      Vec t[P];
      KINGLET_UNROLL
      for (int x = 0; x < P; ++x) d[x] = hn::Load(tag, half[y][x]);
      InputLine(d, t);
      KINGLET_UNROLL
      for (int x = 0; x < P; ++x) hn::Store(t[x], tag, to + x * point_stride);
      to += P * point_stride;
    }
  }
}

// One channel block of a tile: `plane` is its block of the image, `v` its place at point 0.
template <typename T, int P>
HWY_INLINE void TransformSquare(const ConvShape& s, const TilePlace& at, const T* plane, float* v,
                                int64_t point_stride) {
  alignas(64) static constexpr T kZeros[P * kPixel<T>] = {};
  const int64_t y0 = at.y - s.pad_top;
  const int64_t x0 = at.x - s.pad_left;
  Window<T, P> window;
  window.begin = std::clamp<int64_t>(-x0, 0, P);
  window.end = std::clamp<int64_t>(s.iw - x0, window.begin, P);
  for (int64_t y = 0; y < P; ++y) {
    const bool inside = y0 + y >= 0 && y0 + y < s.ih && window.begin < window.end;
    window.rows[y] = inside ? plane + ((y0 + y) * s.iw + x0) * kPixel<T> : kZeros;
  }
  TransformTile(window, v, point_stride);
}

template <WinogradTile kTile, typename T>
HWY_INLINE void TransformLine(const ConvShape& s, const TilePlace& at, const T* plane, float* v,
                              int64_t point_stride) {
  constexpr int P = LinePointCount<kTile>();
  alignas(64) static constexpr T kZeros[kBlock] = {};
  const Tag tag;
  const bool across = s.kh == 1;
  const int64_t step = across ? kPixel<T> : s.iw * kPixel<T>;
  const int64_t y0 = at.y - s.pad_top;
  const int64_t x0 = at.x - s.pad_left;
  const bool beside = across ? y0 < 0 || y0 >= s.ih : x0 < 0 || x0 >= s.iw;
  const int64_t begin = across ? x0 : y0;
  const int64_t length = beside ? 0 : across ? s.iw : s.ih;
  const int64_t origin = (y0 * s.iw + x0) * kPixel<T>;
  const T* from[P];
  for (int64_t p = 0; p < P; ++p) {
    const bool inside = begin + p >= 0 && begin + p < length;
    from[p] = inside ? plane + origin + p * step : kZeros;
  }
  for (int lane = 0; lane < kBlock; lane += kLanes) {
    Vec d[P];
    Vec t[P];
    KINGLET_UNROLL
    for (int p = 0; p < P; ++p) d[p] = LoadStored(from[p] + lane);
    LineInput<kTile>(d, t);
    KINGLET_UNROLL
    for (int p = 0; p < P; ++p) hn::Store(t[p], tag, v + lane + p * point_stride);
  }
}

template <WinogradTile kTile, typename T>
HWY_INLINE void Transform(const ConvShape& s, const TilePlace& at, const T* plane, float* v,
                          int64_t point_stride) {
  if constexpr (kTile == WinogradTile::k2) {
    TransformSquare<T, 4>(s, at, plane, v, point_stride);
  } else if constexpr (kTile == WinogradTile::k4 || kTile == WinogradTile::k2Of5) {
    TransformSquare<T, 6>(s, at, plane, v, point_stride);
  } else {
    TransformLine<kTile>(s, at, plane, v, point_stride);
  }
}

template <WinogradTile kTile, typename T>
void TransformInput(const WinogradInputJob& job) noexcept {
  const ConvShape& s = *job.shape;
  const int64_t blocks = BlockCount(s.ic);
  const int64_t plane = s.ih * s.iw;
  const int64_t image = RoundUpToBlock(s.ic, kPixel<T>) * plane;
  const auto* input = static_cast<const T*>(job.input);
  float* v = job.v;
  for (int64_t first = 0; first < job.tiles; first += kWinogradStrip) {
    const int64_t last = std::min(first + kWinogradStrip, job.tiles);
    for (int64_t b = 0; b < blocks; ++b, v += kWinogradStrip * kBlock) {
      for (int64_t i = first; i < last; ++i) {
        const TilePlace& at = job.places[i];
        Transform<kTile>(s, at, input + at.image * image + BlockAt<T>(b, plane, 0),
                         v + (i - first) * kBlock, job.point_stride);
      }
    }
  }
}

// An output tile of one channel block.
struct OutputTile {
  const float* m;
  int64_t point_stride;
  const float* bias;      // 16; may be null
  const float* residual;  // may be null
  float* out;
  int64_t row_stride;  // of out and residual
  int64_t rows, cols;  // inside the output
};

template <int P, int M>
HWY_INLINE void RestoreTile(const OutputTile& tile, const Epilogue& clamp) {
  const Tag tag;
  const Vec low = hn::Set(tag, ClampLow(clamp));
  const Vec high = hn::Set(tag, ClampHigh(clamp));
  for (int lane = 0; lane < kBlock; lane += kLanes) {
    alignas(64) float half[M][P][kLanes];
    const float* from = tile.m + lane;
    for (int x = 0; x < P; ++x, from += tile.point_stride) {
      Vec m[P];
      Vec t[M];
      KINGLET_UNROLL
      for (int y = 0; y < P; ++y) m[y] = hn::Load(tag, from + y * P * tile.point_stride);
      OutputLine(m, t);
      KINGLET_UNROLL
      for (int y = 0; y < M; ++y) hn::Store(t[y], tag, half[y][x]);
    }
    const Vec bias = tile.bias ? hn::Load(tag, tile.bias + lane) : hn::Zero(tag);
    for (int64_t y = 0; y < tile.rows; ++y) {
      Vec m[P];
      Vec t[M];
      KINGLET_UNROLL
      for (int x = 0; x < P; ++x) m[x] = hn::Load(tag, half[y][x]);
      OutputLine(m, t);
      const int64_t at = y * tile.row_stride + lane;
      KINGLET_UNROLL
      for (int x = 0; x < M; ++x) {
        if (x >= tile.cols) break;
        Vec out = hn::Add(t[x], bias);
        if (tile.residual) out = hn::Add(out, hn::Load(tag, tile.residual + at + x * kBlock));
        hn::Store(ClampVec(out, low, high), tag, tile.out + at + x * kBlock);
      }
    }
  }
}

template <WinogradTile kTile>
HWY_INLINE void RestoreLine(const OutputTile& tile, const Epilogue& clamp) {
  constexpr int P = LinePointCount<kTile>();
  constexpr int M = LinePoints<kTile>::kOutputs;
  const Tag tag;
  const Vec low = hn::Set(tag, ClampLow(clamp));
  const Vec high = hn::Set(tag, ClampHigh(clamp));
  const int64_t step = tile.rows == 1 ? kBlock : tile.row_stride;
  const int64_t count = tile.rows * tile.cols;
  for (int lane = 0; lane < kBlock; lane += kLanes) {
    Vec m[P];
    Vec y[M];
    KINGLET_UNROLL
    for (int p = 0; p < P; ++p) m[p] = hn::Load(tag, tile.m + p * tile.point_stride + lane);
    LineOutput<kTile>(m, y);
    const Vec bias = tile.bias ? hn::Load(tag, tile.bias + lane) : hn::Zero(tag);
    KINGLET_UNROLL
    for (int k = 0; k < M; ++k) {
      if (k >= count) break;
      const int64_t at = k * step + lane;
      Vec out = hn::Add(y[k], bias);
      if (tile.residual) out = hn::Add(out, hn::Load(tag, tile.residual + at));
      hn::Store(ClampVec(out, low, high), tag, tile.out + at);
    }
  }
}

// Activations beyond a clamp, and pad lanes, which must be zero although the activation or an
// infinite input made something of them.
void FinishTile(const OutputTile& tile, const Epilogue& epilogue, int64_t lanes) {
  for (int64_t y = 0; y < tile.rows; ++y) {
    float* row = tile.out + y * tile.row_stride;
    if (!IsClamp(epilogue)) {
      ActivateSpan(epilogue, row, static_cast<size_t>(tile.cols * kBlock));
    }
    if (lanes < kBlock) {
      ZeroPadLanes(row, static_cast<size_t>(tile.cols), static_cast<size_t>(lanes));
    }
  }
}

template <WinogradTile kTile>
HWY_INLINE void Restore(const OutputTile& tile, const Epilogue& clamp) {
  if constexpr (kTile == WinogradTile::kLine3 || kTile == WinogradTile::kLine7) {
    RestoreLine<kTile>(tile, clamp);
  } else {
    RestoreTile<LinePointCount<kTile>(), LinePoints<kTile>::kOutputs>(tile, clamp);
  }
}

template <WinogradTile kTile>
void TransformOutput(const WinogradOutputJob& job) noexcept {
  const ConvShape& s = *job.shape;
  const ConvArgs& args = *job.args;
  const auto* residual = static_cast<const float*>(args.residual);
  auto* output = static_cast<float*>(args.output);
  const Epilogue none;
  const Epilogue& clamp = IsClamp(args.epilogue) ? args.epilogue : none;
  const int64_t plane = s.oh * s.ow * kBlock;
  const WinogradExtent extent = WinogradTileExtent(s, kTile);
  OutputTile tile{};
  tile.point_stride = job.point_stride;
  tile.row_stride = s.ow * kBlock;
  for (int64_t b = 0; b < job.blocks; ++b) {
    const int64_t block = job.block + b;
    const int64_t lanes = std::min(kBlock, s.oc - block * kBlock);
    tile.bias = args.bias ? args.bias + block * kBlock : nullptr;
    for (int64_t i = 0; i < job.tiles; ++i) {
      const TilePlace& at = job.places[i];
      const int64_t pixel = (at.y * s.ow + at.x) * kBlock;
      tile.m = job.m + (b * job.tiles + i) * kBlock;
      tile.out = output + at.image * OutputStride(s, args) + block * plane + pixel;
      tile.residual =
          residual ? residual + (at.image * BlockCount(s.oc) + block) * plane + pixel : nullptr;
      tile.rows = std::min(extent.rows, s.oh - at.y);
      tile.cols = std::min(extent.cols, s.ow - at.x);
      Restore<kTile>(tile, clamp);
      if (lanes < kBlock || !IsClamp(args.epilogue)) FinishTile(tile, args.epilogue, lanes);
    }
  }
}

// Of a tile in float32 without residual what is stored as bfloat16: pixel (y, x) of `tile` at
// values[(y * cols + x) * 16]. `lanes` of the block's channels exist; zeros follow to the end of
// the pixel where it is the last one of the output.
struct StoredTile {
  const float* values;
  const uint16_t* residual;  // may be null
  uint16_t* out;
  int64_t row_stride;  // elements, of out and residual
  int64_t rows, cols;
  int64_t lanes;
  bool ends;
};

HWY_NOINLINE void StoreBFloat16(const StoredTile& tile, const Epilogue& epilogue) {
  const Tag tag;
  const float* from = tile.values;
  for (int64_t y = 0; y < tile.rows; ++y) {
    for (int64_t x = 0; x < tile.cols; ++x) {
      const int64_t at = y * tile.row_stride + x * kPixel<uint16_t>;
      for (int64_t lane = 0; lane < kBlock; lane += kLanes, from += kLanes) {
        Vec value = hn::Load(tag, from);
        if (tile.residual) value = hn::Add(value, LoadStored(tile.residual + at + lane));
        const auto there = std::clamp<int64_t>(tile.lanes - lane, 0, kLanes);
        const auto valid = hn::FirstN(tag, static_cast<size_t>(there));
        value = hn::IfThenElseZero(valid, ActivateVec(tag, value, epilogue));
        const hn::Rebind<uint16_t, Tag> d16;
        hn::Store(hn::DemoteTo(d16, BFloat16Bits(tag, value)), d16, tile.out + at + lane);
      }
      if (tile.ends) std::fill_n(tile.out + at + kBlock, kBlock, uint16_t{0});
    }
  }
}

template <WinogradTile kTile>
void TransformOutputBFloat16(const WinogradOutputJob& job) noexcept {
  using T = uint16_t;
  const ConvShape& s = *job.shape;
  const ConvArgs& args = *job.args;
  const Epilogue none;
  const int64_t plane = s.oh * s.ow;
  const int64_t dense = RoundUpToBlock(s.oc, kPixel<T>) * plane;
  const int64_t image = args.output_stride != 0 ? args.output_stride : dense;
  const WinogradExtent extent = WinogradTileExtent(s, kTile);
  constexpr int64_t kMostPixels = LinePoints<kTile>::kOutputs * LinePoints<kTile>::kOutputs;
  alignas(64) float values[kMostPixels * kBlock];
  OutputTile tile{};
  tile.point_stride = job.point_stride;
  tile.out = values;
  StoredTile stored{};
  stored.values = values;
  stored.row_stride = s.ow * kPixel<T>;
  for (int64_t b = 0; b < job.blocks; ++b) {
    const int64_t block = job.block + b;
    tile.bias = args.bias ? args.bias + block * kBlock : nullptr;
    stored.lanes = std::min(kBlock, s.oc - block * kBlock);
    stored.ends = block % 2 == 0 && (block + 1) * kBlock >= s.oc;
    for (int64_t i = 0; i < job.tiles; ++i) {
      const TilePlace& at = job.places[i];
      const int64_t place = BlockAt<T>(block, plane, at.y * s.ow + at.x);
      tile.m = job.m + (b * job.tiles + i) * kBlock;
      tile.rows = stored.rows = std::min(extent.rows, s.oh - at.y);
      tile.cols = stored.cols = std::min(extent.cols, s.ow - at.x);
      tile.row_stride = tile.cols * kBlock;
      Restore<kTile>(tile, none);
      stored.out = static_cast<T*>(args.output) + at.image * image + place;
      stored.residual = args.residual == nullptr
                            ? nullptr
                            : static_cast<const T*>(args.residual) + at.image * dense + place;
      StoreBFloat16(stored, args.epilogue);
    }
  }
}

template <WinogradTile kTile>
void RunWinograd(const ConvShape& s, const ConvArgs& args, int64_t begin, int64_t end,
                 void* scratch) noexcept {
  constexpr WinogradKernels kKernels = {&TransformInput<kTile, float>, &RunGatherGemm,
                                        &TransformOutput<kTile>};
  WinogradRun(s, kTile, kKernels, args, begin, end, scratch);
}

template <WinogradTile kTile>
void RunWinogradBFloat16(const ConvShape& s, const ConvArgs& args, int64_t begin, int64_t end,
                         void* scratch) noexcept {
  constexpr WinogradKernels kKernels = {&TransformInput<kTile, uint16_t>, &RunGatherGemm,
                                        &TransformOutputBFloat16<kTile>};
  WinogradRun(s, kTile, kKernels, args, begin, end, scratch);
}

template <WinogradTile kTile>
ConvRunFn RunOf(ElementType stored) {
  return stored == ElementType::kBFloat16 ? &RunWinogradBFloat16<kTile> : &RunWinograd<kTile>;
}

}  // namespace

ConvRunFn GetRunWinograd(WinogradTile tile, ElementType stored) {
  switch (tile) {
    case WinogradTile::k2:
      return RunOf<WinogradTile::k2>(stored);
    case WinogradTile::k4:
      return RunOf<WinogradTile::k4>(stored);
    case WinogradTile::k2Of5:
      return RunOf<WinogradTile::k2Of5>(stored);
    case WinogradTile::kLine3:
      return RunOf<WinogradTile::kLine3>(stored);
    case WinogradTile::kLine7:
      break;
  }
  return RunOf<WinogradTile::kLine7>(stored);
}

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(Winograd);
HWY_EXPORT(GetRunWinograd);

ConvRunFn ResolveWinograd(WinogradTile tile, ElementType stored) {
  return KINGLET_RESOLVE(GetRunWinograd)(tile, stored);
}

}  // namespace kinglet::kernels
#endif  // HWY_ONCE
