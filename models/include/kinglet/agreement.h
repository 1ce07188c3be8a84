// How far two networks say the same of pictures: one in float32, and the same one in less.
#pragma once

#include <cstddef>
#include <cstdint>

namespace kinglet {

// Counted over pictures that both networks were given.
struct Agreement {
  enum class Kind : std::uint8_t {
    kClasses,  // of a classifier: pictures whose best class is the same
    kBoxes,    // of a detector: boxes that have a counterpart of their class with IoU >= 0.5
    kNumbers,  // of everything else: numbers that differ by less than 1 % of the largest one
  };

  Kind kind = Kind::kClasses;
  std::size_t pictures = 0;
  std::size_t compared = 0;  // pictures; boxes of both networks; numbers
  std::size_t agreeing = 0;  // of these
  // kClasses: agreeing although the best classes differ: float32 has less than 0.02 between the
  // two, and gives the other at least half the score of its best.
  std::size_t near_ties = 0;
  // kClasses: float32's best class is among the other's five best.
  std::size_t in_top5 = 0;
  // kBoxes: average precision (COCO's, IoU 0.5 to 0.95) of the other's boxes, float32's being the
  // truth; -1 where there are none.
  double ap = -1;
  // Of scores: of all classes, of boxes that have a counterpart; of all numbers.
  double largest_difference = 0;
  double mean_difference = 0;

  // 1 where nothing was compared.
  double share() const {
    return compared == 0 ? 1.0 : static_cast<double>(agreeing) / static_cast<double>(compared);
  }
  // Whether at most the share `budget` (0.005: half a percent) differs; where something was
  // compared. Of twenty and more, one may unless the budget is 0: of fewer than 1 / budget of them,
  // one says nothing.
  bool Within(double budget) const {
    constexpr std::size_t kFew = 20;
    const std::size_t differing = compared - agreeing;
    if (differing == 1 && compared >= kFew && budget > 0) return true;
    return compared > 0 && static_cast<double>(differing) <= budget * static_cast<double>(compared);
  }
};

// "classes", "boxes", "numbers".
constexpr const char* AgreementKindName(Agreement::Kind kind) {
  return kind == Agreement::Kind::kClasses ? "classes"
         : kind == Agreement::Kind::kBoxes ? "boxes"
                                           : "numbers";
}

}  // namespace kinglet
