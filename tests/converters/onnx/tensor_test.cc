#include "converters/onnx/tensor.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <string>

#include "engine/graph/ir.h"
#include "tests/converters/onnx/onnx_bytes.h"

namespace kinglet::tensor_test {
namespace {

using namespace onnx_bytes;  // NOLINT: the file is about them

Tensor ReadProto(const std::string& bytes) {
  return ReadTensorProto(std::as_bytes(std::span(bytes.data(), bytes.size())));
}

void ExpectBadTensor(const std::string& tensor, ErrorCode code,
                     const std::vector<std::string>& parts) {
  ExpectRefused([&] { ReadProto(tensor); }, code, parts);
  std::vector<std::string> in_model = parts;
  in_model.insert(in_model.end(), {"m.onnx: graph: initializer 'w'"});
  ExpectRefused(WithInitializer(tensor).Bytes(), code, in_model);
}

template <typename T>
void ExpectElements(const Tensor& tensor, DataType type, const std::vector<T>& expected) {
  ASSERT_EQ(tensor.type(), type);
  ASSERT_EQ(tensor.bytes(), expected.size() * sizeof(T));
  EXPECT_EQ(std::memcmp(tensor.raw(), expected.data(), tensor.bytes()), 0);
}

TEST(OnnxTensor, EveryTypedFieldGivesItsElements) {
  const auto packed32 = [](const std::vector<std::int32_t>& values) {
    return [values](Writer& w) { w.add_packed_int32(5, values.begin(), values.end()); };
  };
  const std::vector<float> floats = {1.5f, -2.0f, std::numeric_limits<float>::infinity()};
  ExpectElements(ReadProto(TensorBytes(
                     "w", kFloat, {3},
                     [&](Writer& w) { w.add_packed_float(4, floats.begin(), floats.end()); })),
                 DataType::kFloat32, floats);
  const std::vector<double> doubles = {0.25, -1e300};
  ExpectElements(ReadProto(TensorBytes(
                     "w", kDouble, {2},
                     [&](Writer& w) { w.add_packed_double(10, doubles.begin(), doubles.end()); })),
                 DataType::kFloat64, doubles);
  const std::vector<std::int64_t> longs = {std::numeric_limits<std::int64_t>::min(), -1, 7};
  ExpectElements(
      ReadProto(TensorBytes("w", kInt64, {3},
                            [&](Writer& w) { w.add_packed_int64(7, longs.begin(), longs.end()); })),
      DataType::kInt64, longs);
  const std::vector<std::uint64_t> unsigneds = {std::numeric_limits<std::uint64_t>::max(), 3};
  ExpectElements(
      ReadProto(TensorBytes(
          "w", kUint64, {2},
          [&](Writer& w) { w.add_packed_uint64(11, unsigneds.begin(), unsigneds.end()); })),
      DataType::kUInt64, unsigneds);
  const std::vector<std::uint64_t> words = {0xffffffffu, 3};
  ExpectElements<std::uint32_t>(
      ReadProto(
          TensorBytes("w", kUint32, {2},
                      [&](Writer& w) { w.add_packed_uint64(11, words.begin(), words.end()); })),
      DataType::kUInt32, {0xffffffffu, 3});
  ExpectElements<std::int32_t>(
      ReadProto(TensorBytes("w", kInt32, {2}, packed32({-2147483647 - 1, 2147483647}))),
      DataType::kInt32, {-2147483647 - 1, 2147483647});
  ExpectElements<std::int8_t>(ReadProto(TensorBytes("w", kInt8, {2}, packed32({-128, 127}))),
                              DataType::kInt8, {-128, 127});
  ExpectElements<std::uint8_t>(ReadProto(TensorBytes("w", kUint8, {2}, packed32({0, 255}))),
                               DataType::kUInt8, {0, 255});
  ExpectElements<std::int16_t>(ReadProto(TensorBytes("w", kInt16, {2}, packed32({-32768, 9}))),
                               DataType::kInt16, {-32768, 9});
  ExpectElements<std::uint16_t>(ReadProto(TensorBytes("w", kUint16, {2}, packed32({65535, 9}))),
                                DataType::kUInt16, {65535, 9});
  ExpectElements<std::uint8_t>(ReadProto(TensorBytes("w", kBool, {3}, packed32({0, 1, 5}))),
                               DataType::kBool, {0, 1, 1});
  ExpectElements<std::uint16_t>(ReadProto(TensorBytes("w", kFloat16, {2}, packed32({15360, 1}))),
                                DataType::kFloat16, {15360, 1});
  ExpectElements<std::uint16_t>(ReadProto(TensorBytes("w", kBfloat16, {1}, packed32({0x3f80}))),
                                DataType::kBFloat16, {0x3f80});
}

TEST(OnnxTensor, RepeatedNumbersNeedNotBePacked) {
  const Tensor floats = ReadProto(Message([](Writer& w) {
    w.add_int64(1, 2);
    w.add_int64(1, 2);
    w.add_int32(2, kFloat);
    const std::vector<float> two = {2, 3};
    w.add_float(4, 1);
    w.add_packed_float(4, two.begin(), two.end());
    w.add_float(4, 4);
  }));
  EXPECT_EQ(floats.shape(), (Shape{2, 2}));
  ExpectElements<float>(floats, DataType::kFloat32, {1, 2, 3, 4});
  ExpectElements<std::int64_t>(ReadProto(TensorBytes("w", kInt64, {2},
                                                     [](Writer& w) {
                                                       w.add_int64(7, -5);
                                                       w.add_int64(7, 6);
                                                     })),
                               DataType::kInt64, {-5, 6});
}

TEST(OnnxTensor, RawDataOfEveryType) {
  ExpectElements<float>(ReadProto(RawTensor("w", kFloat, {2}, Raw<float>({1, 2}))),
                        DataType::kFloat32, {1, 2});
  ExpectElements<std::uint16_t>(ReadProto(RawTensor("w", kFloat16, {1}, Raw<std::uint16_t>({9}))),
                                DataType::kFloat16, {9});
  ExpectElements<std::int64_t>(ReadProto(RawTensor("w", kInt64, {}, Raw<std::int64_t>({-9}))),
                               DataType::kInt64, {-9});
  ExpectElements<std::uint8_t>(ReadProto(RawTensor("w", kBool, {3}, {'\0', '\x01', '\x80'})),
                               DataType::kBool, {0, 1, 1});
}

TEST(OnnxTensor, RawDataWinsOverTypedData) {
  const Tensor tensor = ReadProto(TensorBytes("w", kFloat, {1}, [](Writer& w) {
    w.add_float(4, 1);
    w.add_float(4, 2);
    w.add_bytes(9, Raw<float>({3}));
  }));
  ExpectElements<float>(tensor, DataType::kFloat32, {3});
}

TEST(OnnxTensor, ATensorWithoutElementsNeedsNoData) {
  const Tensor tensor = ReadProto(TensorBytes("w", kFloat, {0, 4}, [](Writer&) {}));
  EXPECT_EQ(tensor.shape(), (Shape{0, 4}));
  EXPECT_EQ(tensor.size(), 0);
}

TEST(OnnxTensor, SizesThatContradictEachOtherAreRefused) {
  const auto nothing = [](Writer&) {};
  const auto one_float = [](Writer& w) { w.add_float(4, 1); };
  ExpectBadTensor(RawTensor("w", kFloat, {2}, "1234567"), ErrorCode::kInvalidModel,
                  {"raw_data holds 7 bytes, expected 8 for float32 2"});
  ExpectBadTensor(TensorBytes("w", kFloat, {2}, one_float), ErrorCode::kInvalidModel,
                  {"float_data holds 1 elements, expected 2"});
  ExpectBadTensor(TensorBytes("w", kFloat, {0}, one_float), ErrorCode::kInvalidModel,
                  {"float_data holds 1 elements, expected 0"});
  ExpectBadTensor(TensorBytes("w", kInt8, {3}, nothing), ErrorCode::kInvalidModel,
                  {"has no data", "int32_data"});
  ExpectBadTensor(TensorBytes("w", kFloat, {-1}, nothing), ErrorCode::kInvalidModel,
                  {"negative dimension"});
  ExpectBadTensor(TensorBytes("w", kFloat, {0, -1}, nothing), ErrorCode::kInvalidModel,
                  {"negative dimension"});
  const std::int64_t big = std::int64_t{1} << 32;
  ExpectBadTensor(TensorBytes("w", kUint8, {big, big}, nothing), ErrorCode::kInvalidModel,
                  {"too many elements"});
  ExpectBadTensor(TensorBytes("w", kDouble, {std::int64_t{1} << 60}, nothing),
                  ErrorCode::kInvalidModel, {"too many elements"});
  ExpectBadTensor(TensorBytes("w", kFloat, {std::int64_t{1} << 40}, nothing),
                  ErrorCode::kInvalidModel, {"has no data"});
  ExpectBadTensor(TensorBytes("w", kFloat, std::vector<std::int64_t>(65, 1), one_float),
                  ErrorCode::kResource, {"more than 64 dimensions"});
}

TEST(OnnxTensor, ValuesThatDoNotFitTheirTypeAreRefused) {
  const auto value = [](std::int32_t type, std::int32_t number) {
    return TensorBytes("w", type, {1}, [number](Writer& w) { w.add_int32(5, number); });
  };
  ExpectBadTensor(value(kInt8, 128), ErrorCode::kInvalidModel, {"128", "does not fit int8"});
  ExpectBadTensor(value(kUint8, -1), ErrorCode::kInvalidModel, {"does not fit uint8"});
  ExpectBadTensor(value(kUint16, 65536), ErrorCode::kInvalidModel, {"does not fit uint16"});
  ExpectBadTensor(value(kFloat16, -3), ErrorCode::kInvalidModel, {"does not fit"});
  ExpectBadTensor(TensorBytes("w", kUint32, {1}, [](Writer& w) { w.add_uint64(11, 1ull << 32); }),
                  ErrorCode::kInvalidModel, {"does not fit uint32"});
}

TEST(OnnxTensor, TypesThatKingletDoesNotHaveAreRefused) {
  const auto typed = [](std::int32_t type) { return RawTensor("w", type, {1}, "12345678"); };
  ExpectBadTensor(typed(0), ErrorCode::kInvalidModel, {"no element type"});
  ExpectBadTensor(typed(kString), ErrorCode::kUnsupported, {"strings"});
  ExpectBadTensor(typed(14), ErrorCode::kUnsupported, {"complex64"});
  ExpectBadTensor(typed(17), ErrorCode::kUnsupported, {"float8e4m3fn"});
  ExpectBadTensor(typed(22), ErrorCode::kUnsupported, {"int4"});
  ExpectBadTensor(typed(99), ErrorCode::kInvalidModel, {"99"});
  ExpectBadTensor(typed(-1), ErrorCode::kInvalidModel, {"-1"});
}

TEST(OnnxTensor, SegmentsAndUnknownLocationsAreRefused) {
  ExpectBadTensor(TensorBytes("w", kFloat, {0}, [](Writer& w) { w.add_message(3, std::string()); }),
                  ErrorCode::kUnsupported, {"segments"});
  ExpectBadTensor(TensorBytes("w", kFloat, {0}, [](Writer& w) { w.add_int32(14, 2); }),
                  ErrorCode::kInvalidModel, {"data location 2"});
  ExpectBadTensor(TensorBytes("w", kFloat, {1}, [](Writer& w) { w.add_int32(14, 1); }),
                  ErrorCode::kUnsupported, {"external data", "no folder"});
}

TEST(OnnxTensor, LimitsOnBytesHold) {
  const std::string bytes =
      WithInitializer(RawTensor("w", kFloat, {4}, std::string(16, 'x'))).Bytes();
  OnnxLimits limits;
  limits.tensor_bytes = 16;
  EXPECT_NO_THROW(Read(bytes, limits));
  limits.tensor_bytes = 15;
  ExpectRefused(bytes, ErrorCode::kResource, {"'w'", "16 bytes", "limit of 15"}, limits);
  ModelParts two = TinyModel();
  two.graph.initializers = {RawTensor("w", kFloat, {4}, std::string(16, 'x')),
                            RawTensor("v", kFloat, {4}, std::string(16, 'x'))};
  limits = {};
  limits.total_tensor_bytes = 31;
  ExpectRefused(two.Bytes(), ErrorCode::kResource, {"'v'", "more than 31 bytes"}, limits);
}

}  // namespace
}  // namespace kinglet::tensor_test
