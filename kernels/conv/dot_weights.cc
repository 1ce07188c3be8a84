#include <algorithm>
#include <array>
#include <cstring>

#include "kernels/conv/dot_conv.h"
#include "kernels/conv/dot_geometry.h"

namespace kinglet::kernels {
namespace {

// Writes quads and what lies behind them.
class QuadPacker {
 public:
  QuadPacker(const ConvShape& s, const DotForm& form, int32_t* packed, bool halves)
      : packed_(packed), halves_(halves) {
    const int64_t groups = DotGroups(s, form);
    const QuadSizes sizes = QuadSizesOf(s, groups);
    most_entries_ = sizes.rest / 32;
    sums_ = packed + groups;
    begins_ = sums_ + sizes.sums;
    rest_ = begins_ + sizes.begins;
    std::memset(sums_, 0, static_cast<size_t>(sizes.total()) * sizeof(int32_t));
    if (halves) begins_[0] = -1;
  }

  // The next four weights, of lane `lane` of a group. False: there is no room for what is left.
  bool Add(std::array<int, 4> weights, int64_t block, int64_t lane, int32_t step, int64_t group) {
    uint32_t sum = 0;
    for (const int w : weights) sum += static_cast<uint32_t>(w);
    int32_t& all = sums_[block * kDotBlock + lane];
    all = static_cast<int32_t>(static_cast<uint32_t>(all) + sum);
    if (halves_) {
      std::array<int, 4> half{};
      for (size_t k = 0; k < 4; ++k) {
        half[k] = (weights[k] - (weights[k] & 1)) / 2;
        weights[k] -= 2 * half[k];
      }
      *rest_++ = Take(weights);
      *packed_++ = Take(half);
      return true;
    }
    *packed_++ = Take(weights);
    for (int64_t entry = 0; weights != std::array<int, 4>{}; ++entry) {
      if (step != step_ || group != group_) {  // the lanes of a group share its entries
        step_ = step;
        group_ = group;
        entries_of_group_ = 0;
      }
      if (entry == entries_of_group_ && !NewEntry()) return false;
      rest_[(count_ - entries_of_group_ + entry) * 32 + 16 + lane] = Take(weights);
    }
    return true;
  }

  void EndBlock(int64_t block) {
    if (!halves_) begins_[block + 1] = static_cast<int32_t>(count_);
    step_ = -1;
  }

 private:
  bool NewEntry() {
    if (count_ == most_entries_) return false;
    rest_[count_ * 32] = step_;
    rest_[count_ * 32 + 1] = static_cast<int32_t>(group_);
    ++count_;
    ++entries_of_group_;
    return true;
  }

  // What fits int8, which is taken off.
  static int32_t Take(std::array<int, 4>& weights) {
    uint32_t quad = 0;
    for (size_t k = 0; k < 4; ++k) {
      const int part = std::clamp(weights[k], -128, 127);
      weights[k] -= part;
      quad |= (static_cast<uint32_t>(part) & 0xFFu) << (8 * k);
    }
    return static_cast<int32_t>(quad);
  }

  int32_t* packed_;
  const bool halves_;
  int32_t* sums_ = nullptr;
  int32_t* begins_ = nullptr;
  int32_t* rest_ = nullptr;
  int64_t most_entries_ = 0, count_ = 0, entries_of_group_ = 0;
  int32_t step_ = -1;
  int64_t group_ = -1;
};

// Calls f(block, step, group, lane, weights of the group) in the order of packed weights, until it
// returns false; returns whether it never did.
template <typename F>
bool ForEachGroup(const ConvShape& s, const DotForm& form, const int16_t* oihw, F&& f) {
  const DotGeometry geo = DotGeometryOf(s, form);
  const int64_t ic = s.ic / s.groups;
  const int64_t oc = s.oc / s.groups;
  const int64_t taps = int64_t{s.kh} * s.kw;
  const int64_t in_group = 4 / form.element_bytes;
  // The weight of output o, and input i of all, at a tap; 0 beyond them and in other groups.
  const auto weight = [&](int64_t o, int64_t i, int64_t tap) -> int {
    if (o >= s.oc || i >= s.ic || o / oc != i / ic) return 0;
    return oihw[(o * ic + i % ic) * taps + tap];
  };
  // Number k of the inputs of a step that begins at `tap`.
  const auto element = [&](int64_t o, int64_t plane, int64_t tap, int64_t k) -> int {
    if (!form.planes) return weight(o, plane * kDotCodes + k, tap);
    return k >= s.ic * geo.taps_per_step ? 0 : weight(o, k % s.ic, tap + k / s.ic);
  };
  for (int64_t block = 0; block < BlockCount(s.oc, kDotBlock); ++block) {
    const Range planes = DotPlanesOf(s, geo, block);
    int32_t step = 0;
    for (int64_t plane = planes.begin; plane < planes.end; ++plane) {
      const int64_t groups = plane + 1 == geo.planes ? geo.tail_groups : geo.full_groups;
      for (int64_t tap = 0; tap < taps; tap += geo.taps_per_step, ++step) {
        for (int64_t group = 0; group < groups; ++group) {
          for (int64_t lane = 0; lane < kDotBlock; ++lane) {
            std::array<int, 4> w{};
            for (int64_t k = 0; k < in_group; ++k) {
              w[static_cast<size_t>(k)] =
                  element(block * kDotBlock + lane, plane, tap, group * in_group + k);
            }
            if (!f(block, step, group, lane, w)) return false;
          }
        }
      }
    }
  }
  return true;
}

bool PackQuads(const ConvShape& s, const DotForm& form, const int16_t* oihw, bool halves,
               int32_t* packed) {
  QuadPacker packer(s, form, packed, halves);
  int64_t last = 0;
  const bool fits = ForEachGroup(
      s, form, oihw,
      [&](int64_t block, int32_t step, int64_t group, int64_t lane, const std::array<int, 4>& w) {
        if (block != last) packer.EndBlock(last);
        last = block;
        return packer.Add(w, block, lane, step, group);
      });
  packer.EndBlock(last);
  return fits;
}

}  // namespace

int64_t DotGroups(const ConvShape& s, const DotForm& form) {
  return DotGroupsBefore(s, DotGeometryOf(s, form), BlockCount(s.oc, kDotBlock)) * kDotBlock;
}

double DotMultiplyAdds(const ConvShape& s, const DotForm& form) {
  return static_cast<double>(DotGroups(s, form)) * static_cast<double>(4 / form.element_bytes) *
         static_cast<double>(s.oh * s.ow);
}

size_t DotPackedBytes(const ConvShape& s, const DotForm& form) {
  const int64_t groups = DotGroups(s, form);
  if (form.element_bytes != 1) return static_cast<size_t>(groups) * sizeof(int32_t);
  const QuadSizes sizes = QuadSizesOf(s, groups);
  return static_cast<size_t>(groups + sizes.total()) * sizeof(int32_t);
}

QuadParts QuadPartsOf(const ConvShape& s, const DotForm& form, const void* packed) {
  if (form.element_bytes != 1) return {};
  const int64_t groups = DotGroups(s, form);
  const QuadSizes sizes = QuadSizesOf(s, groups);
  QuadParts parts;
  parts.sums = static_cast<const int32_t*>(packed) + groups;
  parts.extra_begin = parts.sums + sizes.sums;
  parts.rest = parts.extra_begin + sizes.begins;
  return parts;
}

void DotPack(const ConvShape& s, const DotForm& form, const int16_t* oihw, int32_t* packed) {
  if (form.element_bytes == 1) {
    if (!PackQuads(s, form, oihw, false, packed)) PackQuads(s, form, oihw, true, packed);
    return;
  }
  ForEachGroup(s, form, oihw, [&](int64_t, int32_t, int64_t, int64_t, const std::array<int, 4>& w) {
    *packed++ = static_cast<int32_t>(static_cast<uint16_t>(w[0]) |
                                     uint32_t{static_cast<uint16_t>(w[1])} << 16);
    return true;
  });
}

}  // namespace kinglet::kernels
