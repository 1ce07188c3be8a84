// Writes the bytes of small ONNX models, right and wrong ones.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <protozero/pbf_writer.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "kinglet/error.h"
#include "kinglet/onnx.h"

namespace kinglet::onnx_bytes {

using Writer = protozero::pbf_writer;

// Numbers of TensorProto.DataType.
enum OnnxType : std::int32_t {
  kFloat = 1,
  kUint8 = 2,
  kInt8 = 3,
  kUint16 = 4,
  kInt16 = 5,
  kInt32 = 6,
  kInt64 = 7,
  kString = 8,
  kBool = 9,
  kFloat16 = 10,
  kDouble = 11,
  kUint32 = 12,
  kUint64 = 13,
  kBfloat16 = 16,
};

inline std::string Message(const std::function<void(Writer&)>& fill) {
  std::string bytes;
  Writer writer(bytes);
  fill(writer);
  return bytes;
}

template <typename T>
std::string Raw(const std::vector<T>& values) {
  return {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)};
}

// A TensorProto; `data` adds the elements.
inline std::string TensorBytes(const std::string& name, std::int32_t type,
                               const std::vector<std::int64_t>& dims,
                               const std::function<void(Writer&)>& data) {
  return Message([&](Writer& writer) {
    writer.add_packed_int64(1, dims.begin(), dims.end());
    writer.add_int32(2, type);
    writer.add_string(8, name);
    data(writer);
  });
}

inline std::string RawTensor(const std::string& name, std::int32_t type,
                             const std::vector<std::int64_t>& dims, const std::string& raw) {
  return TensorBytes(name, type, dims, [&](Writer& writer) { writer.add_bytes(9, raw); });
}

// A size, or a name for a free one ("" for one without a name).
struct Dim {
  Dim(int size) : value(size) {}                                     // NOLINT: reads as a list
  Dim(std::int64_t size) : value(size) {}                            // NOLINT
  Dim(const char* name) : symbol(name), is_free(true), value(-1) {}  // NOLINT
  std::string symbol;
  bool is_free = false;
  std::int64_t value;
};

inline std::string InfoBytes(const std::string& name, std::int32_t type,
                             const std::vector<Dim>& dims) {
  const std::string shape = Message([&](Writer& writer) {
    for (const Dim& dim : dims) {
      writer.add_message(1, Message([&](Writer& part) {
                           if (!dim.is_free) part.add_int64(1, dim.value);
                           if (!dim.symbol.empty()) part.add_string(2, dim.symbol);
                         }));
    }
  });
  const std::string tensor = Message([&](Writer& writer) {
    writer.add_int32(1, type);
    writer.add_message(2, shape);
  });
  return Message([&](Writer& writer) {
    writer.add_string(1, name);
    writer.add_message(2, Message([&](Writer& part) { part.add_message(1, tensor); }));
  });
}

inline std::string NamedOnly(const std::string& name) {
  return Message([&](Writer& writer) { writer.add_string(1, name); });
}

// An AttributeProto; `value` adds its field.
inline std::string AttributeBytes(const std::string& name, std::int32_t type,
                                  const std::function<void(Writer&)>& value) {
  return Message([&](Writer& writer) {
    writer.add_string(1, name);
    if (type != 0) writer.add_int32(20, type);
    value(writer);
  });
}

inline std::string NodeBytes(const std::string& op, const std::vector<std::string>& inputs,
                             const std::vector<std::string>& outputs,
                             const std::vector<std::string>& attributes = {},
                             const std::string& domain = "", const std::string& name = "",
                             const std::string& overload = "") {
  return Message([&](Writer& writer) {
    for (const std::string& input : inputs) writer.add_string(1, input);
    for (const std::string& output : outputs) writer.add_string(2, output);
    if (!name.empty()) writer.add_string(3, name);
    writer.add_string(4, op);
    for (const std::string& attribute : attributes) writer.add_message(5, attribute);
    if (!domain.empty()) writer.add_string(7, domain);
    if (!overload.empty()) writer.add_string(8, overload);
  });
}

struct GraphParts {
  std::vector<std::string> nodes;
  std::vector<std::string> inputs;   // InfoBytes
  std::vector<std::string> outputs;  // InfoBytes
  std::vector<std::string> initializers;
  std::vector<std::string> value_infos;

  std::string Bytes() const {
    return Message([&](Writer& writer) {
      writer.add_string(2, "g");
      for (const std::string& node : nodes) writer.add_message(1, node);
      for (const std::string& tensor : initializers) writer.add_message(5, tensor);
      for (const std::string& info : inputs) writer.add_message(11, info);
      for (const std::string& info : outputs) writer.add_message(12, info);
      for (const std::string& info : value_infos) writer.add_message(13, info);
    });
  }
};

// A FunctionProto.
struct FunctionParts {
  std::string domain = "local";
  std::string name;
  std::string overload = "";
  std::vector<std::string> inputs = {"X"};
  std::vector<std::string> outputs = {"Y"};
  std::vector<std::string> nodes;
  std::vector<std::string> attributes = {};  // names of those without a default
  std::vector<std::string> defaults = {};    // AttributeBytes
  std::vector<std::pair<std::string, std::int64_t>> opsets = {{"", 13}, {"local", 1}};

  std::string Bytes() const {
    return Message([&](Writer& writer) {
      writer.add_string(1, name);
      for (const std::string& input : inputs) writer.add_string(4, input);
      for (const std::string& output : outputs) writer.add_string(5, output);
      for (const std::string& attribute : attributes) writer.add_string(6, attribute);
      for (const std::string& node : nodes) writer.add_message(7, node);
      for (const auto& [imported, version] : opsets) {
        Writer import(writer, 9);
        import.add_string(1, imported);
        import.add_int64(2, version);
      }
      writer.add_string(10, domain);
      for (const std::string& attribute : defaults) writer.add_message(11, attribute);
      if (!overload.empty()) writer.add_string(13, overload);
    });
  }
};

struct ModelParts {
  GraphParts graph;
  std::int64_t ir_version = 8;
  std::vector<std::pair<std::string, std::int64_t>> opsets = {{"", 13}};
  std::vector<FunctionParts> functions = {};

  std::string Bytes() const {
    return Message([&](Writer& writer) {
      writer.add_int64(1, ir_version);
      writer.add_message(7, graph.Bytes());
      for (const auto& [domain, version] : opsets) {
        Writer import(writer, 8);
        import.add_string(1, domain);
        import.add_int64(2, version);
      }
      for (const FunctionParts& function : functions) writer.add_message(25, function.Bytes());
    });
  }
};

// y = Relu(x) with x of 1x2.
inline ModelParts TinyModel() {
  ModelParts model;
  model.graph.nodes = {NodeBytes("Relu", {"x"}, {"y"})};
  model.graph.inputs = {InfoBytes("x", kFloat, {1, 2})};
  model.graph.outputs = {InfoBytes("y", kFloat, {1, 2})};
  return model;
}

// TinyModel with another initializer, which nothing reads.
inline ModelParts WithInitializer(const std::string& tensor) {
  ModelParts model = TinyModel();
  model.graph.initializers = {tensor};
  return model;
}

inline Graph Read(const std::string& bytes, const OnnxLimits& limits = {}) {
  return ReadOnnxBytes(std::as_bytes(std::span(bytes.data(), bytes.size())), "m.onnx", limits);
}

// The message is one printable line that starts with the file and has all `parts`.
inline void ExpectRefused(const std::function<void()>& read, ErrorCode code,
                          const std::vector<std::string>& parts) {
  try {
    read();
    ADD_FAILURE() << "accepted, expected an error with: " << parts.front();
  } catch (const Error& error) {
    const std::string message = error.what();
    EXPECT_EQ(error.code(), code) << message;
    for (const std::string& part : parts) EXPECT_THAT(message, ::testing::HasSubstr(part));
    EXPECT_THAT(message, ::testing::Not(::testing::ContainsRegex("[\x01-\x1f\x7f]")));
    EXPECT_LT(message.size(), 2000u);
  }
}

inline void ExpectRefused(const std::string& bytes, ErrorCode code,
                          const std::vector<std::string>& parts, const OnnxLimits& limits = {}) {
  ExpectRefused([&] { Read(bytes, limits); }, code, parts);
}

}  // namespace kinglet::onnx_bytes
