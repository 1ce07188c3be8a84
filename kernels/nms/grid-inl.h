// Selected boxes in the cells of a grid by their centres, for sets too large to be compared with
// one by one. Include kernels/common/dispatch.h first.
#if defined(KINGLET_GRID_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef KINGLET_GRID_INL_H_
#undef KINGLET_GRID_INL_H_
#else
#define KINGLET_GRID_INL_H_
#endif

#include <algorithm>
#include <cstdint>
#include <limits>

#include "kernels/nms/grid.h"
#include "kernels/nms/kept-inl.h"

HWY_BEFORE_NAMESPACE();
namespace kinglet::kernels {
namespace HWY_NAMESPACE {

// Cells are hashed into slots; a slot has room for all boxes that could come there, side by side.
// Boxes of other cells in a slot, or of the next slot in a vector, cost time and change nothing:
// every comparison is the true one.
class BoxGrid {
 public:
  // Memory as GridMemory lays it out.
  BoxGrid(float threshold, const GridMemory& memory)
      : threshold_(threshold), memory_(memory), boxes_{memory.boxes, memory.stride} {
    // A little less than the threshold, for the roundings of the comparison.
    const double t = static_cast<double>(threshold) * (1 - 1e-5);
    reach_ = (1 - t) / (2 * t) * (1 + 1e-5);
  }

  // Lays out the slots for boxes 0 to count, of which box(i) is one; false where the sizes do not
  // allow a grid.
  template <typename BoxAt>
  bool Layout(int64_t count, BoxAt box) {
    for (int64_t i = 0; i < count; ++i) memory_.all[i] = box(i);
    if (!Measure(count)) return false;
    std::fill_n(memory_.ends, memory_.slots + 1, 0u);
    for (int64_t i = 0; i < count; ++i) {
      memory_.slot_of[i] = SlotOf(At(i));
      ++memory_.ends[memory_.slot_of[i] + 1];
    }
    for (int64_t s = 0; s < memory_.slots; ++s) memory_.ends[s + 1] += memory_.ends[s];
    std::copy_n(memory_.ends, memory_.slots, memory_.begins);
    boxes_.Clear(0, count + static_cast<int64_t>(hn::Lanes(ArrayTag())));
    count_ = count;
    return true;
  }

  // Box number i of the layout.
  const Box& At(int64_t i) const { return memory_.all[i]; }
  void Add(int64_t i) { boxes_.Set(memory_.ends[memory_.slot_of[i]]++, At(i)); }

  bool Suppresses(const Box& box) const {
    const Range a = Cells(box.a1, box.a2, origin_a_, cell_a_);
    const Range b = Cells(box.b1, box.b2, origin_b_, cell_b_);
    if (a.last - a.first >= kMostCells || b.last - b.first >= kMostCells) {
      return Suppressed(boxes_, 0, count_, box, threshold_);
    }
    for (int64_t i = a.first; i <= a.last; ++i) {
      for (int64_t j = b.first; j <= b.last; ++j) {
        const uint32_t slot = Slot(i, j);
        const int64_t begin = memory_.begins[slot], end = memory_.ends[slot];
        if (begin < end && Suppressed(boxes_, begin, end, box, threshold_)) return true;
      }
    }
    return false;
  }

 private:
  // Along each axis; a box that reaches over more cells is compared with all.
  static constexpr int64_t kMostCells = 9;
  // Below, areas lose their precision.
  static constexpr float kLeastArea = 1e-30f;

  struct Range {
    int64_t first, last;
  };

  bool Measure(int64_t count) {
    double size_a = 0, size_b = 0;
    origin_a_ = origin_b_ = std::numeric_limits<double>::infinity();
    float least = std::numeric_limits<float>::infinity();
    for (int64_t i = 0; i < count; ++i) {
      const Box& x = At(i);
      if (!x.HasArea()) continue;
      size_a += static_cast<double>(x.a2) - static_cast<double>(x.a1);
      size_b += static_cast<double>(x.b2) - static_cast<double>(x.b1);
      origin_a_ = std::min(origin_a_, static_cast<double>(x.a1));
      origin_b_ = std::min(origin_b_, static_cast<double>(x.b1));
      least = std::min(least, x.area);
    }
    const double mean_reach = 2 * reach_ / static_cast<double>(count);
    cell_a_ = 1 / (size_a * mean_reach);
    cell_b_ = 1 / (size_b * mean_reach);
    return least >= kLeastArea && cell_a_ > 0 && cell_b_ > 0;
  }

  static int64_t Cell(double position) {
    // What is beyond goes to the last cell, for boxes as for what looks for them.
    return static_cast<int64_t>(std::max(0.0, std::min(position, 1e15)));
  }

  // The cells in which centres may lie that are close enough to the centre of [low, high].
  Range Cells(float low, float high, double origin, double cell) const {
    const double centre = (static_cast<double>(low) + static_cast<double>(high)) / 2 - origin;
    const double reach = (static_cast<double>(high) - static_cast<double>(low)) * reach_;
    return {Cell((centre - reach) * cell), Cell((centre + reach) * cell)};
  }

  uint32_t Slot(int64_t i, int64_t j) const {
    const uint64_t mixed = static_cast<uint64_t>(i) * 0x9e3779b97f4a7c15u +
                           static_cast<uint64_t>(j) * 0xc2b2ae3d27d4eb4fu;
    return static_cast<uint32_t>(mixed >> 32) & static_cast<uint32_t>(memory_.slots - 1);
  }

  uint32_t SlotOf(const Box& box) const {
    if (!box.HasArea()) return 0;  // never added
    const auto centre = [](float low, float high, double origin) {
      return (static_cast<double>(low) + static_cast<double>(high)) / 2 - origin;
    };
    return Slot(Cell(centre(box.a1, box.a2, origin_a_) * cell_a_),
                Cell(centre(box.b1, box.b2, origin_b_) * cell_b_));
  }

  float threshold_;
  GridMemory memory_;
  KeptBoxes boxes_;
  double reach_;  // how far centres may be from each other, in sizes
  double origin_a_ = 0, origin_b_ = 0, cell_a_ = 0, cell_b_ = 0;  // cells in an axis' unit
  int64_t count_ = 0;
};

}  // namespace HWY_NAMESPACE
}  // namespace kinglet::kernels
HWY_AFTER_NAMESPACE();

#endif  // KINGLET_GRID_INL_H_
