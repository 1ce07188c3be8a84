#include "kernels/resize/picture.h"

#include <algorithm>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "kernels/resize/picture.cc"
#include "kernels/common/dispatch.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {
namespace {

namespace hn = hwy::HWY_NAMESPACE;

using D = hn::ScalableTag<float>;
using V = hn::Vec<D>;
using DI = hn::RebindToSigned<D>;

// Calls vector(i) for i in steps of the vector length; the last step overlaps the one before, so
// that nothing beyond `count` is touched. False when `count` is below one vector.
template <class F>
HWY_INLINE bool ForVectors(size_t count, F&& vector) {
  const size_t lanes = hn::Lanes(D());
  if (count < lanes) return false;
  size_t i = 0;
  for (; i + lanes <= count; i += lanes) vector(i);
  if (i != count) vector(count - lanes);
  return true;
}

// ---- Linear: horizontally into three planes of `plane` floats.

struct TwoPixels {
  V first[3], second[3];
};

// Pixels at byte offsets `at`, one 32-bit load each: the fourth byte is the next pixel's.
HWY_INLINE void GatherPixels(const uint8_t* row, hn::Vec<DI> at, V* channels) {
  const D d;
  const DI di;
  const auto mask = hn::Set(di, 255);
  const auto pixels = hn::GatherOffset(di, reinterpret_cast<const int32_t*>(row), at);
  channels[0] = hn::ConvertTo(d, hn::And(pixels, mask));
  channels[1] = hn::ConvertTo(d, hn::And(hn::ShiftRight<8>(pixels), mask));
  channels[2] = hn::ConvertTo(d, hn::And(hn::ShiftRight<16>(pixels), mask));
}

void LinearRow(const uint8_t* row, const LinearTaps& x, size_t safe, float* HWY_RESTRICT out,
               size_t plane) {
  const D d;
  const DI di;
  const auto vector = [&](size_t i) HWY_ATTR {
    const auto first = hn::LoadU(di, x.first + i), second = hn::LoadU(di, x.second + i);
    TwoPixels p;
    GatherPixels(row, hn::Add(hn::Add(first, first), first), p.first);
    GatherPixels(row, hn::Add(hn::Add(second, second), second), p.second);
    const V fraction = hn::LoadU(d, x.fraction + i);
    for (size_t c = 0; c < 3; ++c) {
      const V value = hn::MulAdd(hn::Sub(p.second[c], p.first[c]), fraction, p.first[c]);
      hn::StoreU(value, d, out + c * plane + i);
    }
  };
  for (size_t i = ForVectors(safe, vector) ? safe : 0; i < x.count; ++i) {
    const uint8_t* first = row + size_t{3} * static_cast<size_t>(x.first[i]);
    const uint8_t* second = row + size_t{3} * static_cast<size_t>(x.second[i]);
    for (size_t c = 0; c < 3; ++c) {
      const float a = first[c], b = second[c];
      out[c * plane + i] = a + (b - a) * x.fraction[i];
    }
  }
}

// ---- Output of one row.

HWY_INLINE void StoreRow(const PictureOutput& out, float* row, size_t i, V red, V green, V blue) {
  const D d;
  if (!out.interleaved) {
    hn::StoreU(red, d, row + out.channel[0] + i);
    hn::StoreU(green, d, row + out.channel[1] + i);
    hn::StoreU(blue, d, row + out.channel[2] + i);
    return;
  }
  if (out.channel[0] == 0) {
    hn::StoreInterleaved3(red, green, blue, d, row + 3 * i);
  } else {
    hn::StoreInterleaved3(blue, green, red, d, row + 3 * i);
  }
}

HWY_INLINE V Normalised(const PictureOutput& out, size_t c, V value) {
  const D d;
  return hn::Mul(hn::Sub(value, hn::Set(d, out.mean[c])), hn::Set(d, out.scale[c]));
}

HWY_INLINE void StoreOne(const PictureOutput& out, float* row, size_t i, size_t c, float value) {
  row[out.channel[c] + (out.interleaved ? 3 * i : i)] = (value - out.mean[c]) * out.scale[c];
}

void LinearOutput(const float* top, const float* bottom, size_t plane, float fraction, size_t count,
                  const PictureOutput& out, float* row) {
  const D d;
  const V f = hn::Set(d, fraction);
  const auto vector = [&](size_t i) HWY_ATTR {
    V values[3];
    for (size_t c = 0; c < 3; ++c) {
      const V a = hn::LoadU(d, top + c * plane + i), b = hn::LoadU(d, bottom + c * plane + i);
      values[c] = Normalised(out, c, hn::MulAdd(hn::Sub(b, a), f, a));
    }
    StoreRow(out, row, i, values[0], values[1], values[2]);
  };
  if (ForVectors(count, vector)) return;
  for (size_t i = 0; i < count; ++i) {
    for (size_t c = 0; c < 3; ++c) {
      const float a = top[c * plane + i], b = bottom[c * plane + i];
      StoreOne(out, row, i, c, a + (b - a) * fraction);
    }
  }
}

void Linear(const uint8_t* src, size_t src_stride, size_t src_width, const LinearTaps& x,
            const LinearTaps& y, const PictureOutput& out, float* scratch) noexcept {
  const size_t plane = LinearScratch(x.count) / 6;
  float* rows[2] = {scratch, scratch + 3 * plane};
  int32_t held[2] = {-1, -1};
  // Outputs whose 32-bit loads stay inside the row.
  size_t safe = x.count;
  while (safe > 0 && static_cast<size_t>(x.second[safe - 1]) + 1 >= src_width) --safe;
  const auto make = [&](size_t slot, int32_t source) HWY_ATTR {
    if (held[slot] == source) return;
    LinearRow(src + static_cast<size_t>(source) * src_stride, x, safe, rows[slot], plane);
    held[slot] = source;
  };
  for (size_t i = 0; i < y.count; ++i) {
    const int32_t first = y.first[i], second = y.second[i];
    if (held[1] == first) {
      std::swap(rows[0], rows[1]);
      std::swap(held[0], held[1]);
    }
    make(0, first);
    const bool one_row = first == second || y.fraction[i] == 0.0f;
    if (!one_row) make(1, second);
    LinearOutput(rows[0], one_row ? rows[0] : rows[1], plane, y.fraction[i], x.count, out,
                 out.data + i * out.row_stride);
  }
}

// ---- Filter: vertically into one row of pixels of three floats, then horizontally into another.

void FilterColumns(const uint8_t* src, size_t src_stride, const float* weights, size_t taps,
                   size_t samples, float* HWY_RESTRICT out) {
  const D d;
  const DI di;
  const hn::Rebind<uint8_t, D> du8;
  const auto load = [&](size_t k, size_t i) HWY_ATTR {
    const auto bytes = hn::LoadU(du8, src + k * src_stride + i);
    return hn::ConvertTo(d, hn::PromoteTo(di, bytes));
  };
  const auto vector = [&](size_t i) HWY_ATTR {
    V sum = hn::Zero(d);
    for (size_t k = 0; k < taps; ++k) sum = hn::MulAdd(load(k, i), hn::Set(d, weights[k]), sum);
    hn::StoreU(sum, d, out + i);
  };
  // Four vectors at a time, for longer runs in each of the many source rows.
  const size_t lanes = hn::Lanes(d), wide = samples / (4 * lanes) * (4 * lanes);
  for (size_t i = 0; i < wide; i += 4 * lanes) {
    V sum0 = hn::Zero(d), sum1 = hn::Zero(d), sum2 = hn::Zero(d), sum3 = hn::Zero(d);
    for (size_t k = 0; k < taps; ++k) {
      const V weight = hn::Set(d, weights[k]);
      sum0 = hn::MulAdd(load(k, i), weight, sum0);
      sum1 = hn::MulAdd(load(k, i + lanes), weight, sum1);
      sum2 = hn::MulAdd(load(k, i + 2 * lanes), weight, sum2);
      sum3 = hn::MulAdd(load(k, i + 3 * lanes), weight, sum3);
    }
    hn::StoreU(sum0, d, out + i);
    hn::StoreU(sum1, d, out + i + lanes);
    hn::StoreU(sum2, d, out + i + 2 * lanes);
    hn::StoreU(sum3, d, out + i + 3 * lanes);
  }
  for (size_t i = wide; i + lanes <= samples; i += lanes) vector(i);
  if (samples >= lanes) {
    if (samples % lanes != 0) vector(samples - lanes);
    return;
  }
  for (size_t i = 0; i < samples; ++i) {
    float sum = 0.0f;
    for (size_t k = 0; k < taps; ++k) {
      sum += static_cast<float>(src[k * src_stride + i]) * weights[k];
    }
    out[i] = sum;
  }
}

// Reads and writes one float more than the pixels have: scratch memory on both sides.
void FilterRow(const float* HWY_RESTRICT row, const FilterTaps& x, float* HWY_RESTRICT out) {
  for (size_t i = 0; i < x.count; ++i) {
    const float* first = row + size_t{3} * static_cast<size_t>(x.first[i]);
    const float* weights = x.weights + i * x.taps;
#if HWY_TARGET == HWY_SCALAR
    for (size_t c = 0; c < 3; ++c) {
      float sum = 0.0f;
      for (size_t k = 0; k < x.taps; ++k) sum += first[3 * k + c] * weights[k];
      out[3 * i + c] = sum;
    }
#else
    const hn::FixedTag<float, 4> d4;
    auto sum = hn::Zero(d4);
    for (size_t k = 0; k < x.taps; ++k) {
      sum = hn::MulAdd(hn::LoadU(d4, first + 3 * k), hn::Set(d4, weights[k]), sum);
    }
    hn::StoreU(sum, d4, out + 3 * i);
#endif
  }
}

void FilterOutput(const float* pixels, size_t count, const PictureOutput& out, float* row) {
  const D d;
  const auto vector = [&](size_t i) HWY_ATTR {
    V red, green, blue;
    hn::LoadInterleaved3(d, pixels + 3 * i, red, green, blue);
    StoreRow(out, row, i, Normalised(out, 0, red), Normalised(out, 1, green),
             Normalised(out, 2, blue));
  };
  if (ForVectors(count, vector)) return;
  for (size_t i = 0; i < count; ++i) {
    for (size_t c = 0; c < 3; ++c) StoreOne(out, row, i, c, pixels[3 * i + c]);
  }
}

void Filter(const uint8_t* src, size_t src_stride, size_t src_width, const FilterTaps& x,
            const FilterTaps& y, const PictureOutput& out, float* scratch) noexcept {
  float* columns = scratch;
  float* pixels = scratch + 3 * src_width + 1;
  for (size_t i = 0; i < y.count; ++i) {
    FilterColumns(src + static_cast<size_t>(y.first[i]) * src_stride, src_stride,
                  y.weights + i * y.taps, y.taps, 3 * src_width, columns);
    FilterRow(columns, x, pixels);
    FilterOutput(pixels, x.count, out, out.data + i * out.row_stride);
  }
}

}  // namespace

const PictureTable* PictureTableForTarget() {
  static constexpr PictureTable kTable = {&Linear, &Filter};
  return &kTable;
}

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace kinglet::kernels {

size_t LinearScratch(size_t out_width) noexcept { return 6 * out_width; }
size_t FilterScratch(size_t src_width, size_t out_width) noexcept {
  return 3 * src_width + 3 * out_width + 2;
}

KINGLET_EXPORT_TARGET(Picture);
HWY_EXPORT(PictureTableForTarget);

const PictureTable& GetPictureTable() noexcept { return *KINGLET_RESOLVE(PictureTableForTarget)(); }

}  // namespace kinglet::kernels
#endif
