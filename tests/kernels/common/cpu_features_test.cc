#include "kernels/common/cpu_features.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <vector>

namespace kinglet::kernels::cpu_features_test {
namespace {

using enum CpuFeature;
using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr CpuFeature Nth(size_t index) { return static_cast<CpuFeature>(index); }

// All answers of a CPU with everything, under a system that supports everything.
X86Answers Everything() {
  return {.leaf1_ecx = ~0u,
          .leaf7_ebx = ~0u,
          .leaf7_ecx = ~0u,
          .leaf7_edx = ~0u,
          .leaf7_1_eax = ~0u,
          .xcr0 = ~uint64_t{0},
          .tiles_on_request = true};
}
constexpr CpuFeatures kAllOfX86 = {kAvx2,    kAvx512,  kAvx512Vnni, kAvx512Bf16,
                                   kAvxVnni, kAmxTile, kAmxBf16,    kAmxInt8};
constexpr CpuFeatures kAllOfArm = {kNeon, kNeonDot, kNeonI8mm, kNeonBf16};

uint64_t Without(uint64_t value, int bit) { return value & ~(uint64_t{1} << bit); }
uint32_t Without(uint32_t value, int bit) { return value & ~(uint32_t{1} << bit); }

TEST(CpuFeatures, AreASet) {
  constexpr CpuFeatures none;
  constexpr CpuFeatures wide = {kAvx2, kAvx512};
  EXPECT_TRUE(none.empty());
  EXPECT_FALSE(wide.empty());
  EXPECT_TRUE(wide.Has(kAvx512));
  EXPECT_FALSE(wide.Has(kAvx512Vnni));
  EXPECT_TRUE(wide.Contains(none));
  EXPECT_TRUE(wide.Contains({kAvx2}));
  EXPECT_TRUE(wide.Contains(wide));
  EXPECT_FALSE(wide.Contains({kAvx2, kAvxVnni}));
  EXPECT_FALSE(none.Contains({kAvx2}));
  EXPECT_EQ(wide | CpuFeatures{kAvxVnni}, (CpuFeatures{kAvxVnni, kAvx512, kAvx2}));
  EXPECT_EQ((wide & CpuFeatures{kAvx512, kNeon}), CpuFeatures{kAvx512});
  EXPECT_EQ((wide - CpuFeatures{kAvx512, kNeon}), CpuFeatures{kAvx2});
  EXPECT_NE(wide, none);
}

TEST(CpuFeatures, NamesAreDifferent) {
  std::vector<std::string_view> names(std::begin(kCpuFeatureNames), std::end(kCpuFeatureNames));
  std::sort(names.begin(), names.end());
  EXPECT_EQ(std::adjacent_find(names.begin(), names.end()), names.end());
  EXPECT_EQ(NameOf(kAvx512Vnni), "avx512_vnni");
  EXPECT_EQ(NameOf(kNeonI8mm), "neon_i8mm");
}

TEST(CpuFeatures, TextIsReadBack) {
  EXPECT_EQ(ToString(CpuFeatures{}), "none");
  EXPECT_EQ(ToString(CpuFeatures{kAvx512, kAvx2}), "avx2,avx512");
  const CpuFeatures all = kAllOfX86 | kAllOfArm;
  for (const CpuFeatures& features : {CpuFeatures{}, {kAmxInt8}, {kNeon, kNeonDot}, all}) {
    const ParsedCpuFeatures parsed = ParseCpuFeatures(ToString(features));
    EXPECT_EQ(parsed.problem, "");
    EXPECT_EQ(parsed.features, features) << ToString(features);
  }
  for (size_t i = 0; i < kCpuFeatureCount; ++i) {
    EXPECT_TRUE(all.Has(Nth(i))) << kCpuFeatureNames[i];
    EXPECT_EQ(ParseCpuFeatures(kCpuFeatureNames[i]).features, CpuFeatures{Nth(i)});
  }
  EXPECT_EQ(ParseCpuFeatures("avx512,avx2,avx512").features, (CpuFeatures{kAvx2, kAvx512}));
}

TEST(CpuFeatures, AnUnknownWordIsNamedBesideTheKnownOnes) {
  EXPECT_THAT(ParseCpuFeatures("avx2,avx9").problem,
              AllOf(HasSubstr("'avx9'"), HasSubstr("avx2, avx512, avx512_vnni"),
                    HasSubstr("neon_bf16"), HasSubstr("none")));
  for (const char* text : {"", ",", "avx2,", ",avx2", "avx2,,avx512", "AVX2", "avx2 ", "none,avx2",
                           "avx2,none", "avx"}) {
    const ParsedCpuFeatures parsed = ParseCpuFeatures(text);
    EXPECT_NE(parsed.problem, "") << text;
    EXPECT_TRUE(parsed.features.empty()) << text;
  }
}

TEST(CpuFeatures, BuildOnOthers) {
  EXPECT_EQ(WithFoundations({}), CpuFeatures{});
  EXPECT_EQ(WithFoundations({kAmxBf16}), (CpuFeatures{kAvx2, kAvx512, kAmxTile, kAmxBf16}));
  EXPECT_EQ(WithFoundations({kAvxVnni}), (CpuFeatures{kAvx2, kAvxVnni}));
  EXPECT_EQ(WithFoundations({kNeonDot}), (CpuFeatures{kNeon, kNeonDot}));
  EXPECT_EQ(WithoutUnfounded({kAvx2, kAvx512Vnni, kAvxVnni, kAmxBf16}),
            (CpuFeatures{kAvx2, kAvxVnni}));
  EXPECT_EQ(WithoutUnfounded(kAllOfX86 - CpuFeatures{kAvx512}), (CpuFeatures{kAvx2, kAvxVnni}));
  EXPECT_EQ(WithoutUnfounded(kAllOfX86 - CpuFeatures{kAvx2}), CpuFeatures{});
  EXPECT_EQ(WithoutUnfounded(kAllOfX86), kAllOfX86);
}

TEST(CpuFeatures, AreReadFromWhatAnX86CpuSays) {
  EXPECT_EQ(FeaturesOf(Everything()), kAllOfX86);
  EXPECT_EQ(FeaturesOf({}), CpuFeatures{});
  X86Answers answers = Everything();
  answers.leaf7_ecx = Without(answers.leaf7_ecx, 11);
  EXPECT_EQ(FeaturesOf(answers), kAllOfX86 - CpuFeatures{kAvx512Vnni});
  answers = Everything();
  answers.leaf7_1_eax = Without(answers.leaf7_1_eax, 4);
  EXPECT_EQ(FeaturesOf(answers), kAllOfX86 - CpuFeatures{kAvxVnni});
  answers = Everything();
  answers.leaf7_1_eax = Without(answers.leaf7_1_eax, 5);
  EXPECT_EQ(FeaturesOf(answers), kAllOfX86 - CpuFeatures{kAvx512Bf16});
  answers = Everything();
  answers.leaf7_edx = Without(answers.leaf7_edx, 25);
  EXPECT_EQ(FeaturesOf(answers), kAllOfX86 - CpuFeatures{kAmxInt8});
}

TEST(CpuFeatures, EachPartOfAFeatureIsNeeded) {
  for (const int bit : {16, 17, 28, 30, 31}) {  // AVX-512 F, DQ, CD, BW, VL
    X86Answers answers = Everything();
    answers.leaf7_ebx = Without(answers.leaf7_ebx, bit);
    EXPECT_EQ(FeaturesOf(answers), (CpuFeatures{kAvx2, kAvxVnni})) << bit;
  }
  for (const int bit : {3, 5, 8}) {  // BMI1, AVX2, BMI2
    X86Answers answers = Everything();
    answers.leaf7_ebx = Without(answers.leaf7_ebx, bit);
    EXPECT_EQ(FeaturesOf(answers), CpuFeatures{}) << bit;
  }
  for (const int bit : {12, 27, 28, 29}) {  // FMA, OSXSAVE, AVX, F16C
    X86Answers answers = Everything();
    answers.leaf1_ecx = Without(answers.leaf1_ecx, bit);
    EXPECT_EQ(FeaturesOf(answers), CpuFeatures{}) << bit;
  }
}

TEST(CpuFeatures, TheOperatingSystemMustKeepTheRegisters) {
  const auto under = [](int missing_bit) {
    X86Answers answers = Everything();
    answers.xcr0 = Without(answers.xcr0, missing_bit);
    return FeaturesOf(answers);
  };
  for (const int bit : {1, 2}) EXPECT_EQ(under(bit), CpuFeatures{}) << bit;
  for (const int bit : {5, 6, 7}) EXPECT_EQ(under(bit), (CpuFeatures{kAvx2, kAvxVnni})) << bit;
  const CpuFeatures without_tiles = kAllOfX86 - CpuFeatures{kAmxTile, kAmxBf16, kAmxInt8};
  for (const int bit : {17, 18}) EXPECT_EQ(under(bit), without_tiles) << bit;
  X86Answers answers = Everything();
  answers.tiles_on_request = false;
  EXPECT_EQ(FeaturesOf(answers), without_tiles);
}

TEST(CpuFeatures, AreReadFromWhatLinuxSaysOnArm) {
  EXPECT_EQ(FeaturesOfArm(0, 0), CpuFeatures{});
  EXPECT_EQ(FeaturesOfArm(~uint64_t{0}, ~uint64_t{0}), kAllOfArm);
  EXPECT_EQ(FeaturesOfArm(1 << 1, 0), CpuFeatures{kNeon});
  EXPECT_EQ(FeaturesOfArm(1 << 1 | 1 << 20, 0), (CpuFeatures{kNeon, kNeonDot}));
  EXPECT_EQ(FeaturesOfArm(1 << 1, 1 << 13), (CpuFeatures{kNeon, kNeonI8mm}));
  EXPECT_EQ(FeaturesOfArm(1 << 1, 1 << 14), (CpuFeatures{kNeon, kNeonBf16}));
  EXPECT_EQ(FeaturesOfArm(1 << 20, ~uint64_t{0}), CpuFeatures{});
}

}  // namespace
}  // namespace kinglet::kernels::cpu_features_test
