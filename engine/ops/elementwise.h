// What operators that treat elements alike share: how their work is cut into units, planes of the
// blocked layout, and the fused activation.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>

#include "engine/op/op.h"
#include "kernels/common/blocked.h"
#include "kernels/common/epilogue.h"
#include "kernels/eltwise/unary.h"

namespace kinglet {

// A tensor cut into contiguous units that do not cross images (its first dimension).
class ElementUnits {
 public:
  // `elements` of storage (pad lanes included), `images` of equal size.
  ElementUnits(std::int64_t elements, std::int64_t images)
      : per_image_(images > 0 ? elements / images : 0),
        units_per_image_((per_image_ + kUnitElements - 1) / kUnitElements),
        units_(images * units_per_image_) {}
  explicit ElementUnits(const Shape& shape)
      : ElementUnits(ElementCount(shape), shape.empty() ? 1 : shape[0]) {}

  std::int64_t count() const { return units_; }
  // Units [begin, end) are the elements [Start(begin), Start(end)).
  std::int64_t Start(std::int64_t unit) const {
    if (units_per_image_ == 0) return 0;
    return unit / units_per_image_ * per_image_ +
           std::min(unit % units_per_image_ * kUnitElements, per_image_);
  }

 private:
  static constexpr std::int64_t kUnitElements = 8192;
  std::int64_t per_image_;
  std::int64_t units_per_image_;
  std::int64_t units_;
};

// Equal planes (of a channel, or of a block of 16 channels), each cut into units of whole rows of
// `granule` elements.
class PlaneUnits {
 public:
  PlaneUnits(std::int64_t planes, std::int64_t elements, std::int64_t granule = 1)
      : elements_(elements),
        unit_elements_(std::max<std::int64_t>(kUnitElements / granule, 1) * granule),
        units_per_plane_((elements + unit_elements_ - 1) / unit_elements_),
        units_(planes * units_per_plane_) {}

  std::int64_t count() const { return units_; }

  // Calls f(plane, first element in the plane, length) for the units [begin, end).
  template <typename F>
  void For(std::int64_t begin, std::int64_t end, F&& f) const {
    for (std::int64_t unit = begin; unit < end; ++unit) {
      const std::int64_t first = unit % units_per_plane_ * unit_elements_;
      f(unit / units_per_plane_, first, std::min(unit_elements_, elements_ - first));
    }
  }

 private:
  static constexpr std::int64_t kUnitElements = 8192;
  std::int64_t elements_;
  std::int64_t unit_elements_;
  std::int64_t units_per_plane_;
  std::int64_t units_;
};

// A blocked tensor {N, C, H, W} as planes of H * W pixels of 16 channels.
struct BlockedPlanes {
  explicit BlockedPlanes(const Shape& shape)
      : blocks(kernels::BlockCount(shape[1])),
        count(shape[0] * blocks),
        elements(shape[2] * shape[3] * kernels::kBlock),
        channels(shape[1]) {}

  // Lanes of a plane that are channels.
  std::int64_t ValidLanes(std::int64_t plane) const {
    return std::min(kernels::kBlock, channels - plane % blocks * kernels::kBlock);
  }
  PlaneUnits Units() const { return PlaneUnits(count, elements, kernels::kBlock); }

  std::int64_t blocks;    // of one image
  std::int64_t count;     // N * blocks
  std::int64_t elements;  // of one plane
  std::int64_t channels;
};

// Zeroes the lanes [valid, 16) of `elements` / 16 pixels.
inline void ZeroPadLanes(float* data, std::int64_t elements, std::int64_t valid) {
  for (std::int64_t p = 0; p < elements; p += kernels::kBlock) {
    for (std::int64_t lane = valid; lane < kernels::kBlock; ++lane) data[p + lane] = 0.0f;
  }
}

// The float32 rank-4 test that every layout-agnostic operator begins with: input i exists blocked.
inline bool UsesBlocked(const PlanContext& context, std::size_t i) {
  return context.HasInput(i) && context.InputType(i) == DataType::kFloat32 &&
         context.InputShape(i).size() == 4 && context.IsBlocked(i);
}

// A node's fused activation as kernels take it.
kernels::Epilogue FusedEpilogue(const Fusion& fusion);

// A node's fused activation as a second pass over values that were just written.
class ActivationFn {
 public:
  explicit ActivationFn(const Fusion& fusion);
  bool empty() const { return function_ == nullptr; }
  bool KeepsZero() const { return keeps_zero_; }
  void Apply(float* values, std::int64_t count) const {
    if (empty()) return;
    function_(values, values, static_cast<std::size_t>(count), alpha_, beta_);
  }

 private:
  kernels::UnaryFn function_ = nullptr;
  float alpha_ = 0;
  float beta_ = 0;
  bool keeps_zero_ = true;
};

// The kernel id "eltwise/add_f32" of a node Add.
std::string ElementwiseId(const NodeContext& context, DataType type);

// Throws Error(kInvalidModel) when input i does not have this type.
void RequireType(const NodeContext& context, std::size_t i, DataType type);
// Throws Error(kInvalidModel) when inputs [0, count) differ in type.
void RequireEqualTypes(const NodeContext& context, std::size_t count);
// Throws Error(kUnsupported) when input i is not float32 or float64.
void RequireFloat(const NodeContext& context, std::size_t i);

}  // namespace kinglet
