#include "engine/runtime/views.h"

#include <algorithm>
#include <cstdint>
#include <functional>

#include "kinglet/error.h"

namespace kinglet {
namespace {

[[noreturn]] void Invalid(const std::string& what) { throw Error(ErrorCode::kInvalidInput, what); }

std::string Label(const std::string& source, const char* what, const TensorInfo& info) {
  return source + ": " + what + " '" + info.name + "'";
}

std::string Text(std::span<const std::int64_t> shape) {
  return ShapeToString(Shape(shape.begin(), shape.end()));
}

// False where a size is negative, or the bytes overflow.
bool BytesOf(const ConstTensorView& view, std::size_t& bytes) {
  bytes = DataTypeSize(view.type);
  const bool valid =
      std::all_of(view.shape.begin(), view.shape.end(), [&](std::int64_t dim) { return dim >= 0; });
  if (std::find(view.shape.begin(), view.shape.end(), 0) != view.shape.end()) bytes = 0;
  for (const std::int64_t dim : view.shape) {
    if (!valid || __builtin_mul_overflow(bytes, static_cast<std::size_t>(dim), &bytes))
      return false;
  }
  return true;
}

template <typename View>
void Check(const std::string& source, const char* what, const std::vector<TensorInfo>& infos,
           std::span<const View> views) {
  if (views.size() != infos.size()) {
    Invalid(source + ": " + std::to_string(views.size()) + " " + what + "s, expected " +
            std::to_string(infos.size()));
  }
  for (std::size_t k = 0; k < views.size(); ++k) {
    const ConstTensorView view = views[k];
    std::size_t bytes = 0;
    if (!BytesOf(view, bytes) || view.bytes != bytes) {
      Invalid(Label(source, what, infos[k]) + " has " + std::to_string(view.bytes) +
              " bytes, which is not what " + DataTypeName(view.type) + " of shape " +
              Text(view.shape) + " takes");
    }
    if (bytes == 0) continue;
    if (view.data == nullptr) Invalid(Label(source, what, infos[k]) + " has no memory");
    if (reinterpret_cast<std::uintptr_t>(view.data) % DataTypeSize(view.type) != 0) {
      Invalid(Label(source, what, infos[k]) + " does not lie at a multiple of " +
              std::to_string(DataTypeSize(view.type)) + " bytes, the size of its elements");
    }
  }
}

bool Overlap(const ConstTensorView& a, const ConstTensorView& b) {
  const auto* begin_a = static_cast<const std::byte*>(a.data);
  const auto* begin_b = static_cast<const std::byte*>(b.data);
  const std::less<> before;
  return a.bytes > 0 && b.bytes > 0 && before(begin_a, begin_b + b.bytes) &&
         before(begin_b, begin_a + a.bytes);
}

}  // namespace

void CheckViews(const std::string& source, const char* what, const std::vector<TensorInfo>& infos,
                std::span<const ConstTensorView> views) {
  Check(source, what, infos, views);
}
void CheckViews(const std::string& source, const char* what, const std::vector<TensorInfo>& infos,
                std::span<const TensorView> views) {
  Check(source, what, infos, views);
}

void CheckApart(const std::string& source, const std::vector<TensorInfo>& input_infos,
                std::span<const ConstTensorView> inputs,
                const std::vector<TensorInfo>& output_infos, std::span<const TensorView> outputs) {
  for (std::size_t k = 0; k < outputs.size(); ++k) {
    const auto check = [&](const ConstTensorView& other, const char* what, const TensorInfo& info) {
      if (!Overlap(outputs[k], other)) return;
      Invalid(Label(source, "output", output_infos[k]) + " shares memory with " + what + " '" +
              info.name + "'");
    };
    for (std::size_t i = 0; i < inputs.size(); ++i) check(inputs[i], "input", input_infos[i]);
    for (std::size_t j = 0; j < k; ++j) check(outputs[j], "output", output_infos[j]);
  }
}

void CheckOutput(const std::string& source, const TensorInfo& info, const TensorView& view,
                 DataType type, const Shape& shape) {
  if (view.type == type && std::ranges::equal(view.shape, shape)) return;
  Invalid(Label(source, "output", info) + " is given memory for " + DataTypeName(view.type) +
          " of shape " + Text(view.shape) + ", but is " + DataTypeName(type) + " of shape " +
          ShapeToString(shape));
}

}  // namespace kinglet
