#include "engine/graph/tensor_desc.h"

#include <gtest/gtest.h>

#include <string>

namespace kinglet::tensor_desc_test {
namespace {

TEST(ElementTypeOf, IsOneForEveryTypeOfATensor) {
  for (int i = 0; i <= static_cast<int>(DataType::kString); ++i) {
    const auto type = static_cast<DataType>(i);
    const ElementType element = ElementTypeOf(type);
    EXPECT_EQ(kernels::ElementBytes(element), static_cast<std::int64_t>(DataTypeSize(type)));
    if (type == DataType::kUndefined || type == DataType::kString) {
      EXPECT_EQ(element, ElementType::kUndefined);
      continue;
    }
    EXPECT_EQ(ToDataType(element), type) << DataTypeName(type);
    EXPECT_EQ(std::string(ElementName(element)), DataTypeName(type));
  }
  EXPECT_EQ(ToDataType(ElementType::kUndefined), DataType::kUndefined);
  EXPECT_EQ(DataTypeSize(DataType::kFloat16), 2u);
  EXPECT_EQ(DataTypeSize(DataType::kFloat64), 8u);
}

TEST(StoredBytes, CountsWholeBlocks) {
  const Shape shape = {2, 17, 3, 5};
  const std::size_t pixels = 2 * 3 * 5;
  EXPECT_EQ(StoredBytes({ElementType::kFloat32, Layout::kPlain}, shape), pixels * 17 * 4);
  EXPECT_EQ(StoredBytes({ElementType::kFloat32, Layout::kBlocked}, shape), pixels * 32 * 4);
  EXPECT_EQ(StoredBytes({ElementType::kBFloat16, Layout::kPlain}, shape), pixels * 17 * 2);
  EXPECT_EQ(StoredBytes({ElementType::kBFloat16, Layout::kBlocked}, shape), pixels * 64);
  EXPECT_EQ(StoredBytes({ElementType::kUInt8, Layout::kBlocked}, shape), pixels * 64);
  EXPECT_EQ(StoredBytes({ElementType::kFloat32, Layout::kBlocked}, {2, 0, 3, 5}), 0u);
  EXPECT_EQ(StoredBytes(DataType::kInt64, {3}), 24u);
}

}  // namespace
}  // namespace kinglet::tensor_desc_test
