#include "kernels/pool/pool_nd.h"

#include <cmath>
#include <limits>

#include "kernels/pool/window.h"

namespace kinglet::kernels {
namespace {

struct Taps3 {
  PoolTaps axis[3];
  int64_t Count() const { return axis[0].count() * axis[1].count() * axis[2].count(); }
  int64_t Padded() const { return axis[0].padded * axis[1].padded * axis[2].padded; }
};

PoolAxis AxisOf(const PoolNd& p, int k) {
  return {p.in[k], p.out[k], p.kernel[k], p.stride[k], p.dilation[k], p.pad_begin[k], p.pad_end[k]};
}

// Calls f(position) for each tap inside of the input, position = {i0, i1, i2}.
template <typename F>
void ForEachTap(const PoolNd& p, const Taps3& taps, F f) {
  const PoolTaps &a = taps.axis[0], &b = taps.axis[1], &c = taps.axis[2];
  for (int64_t i = a.begin; i < a.end; ++i) {
    for (int64_t j = b.begin; j < b.end; ++j) {
      for (int64_t k = c.begin; k < c.end; ++k) {
        f(a.start + i * p.dilation[0], b.start + j * p.dilation[1], c.start + k * p.dilation[2]);
      }
    }
  }
}

template <typename T>
T MaxOf(const PoolNd& p, const Taps3& taps, const T* x, int64_t* index) {
  T best = std::numeric_limits<T>::lowest();
  int64_t at = -1;
  ForEachTap(p, taps, [&](int64_t i, int64_t j, int64_t k) {
    const T value = x[(i * p.in[1] + j) * p.in[2] + k];
    if (at >= 0 && !(value > best)) return;
    best = value;
    at = p.column_major ? i * p.in[1] * p.in[2] + j + k * p.in[1] : (i * p.in[1] + j) * p.in[2] + k;
  });
  if (index != nullptr) *index = at;
  return best;
}

// A window that lies in the input, as the offsets of its taps from the first.
class WholeWindow {
 public:
  explicit WholeWindow(const PoolNd& p) {
    const int64_t taps = p.kernel[0] * p.kernel[1] * p.kernel[2];
    if (taps > kMost || p.kind != PoolNdKind::kMax || p.column_major) return;
    for (int64_t i = 0; i < p.kernel[0]; ++i) {
      for (int64_t j = 0; j < p.kernel[1]; ++j) {
        for (int64_t k = 0; k < p.kernel[2]; ++k) {
          offsets_[count_++] =
              (i * p.dilation[0] * p.in[1] + j * p.dilation[1]) * p.in[2] + k * p.dilation[2];
        }
      }
    }
  }

  bool exists() const { return count_ > 0; }

  // The offset of the first of the largest, without a branch on what the elements are.
  template <typename T>
  int64_t Largest(const T* x) const {
    constexpr int64_t kUsual = 4;  // 2x2
    return count_ == kUsual ? LargestOf(x, kUsual) : LargestOf(x, count_);
  }

 private:
  template <typename T>
  int64_t LargestOf(const T* x, int64_t count) const {
    int64_t at = 0;
    for (int64_t t = 1; t < count; ++t) {
      const int64_t better = x[offsets_[t]] > x[at] ? -1 : 0;
      at ^= (at ^ offsets_[t]) & better;
    }
    return at;
  }

  static constexpr int64_t kMost = 64;
  int64_t offsets_[kMost];
  int64_t count_ = 0;  // 0: not of this pool
};

template <typename T>
T NormOrAverage(const PoolNd& p, const Taps3& taps, const T* x) {
  double sum = 0;
  const bool norm = p.kind == PoolNdKind::kLpNorm;
  ForEachTap(p, taps, [&](int64_t i, int64_t j, int64_t k) {
    const double value = static_cast<double>(x[(i * p.in[1] + j) * p.in[2] + k]);
    sum += !norm         ? value
           : p.norm == 1 ? std::abs(value)
           : p.norm == 2 ? value * value
                         : std::pow(std::abs(value), static_cast<double>(p.norm));
  });
  if (norm) {
    return static_cast<T>(p.norm == 1   ? sum
                          : p.norm == 2 ? std::sqrt(sum)
                                        : std::pow(sum, 1 / static_cast<double>(p.norm)));
  }
  const int64_t count = p.kind == PoolNdKind::kAverageWithPad ? taps.Padded() : taps.Count();
  return static_cast<T>(sum / static_cast<double>(std::max(count, int64_t{1})));
}

}  // namespace

int64_t UnitCount(const PoolNd& p) noexcept { return p.maps * p.out[0] * p.out[1]; }

template <typename T>
void RunPoolNd(const PoolNd& p, const T* x, T* y, int64_t* indices, int64_t begin,
               int64_t end) noexcept {
  const int64_t plane = p.in[0] * p.in[1] * p.in[2];
  const WholeWindow whole(p);
  const PoolAxis columns = AxisOf(p, 2);
  const PoolInterior inside = InteriorOf(columns);
  for (int64_t unit = begin; unit < end; ++unit) {
    const int64_t map = unit / (p.out[0] * p.out[1]);
    Taps3 taps;
    taps.axis[0] = TapsAt(AxisOf(p, 0), unit / p.out[1] % p.out[0]);
    taps.axis[1] = TapsAt(AxisOf(p, 1), unit % p.out[1]);
    const bool is_whole = whole.exists() && taps.axis[0].count() == p.kernel[0] &&
                          taps.axis[1].count() == p.kernel[1];
    const int64_t row = map * plane + (taps.axis[0].start * p.in[1] + taps.axis[1].start) * p.in[2];
    for (int64_t o = 0; o < p.out[2]; ++o) {
      const int64_t to = unit * p.out[2] + o;
      if (is_whole && o >= inside.begin && o < inside.end) {
        const int64_t start = row + o * p.stride[2] - p.pad_begin[2];
        const int64_t index = start + whole.Largest(x + start);
        y[to] = x[index];
        if (indices != nullptr) indices[to] = index;
        continue;
      }
      taps.axis[2] = TapsAt(columns, o);
      if (p.kind != PoolNdKind::kMax) {
        y[to] = NormOrAverage(p, taps, x + map * plane);
        continue;
      }
      int64_t index = -1;
      y[to] = MaxOf(p, taps, x + map * plane, &index);
      if (indices != nullptr) indices[to] = index < 0 ? index : index + map * plane;
    }
  }
}

#define KINGLET_POOL_ND(T) \
  template void RunPoolNd<T>(const PoolNd&, const T*, T*, int64_t*, int64_t, int64_t) noexcept;
KINGLET_POOL_ND(float)
KINGLET_POOL_ND(double)
KINGLET_POOL_ND(int8_t)
KINGLET_POOL_ND(uint8_t)
#undef KINGLET_POOL_ND

}  // namespace kinglet::kernels
