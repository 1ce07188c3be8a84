#include "kernels/quantize/quantize.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "tests/support/guarded_buffer.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::quantize_test {
namespace {

using testing::ForEachTarget;
using testing::GuardedBuffer;
using testing::RandomFloats;

// ONNX's formula with IEEE float32 division; std::nearbyint rounds half to even.
int32_t Quantized(float x, float scale, int32_t zero, QuantizedRange range) {
  if (std::isnan(x)) return range.low;
  const double q = std::nearbyint(static_cast<double>(x / scale)) + zero;
  return static_cast<int32_t>(std::min<double>(std::max<double>(q, range.low), range.high));
}

// With ties, values far beyond the range, and both zeros.
std::vector<float> Values(size_t n, float scale) {
  auto x = RandomFloats(n, 81, -200 * scale, 200 * scale);
  for (size_t i = 0; i < n; i += 3) {
    x[i] = (static_cast<float>(i % 29) - 14.5f) * scale;
  }
  if (n > 8) x[7] = 1e30f, x[8] = -1e30f, x[5] = -0.0f;
  return x;
}

struct Fixture {
  Quantization shape;
  std::vector<float> scales;
  std::vector<int32_t> zeros;
  size_t Count() const { return static_cast<size_t>(shape.outer * shape.axis * shape.inner); }
  size_t Index(size_t i) const {
    return i / static_cast<size_t>(shape.inner) % static_cast<size_t>(shape.axis);
  }
};

Fixture Make(int64_t outer, int64_t axis, int64_t inner, QuantizedRange range) {
  Fixture f{{outer, axis, inner, nullptr, nullptr}, {}, {}};
  for (int64_t k = 0; k < axis; ++k) {
    f.scales.push_back(0.037f * static_cast<float>(k % 5 + 1));
    f.zeros.push_back(range.low + static_cast<int32_t>((k * 37 + 128) % 256));
  }
  return f;
}

template <typename F>
void InHalves(int64_t units, F f) {
  f(units / 2, units);
  f(int64_t{0}, units / 2);
}

template <typename Q>
void CheckTypes(Fixture f, QuantizedRange range, QuantizeFn<float, Q> quantize,
                QuantizeFn<Q, float> dequantize) {
  f.shape.scales = f.scales.data();
  f.shape.zero_points = f.zeros.data();
  const size_t n = f.Count();
  const GuardedBuffer<float> x(Values(n, 0.05f), n % 3);
  GuardedBuffer<Q> q(n, 1);
  GuardedBuffer<float> y(n, 1), trip(x.values(), 2);
  const int64_t units = UnitCount(f.shape);
  InHalves(units, [&](int64_t b, int64_t e) { quantize(f.shape, x.data(), q.data(), b, e); });
  InHalves(units, [&](int64_t b, int64_t e) { dequantize(f.shape, q.data(), y.data(), b, e); });
  InHalves(units, [&](int64_t b, int64_t e) {
    GetQuantizeTable().round_trip(f.shape, range, trip.data(), trip.data(), b, e);
  });
  for (size_t i = 0; i < n; ++i) {
    const size_t k = f.Index(i);
    const int32_t want = Quantized(x[i], f.scales[k], f.zeros[k], range);
    ASSERT_EQ(static_cast<int32_t>(q[i]), want) << x[i] << " / " << f.scales[k];
    ASSERT_EQ(y[i], static_cast<float>(want - f.zeros[k]) * f.scales[k]);
    ASSERT_EQ(trip[i], y[i]);
  }
  ASSERT_TRUE(q.Intact() && y.Intact() && trip.Intact());
}

void CheckShape(int64_t outer, int64_t axis, int64_t inner) {
  SCOPED_TRACE(::testing::Message() << outer << 'x' << axis << 'x' << inner);
  const QuantizeTable& t = GetQuantizeTable();
  CheckTypes<uint8_t>(Make(outer, axis, inner, kUint8Range), kUint8Range, t.to_uint8, t.from_uint8);
  CheckTypes<int8_t>(Make(outer, axis, inner, kInt8Range), kInt8Range, t.to_int8, t.from_int8);
}

TEST(Quantize, PerTensorAtEveryLength) {
  ForEachTarget([] {
    for (int64_t n = 0; n <= 70; ++n) CheckShape(1, 1, n);
    CheckShape(1, 1, 10000);
    CheckShape(5, 1, 1);
  });
}

TEST(Quantize, PerAxis) {
  ForEachTarget([] {
    for (const int64_t inner : {1, 2, 9, 16, 33, 4099}) {
      for (const int64_t axis : {1, 3, 17, 40}) CheckShape(2, axis, inner);
    }
  });
}

TEST(Quantize, DequantizeInt32) {
  ForEachTarget([] {
    for (size_t n = 0; n <= 70; ++n) {
      std::vector<int32_t> values(n);
      for (size_t i = 0; i < n; ++i) {
        values[i] = static_cast<int32_t>(static_cast<uint32_t>(i) * 0x9E3779B9u);
      }
      const GuardedBuffer<int32_t> x(values, 1);
      GuardedBuffer<float> y(n);
      const float scale = 0.125f;
      const int32_t zero = 0;
      const Quantization q = {1, 1, static_cast<int64_t>(n), &scale, &zero};
      GetQuantizeTable().from_int32(q, x.data(), y.data(), 0, UnitCount(q));
      for (size_t i = 0; i < n; ++i) ASSERT_EQ(y[i], static_cast<float>(x[i]) * scale);
      ASSERT_TRUE(y.Intact());
    }
  });
}

TEST(Quantize, NanAndInfinitySaturate) {
  ForEachTarget([] {
    const float inf = std::numeric_limits<float>::infinity(), scale = 0.5f;
    std::vector<float> x(19, std::nanf("")), y(19);
    x[1] = x[17] = inf;
    x[2] = x[18] = -inf;
    const int32_t zero = 5;
    const Quantization q = {1, 1, 19, &scale, &zero};
    std::vector<int8_t> bytes(19);
    GetQuantizeTable().to_int8(q, x.data(), bytes.data(), 0, 1);
    GetQuantizeTable().round_trip(q, kInt8Range, x.data(), y.data(), 0, 1);
    for (const size_t i : {0u, 16u}) {
      EXPECT_EQ(bytes[i], -128);
      EXPECT_EQ(bytes[i + 1], 127);
      EXPECT_EQ(bytes[i + 2], -128);
      EXPECT_EQ(y[i], -66.5f);
      EXPECT_EQ(y[i + 1], 61.0f);
      EXPECT_EQ(y[i + 2], -66.5f);
    }
  });
}

TEST(Quantize, BlockedRoundTripKeepsPadLanes) {
  ForEachTarget([] {
    for (const size_t channels : {1u, 7u, 16u}) {
      for (const size_t pixels : {0u, 1u, 5u}) {
        for (const QuantizedRange range : {kUint8Range, kInt8Range}) {
          std::vector<float> scales(16, 1.0f);
          std::vector<int32_t> zeros(16, 0);
          for (size_t l = 0; l < channels; ++l) {
            scales[l] = 0.01f * static_cast<float>(l + 1);
            zeros[l] = range.low + static_cast<int32_t>(l * 15);
          }
          auto before = RandomFloats(pixels * 16, 82, -3, 3);
          for (size_t i = 0; i < before.size(); ++i) {
            if (i % 16 >= channels) before[i] = 0.0f;
          }
          GuardedBuffer<float> y(pixels * 16, 1);
          std::copy(before.begin(), before.end(), y.begin());
          GetQuantizeTable().round_trip_blocked(scales.data(), zeros.data(), range, y.data(),
                                                y.data(), pixels);
          for (size_t i = 0; i < y.size(); ++i) {
            const size_t l = i % 16;
            const int32_t q = Quantized(before[i], scales[l], zeros[l], range);
            ASSERT_EQ(y[i], l < channels ? static_cast<float>(q - zeros[l]) * scales[l] : 0.0f);
          }
          ASSERT_TRUE(y.Intact());
        }
      }
    }
  });
}

// Blocks of 64 codes beside their blocks of float32, pad lanes at the end.
TEST(Quantize, CodeBlocksBothWays) {
  ForEachTarget([] {
    for (const size_t channels : {1u, 16u, 17u, 40u, 63u, 64u}) {
      const size_t blocks = (channels + 15) / 16, pixels = 5;
      std::vector<float> scales(64, 1.0f);
      std::vector<int32_t> zeros(64, 0);
      for (size_t c = 0; c < channels; ++c) {
        scales[c] = 0.01f * static_cast<float>(c + 1);
        zeros[c] = static_cast<int32_t>(c * 3);
      }
      const auto values = Values(blocks * pixels * 16, 0.3f);
      std::vector<GuardedBuffer<float>> x;
      std::vector<const float*> from;
      std::vector<float*> to;
      for (size_t k = 0; k < blocks; ++k) {
        x.emplace_back(pixels * 16, 1);
        for (size_t i = 0; i < pixels * 16; ++i) {
          x[k].data()[i] = k * 16 + i % 16 < channels ? values[k * pixels * 16 + i] : 0.0f;
        }
      }
      for (size_t k = 0; k < blocks; ++k) from.push_back(x[k].data());
      GuardedBuffer<uint8_t> codes(pixels * 64, 1);
      std::fill(codes.begin(), codes.end(), uint8_t{9});
      GetQuantizeTable().to_code_block(scales.data(), zeros.data(), from.data(), blocks,
                                       codes.data(), pixels);
      ASSERT_TRUE(codes.Intact());
      for (size_t i = 0; i < pixels * 64; ++i) {
        const size_t c = i % 64;
        const int32_t want = c < channels ? Quantized(x[c / 16].data()[i / 64 * 16 + c % 16],
                                                      scales[c], zeros[c], kUint8Range)
                                          : 0;
        ASSERT_EQ(codes.data()[i], want) << channels << " channels, code " << i;
      }
      for (size_t k = 0; k < blocks; ++k) {
        std::fill(x[k].begin(), x[k].end(), 9.0f);
        to.push_back(x[k].data());
      }
      GetQuantizeTable().from_code_block(scales.data(), zeros.data(), codes.data(), to.data(),
                                         blocks, pixels);
      for (size_t k = 0; k < blocks; ++k) {
        for (size_t i = 0; i < pixels * 16; ++i) {
          const size_t c = k * 16 + i % 16;
          const int32_t q = codes.data()[i / 16 * 64 + c];
          ASSERT_EQ(x[k].data()[i], static_cast<float>(q - zeros[c]) * scales[c]);
        }
        ASSERT_TRUE(x[k].Intact());
      }
    }
  });
}

TEST(Quantize, RangeOfEveryLengthHasZeroInItAndNoNan) {
  ForEachTarget([] {
    const auto range = GetQuantizeTable().range;
    for (size_t n = 0; n <= 140; ++n) {
      std::vector<float> x = RandomFloats(n, 83, -3, 2);
      for (size_t i = 1; i < n; i += 5) x[i] = std::nanf("");
      for (const float shift : {0.0f, 10.0f, -10.0f}) {
        float low = 0, high = 0;
        for (float& v : x) {
          v += shift;
          if (std::isnan(v)) continue;
          low = std::min(low, v);
          high = std::max(high, v);
        }
        const GuardedBuffer<float> guarded(x, 1);
        const ValueRange found = range(guarded.data(), n);
        ASSERT_EQ(found.low, low) << n;
        ASSERT_EQ(found.high, high) << n;
      }
    }
  });
}

TEST(Quantize, NothingToDo) {
  EXPECT_EQ(UnitCount(Quantization{1, 1, 0, nullptr, nullptr}), 0);
  EXPECT_EQ(UnitCount(Quantization{1, 0, 5, nullptr, nullptr}), 0);
}

}  // namespace
}  // namespace kinglet::kernels::quantize_test
