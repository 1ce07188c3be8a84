// Boxes, and the memory of non-maximum suppression.
#pragma once

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <limits>

#include "kernels/common/aligned.h"
#include "kernels/nms/nms.h"

namespace kinglet::kernels {

// So many selected boxes are compared with one by one before a grid is made of them.
inline constexpr int64_t kFlatBoxes = 192;
// What reaches over hardly any distance is worth a grid only.
inline constexpr float kLeastGridThreshold = 0.1f;

// Corners in order.
struct Box {
  float a1, b1, a2, b2, area;

  // Whether the IoU with other boxes can be above 0.
  bool HasArea() const {
    return a2 > a1 && b2 > b1 && area > 0 && area < std::numeric_limits<float>::infinity();
  }
};

// For a grid of boxes in cells, see kernels/nms/grid-inl.h.
struct GridMemory {
  float* boxes = nullptr;  // five arrays
  int64_t stride = 0;
  int64_t slots = 0;  // a power of two
  uint32_t* begins = nullptr;
  uint32_t* ends = nullptr;  // one more than slots
  Box* all = nullptr;
  uint32_t* slot_of = nullptr;  // of each of them
};

struct NmsMemory {
  // For `count` candidates in `base`; null to learn the size.
  NmsMemory(const Nms& nms, int64_t count, void* base) : base_(static_cast<std::byte*>(base)) {
    const bool may_grid = nms.iou_threshold >= kLeastGridThreshold && nms.max_output > kFlatBoxes &&
                          count > 2 * kFlatBoxes;
    stride = RoundUpToLine(std::min(nms.max_output, count) + 16);
    kept = Take<float>(5 * stride);
    other_keys = Take<uint64_t>(count);
    if (!may_grid) return;
    grid.stride = RoundUpToLine(count + 16);
    grid.slots = static_cast<int64_t>(std::bit_ceil(static_cast<uint64_t>(count / 8)));
    grid.boxes = Take<float>(5 * grid.stride);
    grid.begins = Take<uint32_t>(grid.slots);
    grid.ends = Take<uint32_t>(grid.slots + 1);
    grid.all = Take<Box>(count);
    grid.slot_of = Take<uint32_t>(count);
  }

  float* kept;  // five arrays
  int64_t stride;
  uint64_t* other_keys;
  GridMemory grid;  // without slots where none is worth it
  size_t bytes = 0;

 private:
  template <typename T>
  T* Take(int64_t count) {
    const size_t at = bytes;
    bytes += RoundUpToLine(static_cast<size_t>(count) * sizeof(T));
    return base_ == nullptr ? nullptr : reinterpret_cast<T*>(base_ + at);
  }
  std::byte* base_;
};

}  // namespace kinglet::kernels
