#include "kinglet/tensor.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <limits>

#include "kinglet/error.h"

namespace kinglet::tensor_test {
namespace {

TEST(Tensor, IsZeroAndAlignedWhenItAllocates) {
  Tensor tensor(DataType::kFloat32, {3, 5});
  EXPECT_EQ(tensor.size(), 15);
  EXPECT_EQ(tensor.bytes(), 60U);
  EXPECT_EQ(reinterpret_cast<std::uintptr_t>(tensor.raw()) % 64, 0U);
  for (std::int64_t i = 0; i < tensor.size(); ++i) EXPECT_EQ(tensor.data<float>()[i], 0.0f);
}

TEST(Tensor, CopiesShareAndClonesDoNot) {
  Tensor tensor = Tensor::From<std::int64_t>({2}, {1, 2});
  Tensor shared = tensor;
  EXPECT_EQ(shared.raw(), tensor.raw());
  Tensor clone = tensor.Clone();
  EXPECT_NE(clone.raw(), tensor.raw());
  tensor.data<std::int64_t>()[0] = 7;
  EXPECT_EQ(shared.data<std::int64_t>()[0], 7);
  EXPECT_EQ(clone.data<std::int64_t>()[0], 1);
}

TEST(Tensor, TellsTheTypeThatItHolds) {
  const Tensor tensor(DataType::kUInt8, {4});
  EXPECT_NO_THROW(tensor.data<std::uint8_t>());
  try {
    tensor.data<float>();
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "the tensor holds uint8, not float32");
  }
}

TEST(Tensor, RefusesSizesThatAreNone) {
  const std::int64_t huge = std::int64_t{1} << 40;
  EXPECT_THROW(Tensor(DataType::kFloat32, {-1, 3}), Error);
  EXPECT_THROW(Tensor(DataType::kFloat32, {huge, huge}), Error);
  EXPECT_THROW(Tensor(DataType::kFloat32, {std::numeric_limits<std::int64_t>::max()}), Error);
  EXPECT_THROW(Tensor(DataType::kFloat64, {huge, 1 << 20}), Error);  // more than there is
  EXPECT_THROW(Tensor(DataType::kString, {1}), Error);
  EXPECT_THROW(Tensor::From<float>({3}, {1, 2}), Error);
}

TEST(Tensor, AZeroAmongHugeSizesIsEmpty) {
  const std::int64_t huge = std::int64_t{1} << 40;
  EXPECT_EQ(ElementCount({huge, 0, huge}), 0);
  EXPECT_EQ(Tensor(DataType::kFloat32, {huge, 0, huge}).bytes(), 0U);
}

TEST(Tensor, ReshapesToTheSameNumberOfElements) {
  const Tensor tensor = Tensor::From<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(tensor.Reshaped({3, 2}).raw(), tensor.raw());
  EXPECT_THROW(tensor.Reshaped({4}), Error);
}

TEST(Tensor, WrapsMemoryOfTheRightSizeOnly) {
  const float values[] = {1, 2, 3};
  const Tensor tensor = Tensor::Wrap(DataType::kFloat32, {3}, values, sizeof(values), nullptr);
  EXPECT_EQ(tensor.data<float>()[2], 3.0f);
  EXPECT_THROW(Tensor::Wrap(DataType::kFloat32, {4}, values, sizeof(values), nullptr), Error);
}

TEST(ShapeToString, NamesScalarsToo) {
  EXPECT_EQ(ShapeToString({1, 3, 224}), "1x3x224");
  EXPECT_EQ(ShapeToString({}), "scalar");
}

}  // namespace
}  // namespace kinglet::tensor_test
