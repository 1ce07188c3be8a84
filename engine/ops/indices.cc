#include "engine/ops/indices.h"

#include <algorithm>
#include <cinttypes>
#include <string>

#include "engine/ops/views.h"

namespace kinglet {

void CheckIndexType(const NodeContext& context, std::size_t i) {
  const DataType type = context.InputType(i);
  if (type == DataType::kInt32 || type == DataType::kInt64) return;
  context.Invalid("the indices (input " + std::to_string(i) + ") must be int32 or int64, found " +
                  DataTypeName(type));
}

std::int64_t ReportIndex(std::int64_t index, std::int64_t size, RunStatus& status) noexcept {
  status.Fail("index %" PRId64 " is out of range [%" PRId64 ", %" PRId64 ")", index, -size, size);
  return -1;
}

IndexTuples MakeIndexTuples(const NodeContext& context, std::size_t batch_dims) {
  const Shape& data = context.InputShape(0);
  const Shape& indices = context.InputShape(1);
  if (data.size() <= batch_dims || indices.size() <= batch_dims) {
    context.Invalid("data " + ShapeToString(data) + " and indices " + ShapeToString(indices) +
                    " must have a rank above " + std::to_string(batch_dims));
  }
  if (!std::equal(data.begin(), data.begin() + static_cast<std::ptrdiff_t>(batch_dims),
                  indices.begin())) {
    context.Invalid("data " + ShapeToString(data) + " and indices " + ShapeToString(indices) +
                    " differ in their first " + std::to_string(batch_dims) + " dims");
  }
  const auto most = static_cast<std::int64_t>(data.size() - batch_dims);
  const std::int64_t size = indices.back();
  if (size < 1 || size > most) {
    context.Invalid("the last dim of the indices (input 1) is " + std::to_string(size) +
                    ", expected 1 to " + std::to_string(most));
  }
  const std::size_t end = batch_dims + static_cast<std::size_t>(size);
  const Shape strides = RowMajorStrides(data);
  IndexTuples t;
  t.batches = DimsProduct(data, 0, batch_dims);
  t.tuples = DimsProduct(indices, batch_dims, indices.size() - 1);
  t.batch_elements = DimsProduct(data, batch_dims, data.size());
  t.slice_elements = DimsProduct(data, end, data.size());
  t.size = size;
  for (std::size_t k = batch_dims; k < end; ++k) {
    t.dims.push_back(data[k]);
    t.strides.push_back(strides[k]);
  }
  return t;
}

ElementRows MakeElementRows(const NodeContext& context) {
  const Shape& data = context.InputShape(0);
  const Shape& indices = context.InputShape(1);
  const std::size_t axis = context.Axis(context.attributes().Int("axis", 0), data.size());
  bool fits = data.size() == indices.size();
  for (std::size_t k = 0; fits && k < data.size(); ++k) {
    fits = k == axis || indices[k] <= data[k];
  }
  if (!fits) {
    context.Invalid("indices " + ShapeToString(indices) + " do not lie in data " +
                    ShapeToString(data) + " off axis " + std::to_string(axis));
  }
  const Shape strides = RowMajorStrides(data);
  ElementRows rows;
  rows.width = indices.back();
  rows.count = rows.width == 0 ? 0 : DimsProduct(indices, 0, indices.size() - 1);
  rows.axis_size = data[axis];
  rows.axis_stride = strides[axis];
  rows.step = axis + 1 == data.size() ? 0 : 1;
  for (std::size_t k = 0; k + 1 < data.size(); ++k) {
    rows.dims.push_back(indices[k]);
    rows.strides.push_back(k == axis ? 0 : strides[k]);
  }
  return rows;
}

}  // namespace kinglet
