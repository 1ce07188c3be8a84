#include "kernels/nms/box_coder.h"

#include <algorithm>
#include <cstddef>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/nms/box_coder.cc"
#include "kernels/common/dispatch.h"
#include "kernels/eltwise/array-inl.h"
#include "kernels/math/math.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

constexpr int64_t kTile = 64;  // a whole number of vectors

// Rows as structure of arrays: [k][i] is number k of row i.
struct Tile {
  HWY_ALIGN float v[4][kTile];
};

void Gather(const float* rows, const uint32_t* index, int64_t first, int64_t count, int64_t divisor,
            Tile& tile) {
  for (int64_t i = 0; i < count; ++i) {
    const int64_t row = (index != nullptr ? int64_t{index[i]} : first + i) / divisor;
    for (int64_t k = 0; k < 4; ++k) tile.v[k][i] = rows[row * 4 + k];
  }
  for (auto& values : tile.v) std::fill(values + count, values + kTile, 0.0f);
}

template <typename F>
void ForEachVector(int64_t count, F f) {
  const auto lanes = static_cast<int64_t>(hn::Lanes(ArrayTag()));
  for (int64_t i = 0; i < count; i += lanes) f(i);
}

// {first, second} corners of axis k from the centre and the size.
void FromCentre(Tile& code, int64_t count) {
  const ArrayTag d;
  const ArrayVec half = hn::Set(d, 0.5f);
  for (int k = 0; k < 2; ++k) {
    ForEachVector(count, [&](int64_t i) {
      const ArrayVec centre = hn::Load(d, code.v[k] + i);
      const ArrayVec reach = hn::Mul(hn::Load(d, code.v[k + 2] + i), half);
      hn::Store(hn::Sub(centre, reach), d, code.v[k] + i);
      hn::Store(hn::Add(centre, reach), d, code.v[k + 2] + i);
    });
  }
}

void CentreSize(const BoxCoder& coder, const MathTable& math, const Tile& anchor, int64_t count,
                Tile& code) {
  const ArrayTag d;
  const ArrayVec limit = hn::Set(d, coder.max_log_size);
  for (int k = 0; k < 4; ++k) {
    const ArrayVec scale = hn::Set(d, coder.scales[k]);
    ForEachVector(count, [&](int64_t i) {
      const ArrayVec c = hn::Div(hn::Load(d, code.v[k] + i), scale);
      if (k < 2) {
        const ArrayVec size = hn::Load(d, anchor.v[k + 2] + i);
        hn::Store(hn::MulAdd(c, size, hn::Load(d, anchor.v[k] + i)), d, code.v[k] + i);
      } else {
        hn::Store(hn::IfThenElse(hn::Gt(c, limit), limit, c), d, code.v[k] + i);
      }
    });
    if (k < 2) continue;
    math.exp(code.v[k], code.v[k], static_cast<size_t>(count), 0, 0);
    ForEachVector(count, [&](int64_t i) {
      const ArrayVec size = hn::Load(d, anchor.v[k] + i);
      hn::Store(hn::Mul(hn::Load(d, code.v[k] + i), size), d, code.v[k] + i);
    });
  }
  FromCentre(code, count);
}

void Distances(const BoxCoder& coder, const Tile& anchor, int64_t count, Tile& code) {
  const ArrayTag d;
  for (int k = 0; k < 4; ++k) {
    const ArrayVec scale = hn::Set(d, k < 2 ? -coder.scales[k] : coder.scales[k]);
    ForEachVector(count, [&](int64_t i) {
      const ArrayVec distance = hn::Div(hn::Load(d, code.v[k] + i), scale);
      const ArrayVec size = hn::Load(d, anchor.v[k % 2 + 2] + i);
      const ArrayVec point = hn::Load(d, anchor.v[k % 2] + i);
      hn::Store(hn::MulAdd(distance, size, point), d, code.v[k] + i);
    });
  }
}

// NaN stays NaN.
float Clamp(float x, float low, float high) { return x < low ? low : x > high ? high : x; }

void Scatter(const BoxCoder& coder, const Tile& corners, int64_t count, float* boxes) {
  const int x = coder.x_first ? 0 : 1;
  const int from[4] = {x, 1 - x, x + 2, 3 - x};
  for (int64_t i = 0; i < count; ++i) {
    for (int k = 0; k < 4; ++k) {
      const float value = corners.v[from[k]][i];
      boxes[i * 4 + k] =
          coder.clip ? Clamp(value, coder.window[k % 2], coder.window[k % 2 + 2]) : value;
    }
  }
}

void Decode(const BoxCoder& coder, const float* codes, const float* anchors, const uint32_t* rows,
            int64_t count, int64_t rows_per_anchor, float* boxes) noexcept {
  const MathTable& math = GetMathTable();
  Tile code, anchor;
  const bool anchored =
      coder.coding == BoxCoding::kCentreSize || coder.coding == BoxCoding::kDistances;
  for (int64_t first = 0; first < count; first += kTile) {
    const int64_t n = std::min(kTile, count - first);
    const uint32_t* index = rows != nullptr ? rows + first : nullptr;
    Gather(codes, index, first, n, 1, code);
    if (anchored) Gather(anchors, index, first, n, rows_per_anchor, anchor);
    switch (coder.coding) {
      case BoxCoding::kCentreSize:
        CentreSize(coder, math, anchor, n, code);
        break;
      case BoxCoding::kDistances:
        Distances(coder, anchor, n, code);
        break;
      case BoxCoding::kCentres:
        FromCentre(code, n);
        break;
      case BoxCoding::kCorners:
        break;
    }
    Scatter(coder, code, n, boxes + first * 4);
  }
}

}  // namespace

DecodeBoxesFn DecodeBoxesForTarget() { return Decode; }

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

KINGLET_EXPORT_TARGET(BoxCoder);
HWY_EXPORT(DecodeBoxesForTarget);

DecodeBoxesFn GetDecodeBoxes() noexcept { return KINGLET_RESOLVE(DecodeBoxesForTarget)(); }

}  // namespace kinglet::kernels
#endif
