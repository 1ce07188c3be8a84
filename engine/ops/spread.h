// Operands that broadcast over runs too short for vector loops, such as a bias along a last axis of
// three: written out as arrays, a piece of the output at a time.
#pragma once

#include <algorithm>
#include <cstdint>

#include "engine/ops/broadcast.h"

namespace kinglet {

// Runs below this many elements are worth writing out.
inline constexpr std::int64_t kShortRun = 32;

template <std::size_t N>
bool HasShortRuns(const Broadcast<N>& broadcast) {
  return broadcast.rank > 1 && broadcast.sizes[broadcast.rank - 1] < kShortRun;
}

template <typename T>
class Spread {
 public:
  static constexpr std::int64_t kPiece = 1024;  // elements at once, so that all operands stay near

  // What a worker writes values into.
  class Room {
    friend class Spread;
    T values_[kPiece + kShortRun];
    bool is_filled_ = false;
  };

  Spread() = default;
  Spread(const Shape& output, const Shape& operand)
      : broadcast_(MakeBroadcast<1>(output, {&operand})) {
    const bool row = broadcast_.rank == 2 && broadcast_.strides[0][0] == 0;
    if (broadcast_.rank <= 1 && broadcast_.InnerStride(0) == 1) {
      kind_ = Kind::kWhole;
    } else if (row && broadcast_.sizes[1] <= kShortRun) {
      kind_ = Kind::kRow;
    }
  }

  // Of plain loops, for an element that is written out.
  double operations() const { return kind_ == Kind::kAny ? 2 : 0.2; }

  // The operand's values for the output elements [first, first + count), count <= kPiece, as an
  // array: its own, or one in `room`.
  const T* Values(const T* operand, std::int64_t first, std::int64_t count, Room& room) const {
    switch (kind_) {
      case Kind::kWhole:
        return operand + first;
      case Kind::kRow:
        if (!room.is_filled_) FillRows(operand, room);
        return room.values_ + first % broadcast_.sizes[1];
      case Kind::kAny:
        broadcast_.ForRuns(first, first + count,
                           [&](const auto& offsets, std::int64_t at, std::int64_t n) {
                             const T* from = operand + offsets[0];
                             T* to = room.values_ + (at - first);
                             const std::int64_t stride = broadcast_.InnerStride(0);
                             for (std::int64_t i = 0; i < n; ++i) to[i] = from[i * stride];
                           });
        break;
    }
    return room.values_;
  }

 private:
  enum class Kind {
    kWhole,  // has every element of the output
    kRow,    // a short row over and over: written out once, and read from where a piece begins
    kAny,
  };

  void FillRows(const T* operand, Room& room) const {
    const std::int64_t n = broadcast_.sizes[1];
    const std::int64_t stride = broadcast_.InnerStride(0);
    for (std::int64_t i = 0; i < n; ++i) room.values_[i] = operand[i * stride];
    for (std::int64_t i = n; i < kPiece + kShortRun; ++i) room.values_[i] = room.values_[i - n];
    room.is_filled_ = true;
  }

  Broadcast<1> broadcast_;
  Kind kind_ = Kind::kAny;
};

}  // namespace kinglet
