#include "engine/ops/recurrent_products.h"

#include <algorithm>

namespace kinglet {
namespace {

using kernels::GemmShape;
using kernels::GemmVariant;

// The one that takes every shape.
const GemmVariant& Variant() {
  static const GemmVariant* const variant = kernels::FindGemmVariant("gemm/packed_f32");
  return *variant;
}

std::size_t PackedBytes(std::int64_t n, std::int64_t k) {
  return Variant().packed_bytes({.m = 1, .n = n, .k = k});
}

// Rows [first, first + n) of the matrix of `direction`, as columns.
void PackRows(const float* weights, const GateRange& rows, std::int64_t k, std::byte* to) {
  Variant().pack({.m = 1, .n = rows.count, .k = k}, {weights + rows.first * k, 1, k}, to);
}

// The parts of input i, of {directions, width, k}, packed range by range, the directions of a range
// side by side.
std::vector<PackedRecurrentProducts::Part> PackParts(PlanContext& context, std::size_t i,
                                                     const Recurrent& r, std::int64_t k,
                                                     const std::vector<GateRange>& ranges) {
  kernels::PackedFormat format = Variant().packed_format({.m = 1, .n = r.gate_width(), .k = k});
  format.family = "recurrent";
  if (ranges.size() > 1) format.variant += "_ranges";
  format.groups = r.directions;
  format.transposed = true;
  const auto directions = static_cast<std::size_t>(r.directions);
  std::size_t bytes = 0;
  for (const GateRange& range : ranges) bytes += directions * PackedBytes(range.count, k);
  const void* packed = context.Packed(i, format, bytes, [&](void* to) {
    const auto* weights = context.InputValue(i)->data<float>();
    auto* at = static_cast<std::byte*>(to);
    for (const GateRange& range : ranges) {
      for (std::int64_t d = 0; d < r.directions; ++d) {
        PackRows(weights + d * r.gate_width() * k, range, k, at);
        at += PackedBytes(range.count, k);
      }
    }
  });
  context.DoNotRead(i);
  std::vector<PackedRecurrentProducts::Part> parts;
  const auto* at = static_cast<const std::byte*>(packed);
  for (const GateRange& range : ranges) {
    const std::size_t each = PackedBytes(range.count, k);
    parts.push_back({at, each, range.count, k});
    at += directions * each;
  }
  return parts;
}

}  // namespace

std::vector<GateRange> StateRanges(const Recurrent& r) {
  if (r.cell != RecurrentCell::kGru || r.linear_before_reset) return {{0, r.gate_width()}};
  return {{0, 2 * r.hidden}, {2 * r.hidden, r.hidden}};
}

PackedRecurrentProducts PackRecurrentProducts(PlanContext& context, const Recurrent& r) {
  const auto input = PackParts(context, 1, r, r.input, {{0, r.gate_width()}});
  return {Variant(), input[0], PackParts(context, 2, r, r.hidden, StateRanges(r))};
}

std::size_t PackedRecurrentProducts::scratch_bytes() const {
  std::size_t bytes = variant_->scratch_bytes({.m = 1, .n = input_.n, .k = input_.k});
  for (const Part& part : state_) {
    bytes = std::max(bytes, variant_->scratch_bytes({.m = 1, .n = part.n, .k = part.k}));
  }
  return bytes;
}

void PackedRecurrentProducts::Multiply(const Part& part, std::int64_t direction, std::int64_t rows,
                                       const float* a, const float* bias, float* c,
                                       std::int64_t stride, std::byte* scratch) const {
  const GemmShape shape{.m = rows, .n = part.n, .k = part.k};
  kernels::GemmArgs args;
  args.a = a;
  args.lda = part.k;
  args.packed = part.weights + static_cast<std::size_t>(direction) * part.bytes;
  args.bias = bias;
  args.c = c;
  args.ldc = stride;
  variant_->run(shape, args, 0, variant_->units(shape), scratch);
}

}  // namespace kinglet
