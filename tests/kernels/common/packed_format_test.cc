#include "kernels/common/packed_format.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <vector>

#include "kernels/conv/conv.h"
#include "kernels/gemm/gemm.h"

namespace kinglet::kernels::packed_format_test {
namespace {

const PackedFormat kOne = {.family = "conv", .variant = "direct", .block = 16, .groups = 2};

// Formats that differ from kOne in one thing each.
std::vector<PackedFormat> Others() {
  std::vector<PackedFormat> others(8, kOne);
  others[0].family = "gemm";
  others[1].variant = "first";
  others[2].block = 32;
  others[3].type = ElementType::kBFloat16;
  others[4].revision = 2;
  others[5].groups = 1;
  others[6].transposed = true;
  others[7].scale = 0.1f;
  return others;
}

TEST(PackedFormat, EverythingInItCounts) {
  std::set<PackedFormat> set = {kOne, PackedFormat(kOne)};
  EXPECT_EQ(set.size(), 1u);
  for (const PackedFormat& other : Others()) {
    EXPECT_FALSE(other == kOne) << ToString(other);
    EXPECT_TRUE(set.insert(other).second) << ToString(other);
  }
}

TEST(PackedFormat, ScalesAreComparedBitByBit) {
  PackedFormat a = kOne;
  a.scale = std::numeric_limits<float>::quiet_NaN();
  const PackedFormat b = a;
  EXPECT_TRUE(a == b);
  EXPECT_EQ(std::set<PackedFormat>({a, b, kOne}).size(), 2u);
  a.scale = 1e-7f;
  PackedFormat near = a;
  near.scale = std::nextafter(1e-7f, 1.0f);
  EXPECT_FALSE(a == near);
}

TEST(PackedFormat, TextsAreReadBack) {
  EXPECT_EQ(ToString(kOne),
            "conv/direct block=16 type=float32 revision=1 groups=2 transposed=0 scale=1");
  std::vector<PackedFormat> all = Others();
  all.push_back(kOne);
  all.push_back(kOne);
  all.back().scale = -std::numeric_limits<float>::denorm_min();
  for (const PackedFormat& format : all) {
    const auto read = ParsePackedFormat(ToString(format));
    ASSERT_TRUE(read) << ToString(format);
    EXPECT_TRUE(*read == format) << ToString(format);
  }
}

TEST(PackedFormat, OtherTextsAreNone) {
  const std::string good = ToString(kOne);
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    return text.replace(text.find(from), from.size(), to);
  };
  for (const std::string& text :
       {std::string(), std::string("conv/direct"), std::string(1000, ' '), good + " ", " " + good,
        good + " more=1", with("conv/", "conv"), with("conv/", "/"), with("conv/direct", "conv/"),
        with("block=16", "block="), with("block=16", "block=16.5"), with("block=16", "16"),
        with("block=16", "block=99999999999999999999"), with("float32", "float31"),
        with("transposed=0", "transposed=2"), with("scale=1", "scale=x"),
        with("revision", "groups"), with(" groups", "  groups")}) {
    EXPECT_FALSE(ParsePackedFormat(text)) << text;
  }
}

// Whoever has an equal format must have written the same bytes: one form serves both.
TEST(PackedFormat, EqualFormatsOfVariantsAreTheSameBytes) {
  const std::vector<ConvShape> shapes = {
      {.ic = 20, .ih = 9, .iw = 9, .oc = 40, .oh = 9, .ow = 9, .kh = 3, .kw = 3},
      {.ic = 3, .ih = 9, .iw = 9, .oc = 24, .oh = 9, .ow = 9, .kh = 1, .kw = 7},
      {.ic = 32, .ih = 9, .iw = 9, .oc = 32, .oh = 9, .ow = 9, .kh = 3, .kw = 3, .groups = 32},
      {.ic = 32, .ih = 9, .iw = 9, .oc = 64, .oh = 9, .ow = 9, .groups = 2},
      {.ic = 8, .ih = 9, .iw = 9, .oc = 16, .oh = 9, .ow = 9, .kh = 5, .kw = 5}};
  bool shared = false;
  for (const ConvShape& s : shapes) {
    std::vector<float> weights(static_cast<size_t>(s.oc * (s.ic / s.groups) * s.kh * s.kw));
    for (size_t i = 0; i < weights.size(); ++i) weights[i] = std::sin(static_cast<float>(i));
    std::map<PackedFormat, std::vector<char>> forms;
    for (const ConvVariant& variant : ConvVariants()) {
      if (!variant.supports(s)) continue;
      std::vector<char> packed(variant.packed_bytes(s));
      variant.pack(s, weights.data(), packed.data());
      const auto [form, added] = forms.emplace(variant.packed_format(s), packed);
      EXPECT_EQ(form->second, packed) << variant.id;
      shared = shared || !added;
    }
    EXPECT_GT(forms.size(), 1u);
  }
  EXPECT_TRUE(shared) << "im2col and the reference both read weights as they are";
}

// The sizes of the tensors around, and what is fused, do not change the bytes.
TEST(PackedFormat, DoesNotDependOnTheImage) {
  ConvShape s{.ic = 32, .ih = 9, .iw = 9, .oc = 48, .oh = 9, .ow = 9, .kh = 3, .kw = 3};
  for (const ConvVariant& variant : ConvVariants()) {
    if (!variant.supports(s)) continue;
    ConvShape larger = s;
    larger.n = 32;
    larger.ih = larger.oh = 56;
    EXPECT_TRUE(variant.packed_format(s) == variant.packed_format(larger)) << variant.id;
    EXPECT_EQ(variant.packed_bytes(s), variant.packed_bytes(larger)) << variant.id;
    EXPECT_GE(variant.revision, 1) << variant.id;
  }
}

TEST(PackedFormat, ProductsHaveTheirs) {
  std::set<PackedFormat> formats;
  for (const GemmVariant& variant : GemmVariants()) {
    EXPECT_TRUE(variant.packed_format({1, 20, 30}) == variant.packed_format({64, 20, 30}));
    EXPECT_GE(variant.revision, 1) << variant.id;
    formats.insert(variant.packed_format({1, 20, 30}));
  }
  EXPECT_EQ(formats.size(), GemmVariants().size());
}

}  // namespace
}  // namespace kinglet::kernels::packed_format_test
