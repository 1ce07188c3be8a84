#include "kernels/conv/image_conv.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <memory>
#include <vector>

#include "kernels/common/blocked.h"
#include "tests/support/conv_reference.h"
#include "tests/support/guarded.h"
#include "tests/support/random.h"
#include "tests/support/targets.h"

namespace kinglet::kernels::image_conv_test {
namespace {

using testing::ConvReference;
using testing::Guarded;
using testing::Random;

constexpr float kScale[] = {1 / 127.5f, 0.02f, -0.01f, 0.5f};
constexpr float kShift[] = {-1.0f, 0.3f, 2.0f, -0.7f};

ConvShape Picture(int64_t ic, int64_t h, int64_t w, int64_t oc, int kernel, int stride, int pad) {
  ConvShape s;
  s.ic = ic;
  s.ih = h;
  s.iw = w;
  s.oc = oc;
  s.kh = s.kw = kernel;
  s.sh = s.sw = stride;
  s.pad_top = s.pad_left = pad;
  s.oh = (h + 2 * pad - kernel) / stride + 1;
  s.ow = (w + 2 * pad - kernel) / stride + 1;
  return s;
}

// The pixels as a network's input, and as the picture has them in memory.
struct Pixels {
  std::vector<float> scaled;  // NCHW
  std::vector<float> floats;
  std::vector<uint8_t> bytes;
};

Pixels PixelsOf(const ConvShape& s, bool channels_last) {
  Random random(3);
  const auto count = static_cast<size_t>(s.n * s.ic * s.ih * s.iw);
  Pixels p{std::vector<float>(count), std::vector<float>(count), std::vector<uint8_t>(count)};
  size_t planar = 0;
  for (int64_t n = 0; n < s.n; ++n) {
    for (int64_t c = 0; c < s.ic; ++c) {
      for (int64_t i = 0; i < s.ih * s.iw; ++i, ++planar) {
        const auto last = static_cast<size_t>((n * s.ih * s.iw + i) * s.ic + c);
        const size_t at = channels_last ? last : planar;
        p.bytes[at] = static_cast<uint8_t>(std::lround((random.Float() + 1) * 127.4f));
        p.floats[at] = static_cast<float>(p.bytes[at]);
        p.scaled[planar] = kScale[c] * p.floats[at] + kShift[c];
      }
    }
  }
  return p;
}

void Check(const ConvShape& s, bool bytes, bool channels_last, int64_t units_per_call = 0,
           int64_t gap = 0) {
  SCOPED_TRACE(::testing::Message()
               << s.n << " x " << s.ic << "x" << s.ih << "x" << s.iw << " to " << s.oc << " kernel "
               << s.kh << "x" << s.kw << " stride " << s.sh << " pad " << s.pad_top
               << (bytes ? " bytes" : "") << (channels_last ? " NHWC" : " NCHW"));
  ASSERT_TRUE(ImageConvSupports(s));
  const Pixels pixels = PixelsOf(s, channels_last);
  Random random(9);
  const auto weights = random.Floats(static_cast<size_t>(s.oc * s.ic * s.kh * s.kw));
  const auto bias = random.Floats(static_cast<size_t>(s.oc));
  Epilogue relu;
  relu.activation = Activation::kRelu;
  const ConvReference want = testing::NaiveConv(s, pixels.scaled, weights, bias, {}, relu);

  const ConvVariant& base = ImageConvBase();
  Guarded packed(base.packed_bytes(s) / sizeof(float));
  base.pack(s, weights.data(), packed.data());
  std::vector<float> padded = bias;
  padded.resize(static_cast<size_t>(RoundUpToBlock(s.oc)), 0.0f);
  const Guarded padded_bias(padded);
  const Guarded floats(pixels.floats);
  // Exactly as large as the picture, so that a sanitizer sees what is read beyond.
  const auto exact = std::make_unique<uint8_t[]>(pixels.bytes.size());
  std::copy(pixels.bytes.begin(), pixels.bytes.end(), exact.get());

  const int64_t image = BlockCount(s.oc) * s.oh * s.ow * kBlock;
  Guarded output(static_cast<size_t>((image + gap) * s.n));
  Guarded scratch(ImageConvScratchBytes(s) / sizeof(float));
  const ImageInput input{bytes ? static_cast<const void*>(exact.get()) : floats.data(), bytes,
                         channels_last, kScale, kShift};
  ConvArgs args;
  args.packed = packed.data();
  args.bias = padded_bias.data();
  args.output = output.data();
  args.output_stride = gap == 0 ? 0 : image + gap;
  args.epilogue = relu;
  const int64_t units = base.units(s);
  const int64_t step = units_per_call == 0 ? units : units_per_call;
  for (int64_t begin = 0; begin < units; begin += step) {
    ImageConvRun(s, input, ResolveImageConv(), args, begin, std::min(begin + step, units),
                 scratch.data());
  }
  EXPECT_TRUE(output.FencesIntact() && scratch.FencesIntact());
  size_t i = 0;
  for (int64_t n = 0; n < s.n; ++n) {
    for (int64_t c = 0; c < RoundUpToBlock(s.oc); ++c) {
      for (int64_t p = 0; p < s.oh * s.ow; ++p) {
        const int64_t at = BlockedIndex(0, c, p / s.ow, p % s.ow, s.oc, s.oh, s.ow);
        const float got = output[static_cast<size_t>(n * (image + gap) + at)];
        if (c >= s.oc) {
          ASSERT_EQ(got, 0.0f) << "pad lane " << c;
          continue;
        }
        const double depth = static_cast<double>(s.ic * s.kh * s.kw) + 4;
        ASSERT_NEAR(got, want.values[i], depth * 0x1p-24 * want.magnitude[i] + 1e-7)
            << "image " << n << " channel " << c << " pixel " << p;
        ++i;
      }
    }
  }
}

TEST(ImageConv, TypesLayoutsChannelsAndBorders) {
  for (const bool bytes : {false, true}) {
    for (const bool channels_last : {false, true}) {
      for (const int64_t ic : {1, 2, 3, 4}) {
        for (const int pad : {-1, 0, 1, 3}) {
          const ConvShape s = Picture(ic, 17, 14, 18, pad == 3 ? 7 : 3, 2, pad);
          testing::ForEachTarget([&] { Check(s, bytes, channels_last); });
        }
      }
    }
  }
}

TEST(ImageConv, ImagesUnitsAndSlices) {
  ConvShape s = Picture(3, 40, 64, 32, 3, 2, 1);
  s.n = 3;
  testing::ForEachTarget([&] {
    for (const int64_t units_per_call : {1, 2, 5}) Check(s, true, true, units_per_call);
    Check(s, true, false, 0, 48);
  });
}

TEST(ImageConv, AsymmetricAndDilatedWindows) {
  ConvShape s = Picture(3, 20, 21, 24, 3, 1, 0);
  s.oh = s.ow = 20;  // pads at the bottom and right alone
  s.dh = 2;
  testing::ForEachTarget([&] { Check(s, true, true); });
}

TEST(ImageConv, OnlyFewChannels) {
  EXPECT_FALSE(ImageConvSupports(Picture(5, 8, 8, 16, 3, 1, 1)));
  ConvShape grouped = Picture(2, 8, 8, 32, 3, 1, 1);
  grouped.groups = 2;
  EXPECT_FALSE(ImageConvSupports(grouped));
}

}  // namespace
}  // namespace kinglet::kernels::image_conv_test
