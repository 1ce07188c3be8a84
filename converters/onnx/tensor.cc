#include "converters/onnx/tensor.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "converters/common/mapped_file.h"
#include "converters/onnx/schema.h"
#include "converters/onnx/wire.h"
#include "engine/graph/element_types.h"
#include "engine/graph/lazy_zeros.h"

namespace kinglet::converters {
namespace {

// What a TensorProto says, before its elements are read.
struct TensorHeader {
  std::vector<std::int64_t> dims;
  std::int64_t data_type = 0;
  std::string_view raw;
  bool segmented = false;
  std::int64_t location = 0;  // 1: external
  std::string_view file;
  std::optional<std::string_view> offset;
  std::optional<std::string_view> length;
};

void ReadExternalEntry(std::string_view proto, const Place& place, TensorHeader& header) {
  std::string_view key;
  std::string_view value;
  WireReader reader(proto, place);
  while (reader.Next()) {
    if (reader.field() == kEntryKey) key = reader.Bytes();
    if (reader.field() == kEntryValue) value = reader.Bytes();
  }
  if (key == "location") header.file = value;
  if (key == "offset") header.offset = value;
  if (key == "length") header.length = value;
}

// Which field holds the elements of a type that are not raw.
std::uint32_t TypedField(DataType type) {
  switch (type) {
    case DataType::kFloat32:
      return kTensorFloatData;
    case DataType::kFloat64:
      return kTensorDoubleData;
    case DataType::kInt64:
      return kTensorInt64Data;
    case DataType::kUInt32:
    case DataType::kUInt64:
      return kTensorUint64Data;
    default:
      return kTensorInt32Data;
  }
}

const char* TypedFieldName(std::uint32_t field) {
  switch (field) {
    case kTensorFloatData:
      return "float_data";
    case kTensorDoubleData:
      return "double_data";
    case kTensorInt64Data:
      return "int64_data";
    case kTensorUint64Data:
      return "uint64_data";
    default:
      return "int32_data";
  }
}

TensorHeader ReadHeader(std::string_view proto, const Context& context, const Place& place) {
  TensorHeader header;
  WireReader reader(proto, place);
  while (reader.Next()) {
    switch (reader.field()) {
      case kTensorDims:
        reader.EachVarint([&](std::uint64_t dim) {
          if (header.dims.size() >= static_cast<std::size_t>(context.limits.rank)) {
            Fail(ErrorCode::kResource, place,
                 "has more than " + std::to_string(context.limits.rank) +
                     " dimensions, the limit for a tensor (OnnxLimits)");
          }
          header.dims.push_back(static_cast<std::int64_t>(dim));
        });
        break;
      case kTensorDataType:
        header.data_type = reader.Int();
        break;
      case kTensorSegment:
        header.segmented = true;
        break;
      case kTensorRawData:
        header.raw = reader.Bytes();
        break;
      case kTensorExternalData:
        ReadExternalEntry(reader.Bytes(), place, header);
        break;
      case kTensorDataLocation:
        header.location = reader.Int();
        break;
      default:
        break;
    }
  }
  return header;
}

std::string Described(DataType type, const Shape& dims) {
  return std::string(DataTypeName(type)) + " " + ShapeToString(dims);
}

// Elements that the dimensions claim; the byte count fits 63 bits too.
std::int64_t ClaimedElements(DataType type, const Shape& dims, const Place& place) {
  const auto element = static_cast<std::int64_t>(DataTypeSize(type));
  std::int64_t bytes = element;
  bool empty = false;
  for (const std::int64_t dim : dims) {
    if (dim < 0) Invalid(place, "has a negative dimension: " + ShapeToString(dims));
    if (dim == 0) {
      empty = true;
    } else if (__builtin_mul_overflow(bytes, dim, &bytes)) {
      Invalid(place, "claims dimensions " + ShapeToString(dims) + ", too many elements to count");
    }
  }
  return empty ? 0 : bytes / element;
}

template <typename T>
void DecodeIntegers(WireReader& reader, DataType type, const Place& place, T*& out) {
  const bool is_signed = std::is_signed_v<T>;
  reader.EachVarint([&](std::uint64_t bits) {
    // As protobuf does: an int32 is what the low 32 bits say.
    const std::int64_t value = sizeof(T) == 8 || (sizeof(T) == 4 && !is_signed)
                                   ? static_cast<std::int64_t>(bits)
                                   : static_cast<std::int32_t>(static_cast<std::uint32_t>(bits));
    if (sizeof(T) < 8 && (value < std::int64_t{std::numeric_limits<T>::min()} ||
                          value > static_cast<std::int64_t>(std::numeric_limits<T>::max()))) {
      Invalid(place, "holds the value " + std::to_string(value) + ", which does not fit " +
                         DataTypeName(type));
    }
    *out++ = static_cast<T>(value);
  });
}

template <typename T>
void DecodeTyped(std::string_view proto, std::uint32_t field, const Place& place, Tensor& tensor) {
  T* out = static_cast<T*>(tensor.raw());
  WireReader reader(proto, place);
  while (reader.Next()) {
    if (reader.field() != field) continue;
    if constexpr (std::is_floating_point_v<T>) {
      reader.EachFixed<T>([&](T value) { *out++ = value; });
    } else {
      DecodeIntegers<T>(reader, tensor.type(), place, out);
    }
  }
}

void DecodeTypedAs(DataType type, std::string_view proto, std::uint32_t field, const Place& place,
                   Tensor& tensor) {
  switch (type) {
    case DataType::kFloat32:
      return DecodeTyped<float>(proto, field, place, tensor);
    case DataType::kFloat64:
      return DecodeTyped<double>(proto, field, place, tensor);
    case DataType::kInt8:
      return DecodeTyped<std::int8_t>(proto, field, place, tensor);
    case DataType::kInt16:
      return DecodeTyped<std::int16_t>(proto, field, place, tensor);
    case DataType::kInt32:
      return DecodeTyped<std::int32_t>(proto, field, place, tensor);
    case DataType::kInt64:
      return DecodeTyped<std::int64_t>(proto, field, place, tensor);
    case DataType::kUInt8:
    case DataType::kBool:
      return DecodeTyped<std::uint8_t>(proto, field, place, tensor);
    case DataType::kUInt32:
      return DecodeTyped<std::uint32_t>(proto, field, place, tensor);
    case DataType::kUInt64:
      return DecodeTyped<std::uint64_t>(proto, field, place, tensor);
    default:  // uint16 and the bits of float16 and bfloat16
      return DecodeTyped<std::uint16_t>(proto, field, place, tensor);
  }
}

// Any byte but 0 means true; a bool of C++ may be 0 or 1 only.
void NormalizeBools(Tensor& tensor) {
  auto* const bytes = static_cast<unsigned char*>(tensor.raw());
  for (std::size_t i = 0; i < tensor.bytes(); ++i) bytes[i] = bytes[i] != 0;
}

std::int64_t CountTyped(std::string_view proto, std::uint32_t field, const Place& place) {
  std::size_t count = 0;
  WireReader reader(proto, place);
  while (reader.Next()) {
    if (reader.field() != field) continue;
    count += field == kTensorFloatData    ? reader.CountFixed<float>()
             : field == kTensorDoubleData ? reader.CountFixed<double>()
                                          : reader.CountVarints();
  }
  return static_cast<std::int64_t>(count);
}

// What takes no memory before somebody writes to it.
Tensor Zeros(DataType type, const Shape& dims, std::int64_t elements, Context& context,
             const Place& place) {
  const std::size_t bytes = static_cast<std::size_t>(elements) * DataTypeSize(type);
  context.ChargeTensor(static_cast<std::int64_t>(bytes), place);
  const std::shared_ptr<void> zeros = LazyZeroBytes(bytes);
  if (zeros == nullptr) throw std::bad_alloc();
  return Tensor::Wrap(type, dims, zeros.get(), bytes, zeros);
}

Tensor ReadTyped(DataType type, const Shape& dims, std::int64_t elements, std::string_view proto,
                 Context& context, const Place& place) {
  const std::uint32_t field = TypedField(type);
  const std::int64_t found = CountTyped(proto, field, place);
  if (found == 0 && elements > 0 && context.without_data) {
    return Zeros(type, dims, elements, context, place);
  }
  if (found != elements) {
    Invalid(place, found == 0
                       ? "has no data (neither raw_data nor " + std::string(TypedFieldName(field)) +
                             "), expected " + std::to_string(elements) + " elements for " +
                             Described(type, dims)
                       : std::string(TypedFieldName(field)) + " holds " + std::to_string(found) +
                             " elements, expected " + std::to_string(elements) + " for " +
                             Described(type, dims));
  }
  context.ChargeTensor(elements * static_cast<std::int64_t>(DataTypeSize(type)), place);
  Tensor tensor(type, dims);
  if (elements > 0) DecodeTypedAs(type, proto, field, place, tensor);
  if (type == DataType::kBool) NormalizeBools(tensor);
  return tensor;
}

// Piece by piece out of a mapped file, whose pages need not stay in memory beside the copy.
void CopyFromFile(std::string_view bytes, void* to) {
  constexpr std::size_t kPiece = std::size_t{1} << 20;
  for (std::size_t at = 0; at < bytes.size(); at += kPiece) {
    const std::string_view piece = bytes.substr(at, kPiece);
    std::memcpy(static_cast<char*>(to) + at, piece.data(), piece.size());
    MappedFile::Release(piece);
  }
}

// `bytes` are as many as the shape needs; `owner` is of a mapped file.
Tensor ViewOrCopy(DataType type, const Shape& dims, std::string_view bytes,
                  const std::shared_ptr<const void>& owner) {
  const bool aligned = reinterpret_cast<std::uintptr_t>(bytes.data()) % DataTypeSize(type) == 0;
  const bool strange_bools =
      type == DataType::kBool &&
      std::any_of(bytes.begin(), bytes.end(), [](char c) { return c != 0 && c != 1; });
  if (owner != nullptr && aligned && !strange_bools && !bytes.empty()) {
    return Tensor::Wrap(type, dims, bytes.data(), bytes.size(), owner);
  }
  Tensor tensor(type, dims);
  if (owner != nullptr) {
    CopyFromFile(bytes, tensor.raw());
  } else if (!bytes.empty()) {
    std::memcpy(tensor.raw(), bytes.data(), bytes.size());
  }
  if (strange_bools) NormalizeBools(tensor);
  return tensor;
}

std::uint64_t ParseExternalNumber(const char* key, std::string_view text, const Place& place) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    Invalid(place, std::string("external data has the ") + key + " " + Quoted(text) +
                       ", expected a number of bytes from 0");
  }
  return number;
}

Tensor ReadExternal(DataType type, std::int64_t elements, const TensorHeader& header,
                    Context& context, const Place& place) {
  if (context.external == nullptr) {
    Unsupported(place, "is stored as external data at " + Quoted(header.file) +
                           ", but a model from memory has no folder; read it from its file");
  }
  const std::uint64_t needed = static_cast<std::uint64_t>(elements) * DataTypeSize(type);
  const std::uint64_t offset =
      header.offset ? ParseExternalNumber("offset", *header.offset, place) : 0;
  const std::uint64_t length =
      header.length ? ParseExternalNumber("length", *header.length, place) : needed;
  if (length != needed) {
    Invalid(place, "external data has the length " + std::to_string(length) + ", expected " +
                       std::to_string(needed) + " bytes for " + Described(type, header.dims));
  }
  const auto file = context.external->Open(header.file, place);
  const std::uint64_t size = file->bytes().size();
  if (offset > size || length > size - offset) {
    Invalid(place, "external data needs " + std::to_string(length) + " bytes from offset " +
                       std::to_string(offset) + " of " + Quoted(header.file) + ", which has " +
                       std::to_string(size) + " bytes");
  }
  context.ChargeTensor(static_cast<std::int64_t>(needed), place);
  return ViewOrCopy(type, header.dims, file->bytes().substr(offset, length), file);
}

}  // namespace

DataType DataTypeOfOnnx(std::int64_t onnx_type, const Place& place) {
  const OnnxElementType* known = FindElementType(onnx_type);
  if (known == nullptr) {
    Invalid(place,
            "has the element type " + std::to_string(onnx_type) + ", which ONNX does not define");
  }
  if (onnx_type != 0 && known->type == DataType::kUndefined) {
    Unsupported(place, "has the element type " + std::string(known->name) +
                           "; supported are float64/32/16, bfloat16, integers of 8 to 64 bits and "
                           "bool");
  }
  return known->type;
}

std::string_view TensorName(std::string_view proto, const Place& place) {
  std::string_view name;
  WireReader reader(proto, place);
  while (reader.Next()) {
    if (reader.field() == kTensorName) name = reader.Bytes();
  }
  return name;
}

Tensor ReadTensor(std::string_view proto, Context& context, const Place& place) {
  const TensorHeader header = ReadHeader(proto, context, place);
  const DataType type = DataTypeOfOnnx(header.data_type, place);
  if (type == DataType::kUndefined) Invalid(place, "has no element type");
  if (type == DataType::kString) {
    Unsupported(place, "is a tensor of strings; Kinglet has tensors of numbers only");
  }
  if (header.segmented) Unsupported(place, "is stored in segments");
  if (header.location != 0 && header.location != 1) {
    Invalid(place, "has the data location " + std::to_string(header.location) +
                       ", expected 0 (in the model) or 1 (external)");
  }
  const std::int64_t elements = ClaimedElements(type, header.dims, place);
  if (header.location == 1) {
    try {
      return ReadExternal(type, elements, header, context, place);
    } catch (const Error&) {
      if (!context.without_data) throw;
      return Zeros(type, header.dims, elements, context, place);
    }
  }
  if (header.raw.empty()) return ReadTyped(type, header.dims, elements, proto, context, place);
  const std::size_t needed = static_cast<std::size_t>(elements) * DataTypeSize(type);
  if (header.raw.size() != needed) {
    Invalid(place, "raw_data holds " + std::to_string(header.raw.size()) + " bytes, expected " +
                       std::to_string(needed) + " for " + Described(type, header.dims));
  }
  context.ChargeTensor(static_cast<std::int64_t>(needed), place);
  return ViewOrCopy(type, header.dims, header.raw, context.owner);
}

}  // namespace kinglet::converters

namespace kinglet {

Tensor ReadTensorProto(std::span<const std::byte> bytes) {
  converters::Context context;
  const converters::Place place("tensor");
  return converters::ReadTensor({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                                context, place);
}

}  // namespace kinglet
