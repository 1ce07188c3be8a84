// The input and output transforms, and the entry points of each target.
#include <algorithm>

#include "kernels/common/blocked.h"
#include "kernels/conv/shape.h"
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

// The input rows and columns of a tile; those outside the input count as zeros.
template <int P>
struct Window {
  const float* rows[P];  // at column 0 of the tile
  int64_t begin, end;    // columns inside
};

template <int P>
HWY_INLINE void TransformTile(const Window<P>& window, float* v, int64_t point_stride) {
  const Tag tag;
  for (int lane = 0; lane < kBlock; lane += kLanes) {
    alignas(64) float half[P][P][kLanes];
    for (int64_t x = 0; x < P; ++x) {
      Vec d[P];
      Vec t[P];
      if (x >= window.begin && x < window.end) {
        KINGLET_UNROLL
        for (int y = 0; y < P; ++y) d[y] = hn::Load(tag, window.rows[y] + x * kBlock + lane);
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

template <int P>
void TransformInput(const WinogradInputJob& job) noexcept {
  alignas(64) static constexpr float kZeros[P * kBlock] = {};
  const ConvShape& s = *job.shape;
  const int64_t blocks = BlockCount(s.ic);
  const int64_t plane = s.ih * s.iw * kBlock;
  float* v = job.v;
  for (int64_t first = 0; first < job.tiles; first += kWinogradStrip) {
    const int64_t last = std::min(first + kWinogradStrip, job.tiles);
    for (int64_t b = 0; b < blocks; ++b, v += kWinogradStrip * kBlock) {
      for (int64_t i = first; i < last; ++i) {
        const TilePlace& at = job.places[i];
        const int64_t y0 = at.y - s.pad_top;
        const int64_t x0 = at.x - s.pad_left;
        const float* in = job.input + (at.image * blocks + b) * plane;
        Window<P> window;
        window.begin = std::clamp<int64_t>(-x0, 0, P);
        window.end = std::clamp<int64_t>(s.iw - x0, window.begin, P);
        for (int64_t y = 0; y < P; ++y) {
          const bool inside = y0 + y >= 0 && y0 + y < s.ih && window.begin < window.end;
          window.rows[y] = inside ? in + ((y0 + y) * s.iw + x0) * kBlock : kZeros;
        }
        TransformTile<P>(window, v + (i - first) * kBlock, job.point_stride);
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

template <int M>
HWY_INLINE void RestoreTile(const OutputTile& tile, const Epilogue& clamp) {
  constexpr int P = M + 2;
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

template <int M>
void TransformOutput(const WinogradOutputJob& job) noexcept {
  const ConvShape& s = *job.shape;
  const ConvArgs& args = *job.args;
  const Epilogue none;
  const Epilogue& clamp = IsClamp(args.epilogue) ? args.epilogue : none;
  const int64_t plane = s.oh * s.ow * kBlock;
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
      tile.out = args.output + at.image * OutputStride(s, args) + block * plane + pixel;
      tile.residual = args.residual
                          ? args.residual + (at.image * BlockCount(s.oc) + block) * plane + pixel
                          : nullptr;
      tile.rows = std::min<int64_t>(M, s.oh - at.y);
      tile.cols = std::min<int64_t>(M, s.ow - at.x);
      RestoreTile<M>(tile, clamp);
      if (lanes < kBlock || !IsClamp(args.epilogue)) FinishTile(tile, args.epilogue, lanes);
    }
  }
}

template <WinogradTile kTile>
void RunWinograd(const ConvShape& s, const ConvArgs& args, int64_t begin, int64_t end,
                 void* scratch) noexcept {
  constexpr int kM = static_cast<int>(kTile);
  constexpr WinogradKernels kKernels = {&TransformInput<kM + 2>, &RunGatherGemm,
                                        &TransformOutput<kM>};
  WinogradRun(s, kTile, kKernels, args, begin, end, scratch);
}

}  // namespace

ConvRunFn GetRunWinograd(WinogradTile tile) {
  return tile == WinogradTile::k2 ? &RunWinograd<WinogradTile::k2> : &RunWinograd<WinogradTile::k4>;
}

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

HWY_EXPORT(GetRunWinograd);

ConvRunFn ResolveWinograd(WinogradTile tile) { return KINGLET_RESOLVE(GetRunWinograd)(tile); }

}  // namespace kinglet::kernels
#endif  // HWY_ONCE
