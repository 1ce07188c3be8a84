// The picture kernels against their formulas in double, on every target, with sizes from one pixel
// to beyond two vectors, and exact buffers so that a wrong access shows.
#include "kernels/resize/picture.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "tests/support/targets.h"

namespace kinglet::kernels::picture_test {
namespace {

constexpr float kUntouched = -12345.0f;

struct Source {
  size_t width, height, stride;
  std::vector<uint8_t> bytes;  // ends with the last sample of the last row

  double At(int64_t y, int64_t x, size_t c) const {
    return bytes[static_cast<size_t>(y) * stride + 3 * static_cast<size_t>(x) + c];
  }
};

Source RandomSource(std::mt19937& random, size_t width, size_t height, size_t margin) {
  Source s{width, height, 3 * width + margin, {}};
  s.bytes.resize((height - 1) * s.stride + 3 * width);
  for (uint8_t& byte : s.bytes) byte = static_cast<uint8_t>(random());
  return s;
}

struct Linear {
  std::vector<int32_t> first, second;
  std::vector<float> fraction;
  LinearTaps taps() const { return {first.data(), second.data(), fraction.data(), first.size()}; }
};

Linear RandomLinear(std::mt19937& random, size_t in, size_t count) {
  Linear axis;
  for (size_t i = 0; i < count; ++i) axis.first.push_back(static_cast<int32_t>(random() % in));
  std::sort(axis.first.begin(), axis.first.end());
  for (const int32_t first : axis.first) {
    axis.second.push_back(std::min(first + 1, static_cast<int32_t>(in) - 1));
    axis.fraction.push_back(random() % 5 == 0 ? 0.0f : static_cast<float>(random() % 1000) / 999);
  }
  return axis;
}

struct Filter {
  std::vector<int32_t> first;
  std::vector<float> weights;
  size_t taps_count = 0;
  FilterTaps taps() const { return {first.data(), weights.data(), taps_count, first.size()}; }
};

Filter RandomFilter(std::mt19937& random, size_t in, size_t count) {
  Filter axis;
  axis.taps_count = 1 + random() % std::min<size_t>(in, 7);
  for (size_t i = 0; i < count; ++i) {
    axis.first.push_back(static_cast<int32_t>(random() % (in - axis.taps_count + 1)));
    for (size_t k = 0; k < axis.taps_count; ++k) {
      axis.weights.push_back(static_cast<float>(random() % 1000) / 1000.0f /
                             static_cast<float>(axis.taps_count));
    }
  }
  return axis;
}

double LinearAt(const Source& s, const Linear& x, const Linear& y, size_t row, size_t col,
                size_t c) {
  const auto horizontal = [&](int32_t source_row) {
    const double a = s.At(source_row, x.first[col], c), b = s.At(source_row, x.second[col], c);
    return a + (b - a) * static_cast<double>(x.fraction[col]);
  };
  const double a = horizontal(y.first[row]), b = horizontal(y.second[row]);
  return a + (b - a) * static_cast<double>(y.fraction[row]);
}

double FilterAt(const Source& s, const Filter& x, const Filter& y, size_t row, size_t col,
                size_t c) {
  double sum = 0;
  for (size_t i = 0; i < y.taps_count; ++i) {
    for (size_t j = 0; j < x.taps_count; ++j) {
      sum +=
          static_cast<double>(y.weights[row * y.taps_count + i]) *
          static_cast<double>(x.weights[col * x.taps_count + j]) *
          s.At(y.first[row] + static_cast<int64_t>(i), x.first[col] + static_cast<int64_t>(j), c);
    }
  }
  return sum;
}

// An output in the middle of a larger buffer, so that rows have gaps that must stay untouched.
struct Output {
  size_t width, height;
  PictureOutput out{};
  std::vector<float> buffer;
  size_t offset;

  Output(std::mt19937& random, size_t w, size_t h, bool interleaved, bool reversed)
      : width(w), height(h) {
    const size_t gap = random() % 3, pixel = interleaved ? 3 : 1;
    out.row_stride = w * pixel + gap;
    const size_t plane = out.row_stride * h + 2;
    out.interleaved = interleaved;
    for (size_t c = 0; c < 3; ++c) {
      out.channel[c] = (reversed ? 2 - c : c) * (interleaved ? 1 : plane);
      out.mean[c] = static_cast<float>(random() % 200);
      out.scale[c] = 1.0f / static_cast<float>(1 + random() % 100);
    }
    offset = 1 + random() % 5;
    buffer.assign(offset + (interleaved ? plane : 3 * plane) + 3, kUntouched);
    out.data = buffer.data() + offset;
  }

  size_t Index(size_t row, size_t col, size_t c) const {
    return offset + out.channel[c] + row * out.row_stride + col * (out.interleaved ? 3 : 1);
  }

  template <typename Expected>
  void Check(Expected expected, double tolerance) const {
    std::vector<bool> written(buffer.size(), false);
    for (size_t row = 0; row < height; ++row) {
      for (size_t col = 0; col < width; ++col) {
        for (size_t c = 0; c < 3; ++c) {
          const double value = (expected(row, col, c) - static_cast<double>(out.mean[c])) *
                               static_cast<double>(out.scale[c]);
          const size_t index = Index(row, col, c);
          ASSERT_NEAR(buffer[index], value, tolerance * static_cast<double>(out.scale[c]))
              << "row " << row << " column " << col << " channel " << c;
          written[index] = true;
        }
      }
    }
    for (size_t i = 0; i < buffer.size(); ++i) {
      if (!written[i]) {
        ASSERT_EQ(buffer[i], kUntouched) << "element " << i;
      }
    }
  }
};

constexpr size_t kWidths[] = {1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47};
// One rounding of a value up to 255.
constexpr double kRounding = 255.0 / (1 << 24);

TEST(PictureKernels, LinearFollowsItsFormula) {
  testing::ForEachTarget([] {
    std::mt19937 random(7);
    for (const size_t src_width : kWidths) {
      for (const size_t width : kWidths) {
        SCOPED_TRACE(std::to_string(src_width) + " to " + std::to_string(width));
        const Source s = RandomSource(random, src_width, 1 + random() % 9, random() % 4);
        const Linear x = RandomLinear(random, s.width, width);
        const Linear y = RandomLinear(random, s.height, 1 + random() % 6);
        Output o(random, width, y.first.size(), random() % 2 == 0, random() % 2 == 0);
        std::vector<float> scratch(LinearScratch(width));
        GetPictureTable().linear(s.bytes.data(), s.stride, s.width, x.taps(), y.taps(), o.out,
                                 scratch.data());
        o.Check([&](size_t r, size_t q, size_t c) { return LinearAt(s, x, y, r, q, c); },
                8 * kRounding);
        if (::testing::Test::HasFatalFailure()) return;
      }
    }
  });
}

TEST(PictureKernels, FilterFollowsItsFormula) {
  testing::ForEachTarget([] {
    std::mt19937 random(8);
    for (const size_t src_width : kWidths) {
      for (const size_t width : kWidths) {
        SCOPED_TRACE(std::to_string(src_width) + " to " + std::to_string(width));
        const Source s = RandomSource(random, src_width, 1 + random() % 9, random() % 4);
        const Filter x = RandomFilter(random, s.width, width);
        const Filter y = RandomFilter(random, s.height, 1 + random() % 6);
        Output o(random, width, y.first.size(), random() % 2 == 0, random() % 2 == 0);
        std::vector<float> scratch(FilterScratch(s.width, width));
        GetPictureTable().filter(s.bytes.data(), s.stride, s.width, x.taps(), y.taps(), o.out,
                                 scratch.data());
        const auto taps = static_cast<double>(x.taps_count + y.taps_count);
        o.Check([&](size_t r, size_t q, size_t c) { return FilterAt(s, x, y, r, q, c); },
                (taps + 4) * kRounding);
        if (::testing::Test::HasFatalFailure()) return;
      }
    }
  });
}

TEST(PictureKernels, IdentityTapsGiveTheSamples) {
  testing::ForEachTarget([] {
    std::mt19937 random(9);
    const Source s = RandomSource(random, 37, 5, 0);
    Linear x, y;
    for (int32_t i = 0; i < 37; ++i) x.first.push_back(i);
    for (int32_t i = 0; i < 5; ++i) y.first.push_back(i);
    x.second = x.first;
    y.second = y.first;
    x.fraction.assign(37, 0.0f);
    y.fraction.assign(5, 0.0f);
    std::vector<float> result(3 * 37 * 5), scratch(LinearScratch(37));
    const PictureOutput out{result.data(), 37, {0, 185, 370}, false, {0, 0, 0}, {1, 1, 1}};
    GetPictureTable().linear(s.bytes.data(), s.stride, 37, x.taps(), y.taps(), out, scratch.data());
    for (size_t i = 0; i < 185; ++i) {
      for (size_t c = 0; c < 3; ++c) {
        ASSERT_EQ(result[c * 185 + i], static_cast<float>(s.bytes[3 * i + c]));
      }
    }
  });
}

}  // namespace
}  // namespace kinglet::kernels::picture_test
