// What opsets 22 to 28 added to operators that were there before.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/support/op_test.h"

namespace kinglet::test::newer_forms_test {
namespace {

template <typename T>
std::vector<T> Two(const std::string& op, std::vector<T> a, std::vector<T> b, AttributeList list,
                   int opset) {
  const auto count = static_cast<std::int64_t>(a.size());
  return ValuesOf<T>(RunOp(op, {Of<T>({count}, a), Of<T>({count}, b)}, list, opset));
}

// Python's % of floats: a - floor(a / b) b.
TEST(NewerForms, ModOfFloatsHasTheSignOfTheDivisor) {
  const float inf = std::numeric_limits<float>::infinity();
  const Floats found = Two<float>("Mod", {5.5f, -5.5f, 5.5f, -5.5f, 6, -6, 2, -2, 1, inf},
                                  {2, 2, -2, -2, -3, 3, inf, inf, 0, 2}, {}, 28);
  const Floats expected = {1.5f, 0.5f, -0.5f, -1.5f, -0.0f, 0, 2, inf};
  for (std::size_t i = 0; i < expected.size(); ++i) {
    EXPECT_EQ(found[i], expected[i]) << i;
    EXPECT_EQ(std::signbit(found[i]), std::signbit(expected[i])) << i;
  }
  EXPECT_TRUE(std::isnan(found[8]) && std::isnan(found[9]));
  EXPECT_EQ(Two<double>("Mod", {-7}, {4}, {}, 28), (std::vector<double>{1}));
  ExpectError(ErrorCode::kInvalidModel, [] { Two<float>("Mod", {1}, {2}, {}, 27); });
}

TEST(NewerForms, BitShiftOfSignedIntegers) {
  using I = std::vector<std::int32_t>;
  constexpr std::int32_t kLeast = std::numeric_limits<std::int32_t>::min();
  EXPECT_EQ(Two<std::int32_t>("BitShift", {-8, 9, -1, kLeast, -5, 5}, {1, 2, 31, 31, 32, -1},
                              {{"direction", Text("RIGHT")}}, 28),
            (I{-4, 2, -1, -1, -1, 0}));
  EXPECT_EQ(Two<std::int32_t>("BitShift", {-8, 1, 3, 7, 7}, {1, 31, 31, 32, -1},
                              {{"direction", Text("LEFT")}}, 28),
            (I{-16, kLeast, kLeast, 0, 0}));
  EXPECT_EQ(Two<std::int8_t>("BitShift", {-128, 64}, {7, 1}, {{"direction", Text("RIGHT")}}, 28),
            (std::vector<std::int8_t>{-1, 32}));
  ExpectError(ErrorCode::kInvalidModel, [] {
    Two<std::int32_t>("BitShift", {1}, {1}, {{"direction", Text("LEFT")}}, 27);
  });
}

TEST(NewerForms, SpaceToDepthInBothOrders) {
  const Tensor x = Random({2, 3, 4, 6}, 1);
  for (const char* mode : {"DCR", "CRD"}) {
    const AttributeList list = {{"blocksize", Int(2)}, {"mode", Text(mode)}};
    const Tensor deep = RunOp("SpaceToDepth", {x}, list, 28);
    EXPECT_EQ(deep.shape(), (Shape{2, 12, 2, 3}));
    EXPECT_EQ(ValuesOf<float>(RunOp("DepthToSpace", {deep}, list, 28)), ValuesOf<float>(x));
  }
  ExpectError(ErrorCode::kInvalidModel, [&] {
    RunOp("SpaceToDepth", {x}, {{"blocksize", Int(2)}, {"mode", Text("RCD")}}, 28);
  });
}

// Attributes that say how types are computed which are float32 here.
TEST(NewerForms, AttributesOfNarrowTypesChangeNothing) {
  const Tensor x = Of<float>({2}, {1.5f, -2.5f});
  EXPECT_EQ(ValuesOf<std::int32_t>(
                RunOp("Cast", {x}, {{"to", Int(6)}, {"round_mode", Text("down")}}, 24)),
            (std::vector<std::int32_t>{1, -2}));
  const auto scalar = [](float value) { return Of<float>({}, {value}); };
  EXPECT_EQ(ValuesOf<float>(
                RunOp("Range", {scalar(0), scalar(3), scalar(1)}, {{"stash_type", Int(1)}}, 27)),
            (Floats{0, 1, 2}));
}

}  // namespace
}  // namespace kinglet::test::newer_forms_test
