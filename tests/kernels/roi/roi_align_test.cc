#include "kernels/roi/roi_align.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernels/common/aligned.h"
#include "tests/support/guarded_buffer.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::roi_align_test {
namespace {

using testing::ForEachTarget;
using testing::GuardedBuffer;
using testing::RandomFloats;

// The four weighted pixels of a sample, as ONNX's reference has them.
std::vector<float> WeightedPixels(const RoiAlign& p, const float* map, float y, float x) {
  if (y < -1 || y > static_cast<float>(p.height) || x < -1 || x > static_cast<float>(p.width)) {
    return {0, 0, 0, 0};
  }
  y = std::max(y, 0.0f);
  x = std::max(x, 0.0f);
  auto y_low = static_cast<int64_t>(y), x_low = static_cast<int64_t>(x);
  int64_t y_high = y_low + 1, x_high = x_low + 1;
  if (y_low >= p.height - 1) {
    y_low = y_high = p.height - 1;
    y = static_cast<float>(y_low);
  }
  if (x_low >= p.width - 1) {
    x_low = x_high = p.width - 1;
    x = static_cast<float>(x_low);
  }
  const float ly = y - static_cast<float>(y_low), lx = x - static_cast<float>(x_low);
  return {(1 - ly) * (1 - lx) * map[y_low * p.width + x_low],
          (1 - ly) * lx * map[y_low * p.width + x_high],
          ly * (1 - lx) * map[y_high * p.width + x_low], ly * lx * map[y_high * p.width + x_high]};
}

float Bin(const RoiAlign& p, const float* map, const float* region, int64_t py, int64_t px) {
  const float shift = p.half_pixel ? 0.5f : 0;
  const float x = region[0] * p.scale - shift, y = region[1] * p.scale - shift;
  float w = region[2] * p.scale - shift - x, h = region[3] * p.scale - shift - y;
  if (!p.half_pixel) {
    w = std::max(w, 1.0f);
    h = std::max(h, 1.0f);
  }
  const float bin_h = h / static_cast<float>(p.bins_h), bin_w = w / static_cast<float>(p.bins_w);
  const auto count = [&](float bin) {
    return p.samples > 0 ? p.samples : static_cast<int64_t>(std::ceil(bin));
  };
  const int64_t ny = count(bin_h), nx = count(bin_w);
  float sum = 0, best = -HUGE_VALF;
  for (int64_t i = 0; i < ny; ++i) {
    for (int64_t j = 0; j < nx; ++j) {
      const float sy = y + static_cast<float>(py) * bin_h +
                       (static_cast<float>(i) + 0.5f) * bin_h / static_cast<float>(ny);
      const float sx = x + static_cast<float>(px) * bin_w +
                       (static_cast<float>(j) + 0.5f) * bin_w / static_cast<float>(nx);
      for (const float v : WeightedPixels(p, map, sy, sx)) {
        sum += v;
        best = std::max(best, v);
      }
    }
  }
  if (ny <= 0 || nx <= 0) return 0;
  return p.maximum ? best : sum / static_cast<float>(ny * nx);
}

void Check(const RoiAlign& p, const std::vector<float>& regions, bool wide) {
  SCOPED_TRACE(::testing::Message() << p.channels << "x" << p.height << "x" << p.width << " bins "
                                    << p.bins_h << "x" << p.bins_w << " samples " << p.samples
                                    << " half " << p.half_pixel << " max " << p.maximum);
  const GuardedBuffer<float> maps(
      RandomFloats(static_cast<size_t>(p.images * p.channels * p.height * p.width), 3), 1);
  std::vector<int64_t> batch;
  for (int64_t r = 0; r < p.regions; ++r) batch.push_back(r % p.images);
  const std::vector<int32_t> batch32(batch.begin(), batch.end());
  GuardedBuffer<float> out(static_cast<size_t>(p.regions * p.channels * p.bins_h * p.bins_w), 1);
  AlignedBuffer<std::byte> scratch(RoiAlignScratchBytes(p));
  const RoiAlignTable& table = GetRoiAlignTable();
  const auto run = [&](int64_t begin, int64_t end) {
    if (wide) {
      table.index64(p, maps.data(), regions.data(), batch.data(), out.data(), scratch.data(), begin,
                    end);
    } else {
      table.index32(p, maps.data(), regions.data(), batch32.data(), out.data(), scratch.data(),
                    begin, end);
    }
  };
  run(UnitCount(p) / 2, UnitCount(p));
  run(0, UnitCount(p) / 2);
  size_t at = 0;
  for (int64_t r = 0; r < p.regions; ++r) {
    for (int64_t c = 0; c < p.channels; ++c) {
      const float* map =
          maps.data() + (batch[static_cast<size_t>(r)] * p.channels + c) * p.height * p.width;
      for (int64_t y = 0; y < p.bins_h; ++y) {
        for (int64_t x = 0; x < p.bins_w; ++x, ++at) {
          ASSERT_NEAR(out[at], Bin(p, map, &regions[static_cast<size_t>(r * 4)], y, x), 1e-5f)
              << r << ", " << c << ", " << y << ", " << x;
        }
      }
    }
  }
  ASSERT_TRUE(out.Intact());
}

std::vector<float> Regions(int64_t count, float extent) {
  std::vector<float> regions = RandomFloats(static_cast<size_t>(count) * 4, 9, -2, extent);
  for (size_t r = 0; r < regions.size(); r += 4) {
    if (r / 4 % 5 == 4) continue;  // corners the wrong way round
    if (regions[r] > regions[r + 2]) std::swap(regions[r], regions[r + 2]);
    if (regions[r + 1] > regions[r + 3]) std::swap(regions[r + 1], regions[r + 3]);
  }
  return regions;
}

TEST(RoiAlign, ModesSamplesAndChannels) {
  ForEachTarget([] {
    for (const bool maximum : {false, true}) {
      for (const bool half_pixel : {false, true}) {
        for (const int64_t samples : {0, 1, 2, 3}) {
          for (const int64_t channels : {1, 15, 16, 33}) {
            const RoiAlign p = {2, channels, 9, 12, 7, 3, 2, samples, 0.5f, half_pixel, maximum};
            Check(p, Regions(p.regions, 30), samples % 2 == 0);
          }
        }
      }
    }
  });
}

// One small region: pixels are read where they lie.
TEST(RoiAlign, FewRegions) {
  ForEachTarget([] {
    for (const bool maximum : {false, true}) {
      const RoiAlign p = {1, 20, 60, 70, 1, 2, 2, 2, 1.0f, true, maximum};
      Check(p, {3, 4, 30, 20}, true);
    }
  });
}

TEST(RoiAlign, OnePixel) {
  ForEachTarget([] {
    const RoiAlign p = {1, 3, 1, 1, 2, 2, 2, 0, 1.0f, false, false};
    Check(p, {0, 0, 1, 1, -3, -3, 8, 8}, true);
  });
}

// Adaptive sampling of what is much larger than the map, and what has no size.
TEST(RoiAlign, HugeAndMalformedRegions) {
  ForEachTarget([] {
    const float inf = std::numeric_limits<float>::infinity(), nan = std::nanf("");
    for (const bool half_pixel : {false, true}) {
      for (const bool maximum : {false, true}) {
        const RoiAlign p = {1, 2, 5, 6, 6, 2, 3, 0, 1.0f, half_pixel, maximum};
        Check({1, 2, 5, 6, 2, 2, 3, 0, 1.0f, half_pixel, maximum},
              {-300, -200, 250, 320, 0, 0, 900, 4}, true);
        const std::vector<float> odd = {-1e30f, -1e30f, 1e30f,  1e30f, 0,    0,   inf, 3,
                                        nan,    0,      3,      4,     -inf, 0,   1,   1,
                                        3e38f,  0,      -3e38f, 1,     2,    nan, 1,   nan};
        const std::vector<float> maps = RandomFloats(60, 4);
        const std::vector<int64_t> batch(6, 0);
        std::vector<float> out(6 * 2 * 6, nan);
        AlignedBuffer<std::byte> scratch(RoiAlignScratchBytes(p));
        GetRoiAlignTable().index64(p, maps.data(), odd.data(), batch.data(), out.data(),
                                   scratch.data(), 0, UnitCount(p));
        for (size_t i = 0; i < out.size(); ++i) EXPECT_TRUE(std::isfinite(out[i])) << i;
        for (size_t i = 12; i < 48; ++i) EXPECT_EQ(out[i], 0.0f) << i;
      }
    }
  });
}

}  // namespace
}  // namespace kinglet::kernels::roi_align_test
