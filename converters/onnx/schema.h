// Field numbers of ONNX's messages, for reader and writer:
// https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
#pragma once

#include <cstdint>
#include <string_view>

namespace kinglet::converters {

// An entry of the metadata of files that hold a graph which has been optimised.
inline constexpr std::string_view kStageKey = "kinglet.stage";
inline constexpr std::string_view kOptimisedStage = "optimised";
// An entry of the metadata of a value that is stored in another type than it is computed in.
inline constexpr std::string_view kStorageKey = "kinglet.storage";

// ModelProto, OperatorSetIdProto, FunctionProto.
enum : std::uint32_t {
  kModelIrVersion = 1,
  kModelProducer = 2,
  kModelGraph = 7,
  kModelOpsetImport = 8,
  kModelMetadata = 14,
  kModelFunctions = 25,
  kOpsetDomain = 1,
  kOpsetVersion = 2,
  kFunctionName = 1,
  kFunctionInput = 4,
  kFunctionOutput = 5,
  kFunctionAttribute = 6,
  kFunctionNode = 7,
  kFunctionOpsetImport = 9,
  kFunctionDomain = 10,
  kFunctionAttributeProto = 11,
  kFunctionOverload = 13,
};

// GraphProto, NodeProto.
enum : std::uint32_t {
  kGraphNode = 1,
  kGraphName = 2,
  kGraphInitializer = 5,
  kGraphInput = 11,
  kGraphOutput = 12,
  kGraphValueInfo = 13,
  kGraphSparseInitializer = 15,
  kNodeInput = 1,
  kNodeOutput = 2,
  kNodeName = 3,
  kNodeOp = 4,
  kNodeAttribute = 5,
  kNodeDomain = 7,
  kNodeOverload = 8,
};

// ValueInfoProto and the messages inside that declare a value.
enum : std::uint32_t {
  kInfoName = 1,
  kInfoType = 2,
  kInfoMetadata = 4,
  kTypeTensor = 1,
  kTypeDenotation = 6,
  kTypeTensorElement = 1,
  kTypeTensorShape = 2,
  kShapeDim = 1,
  kDimValue = 1,
  kDimParam = 2,
};

// AttributeProto.
enum : std::uint32_t {
  kAttributeName = 1,
  kAttributeFloat = 2,
  kAttributeInt = 3,
  kAttributeString = 4,
  kAttributeTensor = 5,
  kAttributeGraph = 6,
  kAttributeFloats = 7,
  kAttributeInts = 8,
  kAttributeStrings = 9,
  kAttributeTensors = 10,
  kAttributeGraphs = 11,
  kAttributeTypeProto = 14,
  kAttributeTypeProtos = 15,
  kAttributeType = 20,
  kAttributeReference = 21,
  kAttributeSparseTensor = 22,
  kAttributeSparseTensors = 23,
};

// Values of AttributeProto.type.
enum class AttributeType : std::int32_t {
  kFloat = 1,
  kInt = 2,
  kString = 3,
  kTensor = 4,
  kGraph = 5,
  kFloats = 6,
  kInts = 7,
  kStrings = 8,
};

// TensorProto, StringStringEntryProto.
enum : std::uint32_t {
  kTensorDims = 1,
  kTensorDataType = 2,
  kTensorSegment = 3,
  kTensorFloatData = 4,
  kTensorInt32Data = 5,
  kTensorInt64Data = 7,
  kTensorName = 8,
  kTensorRawData = 9,
  kTensorDoubleData = 10,
  kTensorUint64Data = 11,
  kTensorExternalData = 13,
  kTensorDataLocation = 14,
  kEntryKey = 1,
  kEntryValue = 2,
};

}  // namespace kinglet::converters
