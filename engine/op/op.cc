#include "engine/op/op.h"

#include <cstdarg>
#include <cstdio>

#include "engine/op/run_context.h"
#include "kinglet/error.h"

namespace kinglet {

void RunStatus::Fail(const char* format, ...) noexcept {
  if (claimed_.exchange(true)) return;
  std::va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(message_, kMessageBytes, format, arguments);
  va_end(arguments);
  failed_.store(true, std::memory_order_release);
}

void RunStatus::FailAt(const char* where, const char* message) noexcept {
  if (claimed_.exchange(true)) return;
  where_ = where;
  std::snprintf(message_, kMessageBytes, "%s", message);
  failed_.store(true, std::memory_order_release);
}

void RunStatus::Reset() noexcept {
  where_ = nullptr;
  claimed_ = false;
  failed_ = false;
}

void NodeContext::Invalid(const std::string& what) const {
  throw Error(ErrorCode::kInvalidModel, NodeLabel(node()) + ": " + what);
}

void NodeContext::Unsupported(const std::string& what) const {
  throw Error(ErrorCode::kUnsupported, NodeLabel(node()) + ": " + what);
}

void RunContext::WrongData(const std::string& what) const {
  throw Error(ErrorCode::kInvalidInput, NodeLabel(node()) + ": " + what);
}

std::size_t NodeContext::Axis(std::int64_t axis, std::size_t rank) const {
  const auto signed_rank = static_cast<std::int64_t>(rank);
  if (axis < -signed_rank || axis >= signed_rank) {
    Invalid("axis " + std::to_string(axis) + " of a tensor of rank " + std::to_string(rank));
  }
  return static_cast<std::size_t>(axis < 0 ? axis + signed_rank : axis);
}

namespace {

template <typename To, typename From>
std::vector<To> Values(const Tensor& tensor) {
  const From* data = tensor.data<From>();
  std::vector<To> values(static_cast<std::size_t>(tensor.size()));
  for (std::size_t k = 0; k < values.size(); ++k) values[k] = static_cast<To>(data[k]);
  return values;
}

}  // namespace

const Tensor& NodeContext::DemandedValue(std::size_t i, std::string_view what) const {
  const Tensor* value = ValueNow(i);
  if (value == nullptr) {
    throw DependsOnData(NodeLabel(node()) + ": " + std::string(what) + " (input " +
                        std::to_string(i) + ") depends on data; it must be known before running");
  }
  return *value;
}

std::vector<std::int64_t> NodeContext::InputInts(std::size_t i, std::string_view what) const {
  const Tensor& value = DemandedValue(i, what);
  if (value.type() == DataType::kInt64) return Values<std::int64_t, std::int64_t>(value);
  if (value.type() == DataType::kInt32) return Values<std::int64_t, std::int32_t>(value);
  Invalid(std::string(what) + " (input " + std::to_string(i) + ") has type " +
          DataTypeName(value.type()) + ", expected int64");
}

std::vector<float> NodeContext::InputFloats(std::size_t i, std::string_view what) const {
  const Tensor& value = DemandedValue(i, what);
  if (value.type() == DataType::kFloat32) return Values<float, float>(value);
  if (value.type() == DataType::kFloat64) return Values<float, double>(value);
  Invalid(std::string(what) + " (input " + std::to_string(i) + ") has type " +
          DataTypeName(value.type()) + ", expected float32");
}

}  // namespace kinglet
