// Tensors made element by element from the index: the naive references of operators that move
// elements.
#pragma once

#include <cstdint>
#include <cstring>

#include "engine/ops/dispatch.h"
#include "kinglet/tensor.h"

namespace kinglet::testing {

using Index = std::vector<std::int64_t>;

// Calls f(index, position) for every element of a row-major tensor.
template <typename F>
void ForEachIndex(const Shape& shape, F&& f) {
  const std::int64_t count = ElementCount(shape);
  Index index(shape.size());
  for (std::int64_t k = 0; k < count; ++k) {
    std::int64_t rest = k;
    for (std::size_t d = shape.size(); d-- > 0; rest /= shape[d]) index[d] = rest % shape[d];
    f(index, k);
  }
}

inline std::int64_t FlatIndex(const Shape& shape, const Index& index) {
  std::int64_t flat = 0;
  for (std::size_t d = 0; d < shape.size(); ++d) flat = flat * shape[d] + index[d];
  return flat;
}

// out[index] = in[source(index)].
template <typename F>
Tensor Moved(const Tensor& in, Shape out_shape, F&& source) {
  Tensor out(in.type(), std::move(out_shape));
  const std::size_t size = DataTypeSize(in.type());
  ForEachIndex(out.shape(), [&](const Index& index, std::int64_t at) {
    const auto from = static_cast<std::size_t>(FlatIndex(in.shape(), source(index)));
    std::memcpy(static_cast<char*>(out.raw()) + static_cast<std::size_t>(at) * size,
                static_cast<const char*>(in.raw()) + from * size, size);
  });
  return out;
}

}  // namespace kinglet::testing
