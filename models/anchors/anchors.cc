#include "models/anchors/anchors.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "kinglet/error.h"

namespace kinglet {
namespace {

struct Size {
  double h, w;
};

[[noreturn]] void Refuse(const char* key, const std::string& expected, std::size_t found) {
  throw Error(ErrorCode::kInvalidModel, std::string("anchors.") + key + ": expected " + expected +
                                            ", found " + std::to_string(found));
}

// The list of map `k`: of its own, or the one of all.
const std::vector<double>& ListOf(const std::vector<std::vector<double>>& lists, std::size_t k) {
  static const std::vector<double> kEmpty;
  if (lists.empty()) return kEmpty;
  return lists.size() == 1 ? lists.front() : lists[k];
}

void CheckLists(const std::vector<std::vector<double>>& lists, std::size_t maps, const char* key,
                bool required) {
  if (lists.size() > 1 && lists.size() != maps) {
    Refuse(key, "one list, or one for each of " + std::to_string(maps) + " maps", lists.size());
  }
  const bool empty = lists.empty() || std::any_of(lists.begin(), lists.end(),
                                                  [](const auto& list) { return list.empty(); });
  if (required && empty) Refuse(key, "at least one number for each map", 0);
}

// s(0) to s(maps).
std::vector<double> Scales(const AnchorSpec& spec, std::size_t maps) {
  if (!spec.scales.empty()) {
    if (spec.scales.size() != maps + 1) {
      Refuse("scales", std::to_string(maps + 1) + " numbers, one more than maps",
             spec.scales.size());
    }
    return spec.scales;
  }
  std::vector<double> scales;
  for (std::size_t k = 0; k < maps; ++k) {
    const double step = maps > 1 ? static_cast<double>(k) / static_cast<double>(maps - 1) : 0.0;
    scales.push_back(spec.min_scale + (spec.max_scale - spec.min_scale) * step);
  }
  scales.push_back(1.0);
  return scales;
}

Size Scaled(double scale, double ratio) {
  return {scale / std::sqrt(ratio), scale * std::sqrt(ratio)};
}

std::vector<Size> SsdSizes(const AnchorSpec& spec, const std::vector<double>& scales,
                           std::size_t k) {
  if (k == 0 && spec.reduce_lowest) {
    return {Scaled(0.1, 1.0), Scaled(scales[0], 2.0), Scaled(scales[0], 0.5)};
  }
  std::vector<Size> sizes;
  for (const double ratio : ListOf(spec.aspect_ratios, k)) {
    sizes.push_back(Scaled(scales[k], ratio));
  }
  if (spec.interpolated_ratio > 0) {
    sizes.push_back(Scaled(std::sqrt(scales[k] * scales[k + 1]), spec.interpolated_ratio));
  }
  return sizes;
}

std::vector<Size> DefaultBoxSizes(const AnchorSpec& spec, const std::vector<double>& scales,
                                  std::size_t k) {
  std::vector<Size> sizes = {Scaled(scales[k], 1.0),
                             Scaled(std::sqrt(scales[k] * scales[k + 1]), 1.0)};
  for (const double ratio : ListOf(spec.aspect_ratios, k)) {
    const Size size = Scaled(scales[k], ratio);
    sizes.push_back(size);
    sizes.push_back({size.w, size.h});
  }
  if (spec.clip) {
    for (Size& size : sizes) size = {std::min(size.h, 1.0), std::min(size.w, 1.0)};
  }
  return sizes;
}

std::vector<Size> GridSizes(const AnchorSpec& spec, std::size_t k) {
  std::vector<Size> sizes;
  const std::vector<double>& widths = ListOf(spec.widths, k);
  for (std::size_t i = 0; i < widths.size(); ++i) {
    sizes.push_back({ListOf(spec.heights, k)[i], widths[i]});
  }
  for (const double ratio : ListOf(spec.aspect_ratios, k)) {
    for (const double size : ListOf(spec.sizes, k)) {
      Size box = Scaled(size, 1.0 / ratio);
      // Corners at half the size from zero; halves go to the even number.
      if (spec.round) box = {2 * std::nearbyint(box.h / 2), 2 * std::nearbyint(box.w / 2)};
      sizes.push_back(box);
    }
  }
  return sizes;
}

// Of map k: in pixels for kGrid, in the unit square for the others.
std::vector<Size> SizesOf(const AnchorSpec& spec, const std::vector<double>& scales, std::size_t k,
                          Size input) {
  switch (spec.generator) {
    case AnchorGenerator::kSsd:
      return SsdSizes(spec, scales, k);
    case AnchorGenerator::kDefaultBoxes:
      return DefaultBoxSizes(spec, scales, k);
    case AnchorGenerator::kGrid:
      return GridSizes(spec, k);
    default:
      break;
  }
  std::vector<Size> sizes;
  for (const double size : ListOf(spec.sizes, k)) sizes.push_back({size / input.h, size / input.w});
  return sizes;
}

// From one position to the next, and of the first, in the unit of SizesOf.
struct Axis {
  double step, first;
};

Axis AxisOf(const AnchorSpec& spec, std::size_t k, int map, double input) {
  if (spec.generator == AnchorGenerator::kGrid) {
    const double stride = spec.strides.empty() ? std::floor(input / map) : spec.strides[k];
    return {stride, spec.offset};
  }
  const bool by_stride = spec.center_by_stride && k < spec.strides.size();
  const double step = by_stride ? spec.strides[k] / input : 1.0 / map;
  return {step, step / 2};
}

void Append(const AnchorSpec& spec, const std::vector<Size>& sizes, const std::array<int, 2>& map,
            const Axis& y, const Axis& x, Size unit, std::vector<AnchorBox>& anchors) {
  const bool clip = spec.clip && spec.generator == AnchorGenerator::kSquares;
  const auto number = [clip](double value, double scale) {
    return static_cast<float>((clip ? std::clamp(value, 0.0, 1.0) : value) * scale);
  };
  for (int i = 0; i < map[0]; ++i) {
    const float cy = number(y.first + i * y.step, unit.h);
    for (int j = 0; j < map[1]; ++j) {
      const float cx = number(x.first + j * x.step, unit.w);
      for (const Size& size : sizes) {
        anchors.push_back({cy, cx, number(size.h, unit.h), number(size.w, unit.w)});
      }
    }
  }
}

void CheckWidths(const AnchorSpec& spec, std::size_t maps) {
  CheckLists(spec.widths, maps, "widths", !spec.widths.empty());
  CheckLists(spec.heights, maps, "heights", !spec.widths.empty());
  if (!spec.widths.empty() && !spec.sizes.empty()) {
    Refuse("sizes", "none beside widths and heights", spec.sizes.size());
  }
  for (std::size_t k = 0; k < maps; ++k) {
    const std::size_t widths = ListOf(spec.widths, k).size();
    const std::size_t heights = ListOf(spec.heights, k).size();
    if (widths != heights) {
      Refuse("heights", std::to_string(widths) + " numbers, as many as widths", heights);
    }
  }
}

void CheckSpec(const AnchorSpec& spec, std::size_t maps) {
  const bool grid = spec.generator == AnchorGenerator::kGrid;
  const bool squares = spec.generator == AnchorGenerator::kSquares;
  const bool by_stride = spec.center_by_stride || spec.maps.empty();
  if (maps == 0) Refuse("strides", "a number for each map", 0);
  const auto unpadded = static_cast<std::size_t>(spec.unpadded_maps);
  if (unpadded > 0 && (grid || !spec.maps.empty())) {
    Refuse("unpadded_maps", "none with given maps, or for a grid", unpadded);
  }
  const std::size_t with_stride = maps - unpadded;
  if (by_stride ? spec.strides.size() != with_stride
                : !spec.strides.empty() && spec.strides.size() != with_stride) {
    Refuse("strides", std::to_string(with_stride) + " numbers, one for each map",
           spec.strides.size());
  }
  const bool given = grid && !spec.widths.empty();
  CheckLists(spec.aspect_ratios, maps, "aspect_ratios", grid && !given);
  CheckLists(spec.sizes, maps, "sizes", (grid && !given) || squares);
  if (grid) CheckWidths(spec, maps);
}

// The maps, and the sizes of the boxes at each position of each.
struct AnchorGrids {
  std::vector<std::array<int, 2>> maps;
  std::vector<std::vector<Size>> sizes;
};

AnchorGrids GridsOf(const AnchorSpec& spec, int width, int height) {
  AnchorGrids grids{AnchorMaps(spec, width, height), {}};
  const std::size_t maps = grids.maps.size();
  CheckSpec(spec, maps);
  const std::vector<double> scales =
      spec.sizes.empty() ? Scales(spec, maps) : std::vector<double>();
  const Size input = {static_cast<double>(height), static_cast<double>(width)};
  for (std::size_t k = 0; k < maps; ++k) grids.sizes.push_back(SizesOf(spec, scales, k, input));
  return grids;
}

}  // namespace

std::vector<std::array<int, 2>> AnchorMaps(const AnchorSpec& spec, int width, int height) {
  if (!spec.maps.empty()) return spec.maps;
  std::vector<std::array<int, 2>> maps;
  for (const double stride : spec.strides) {
    maps.push_back({static_cast<int>(std::ceil(height / stride)),
                    static_cast<int>(std::ceil(width / stride))});
  }
  for (int i = 0; i < spec.unpadded_maps && !maps.empty(); ++i) {
    std::array<int, 2> map = maps.back();
    if (map[0] >= 3 && map[1] >= 3) map = {map[0] - 2, map[1] - 2};
    maps.push_back(map);
  }
  return maps;
}

std::vector<std::size_t> AnchorsOfMaps(const AnchorSpec& spec, int width, int height) {
  const AnchorGrids grids = GridsOf(spec, width, height);
  std::vector<std::size_t> counts;
  for (std::size_t k = 0; k < grids.maps.size(); ++k) {
    counts.push_back(grids.sizes[k].size() * static_cast<std::size_t>(grids.maps[k][0]) *
                     static_cast<std::size_t>(grids.maps[k][1]));
  }
  return counts;
}

std::size_t CountAnchors(const AnchorSpec& spec, int width, int height) {
  std::size_t count = 0;
  for (const std::size_t of_map : AnchorsOfMaps(spec, width, height)) count += of_map;
  return count;
}

std::vector<AnchorBox> MakeAnchors(const AnchorSpec& spec, int width, int height, BoxUnit unit) {
  const std::size_t count = CountAnchors(spec, width, height);
  if (count > kMaxAnchors) {
    throw Error(ErrorCode::kResource, "anchors: more than " + std::to_string(kMaxAnchors) +
                                          " anchors for an input of " + std::to_string(width) +
                                          "x" + std::to_string(height));
  }
  const AnchorGrids grids = GridsOf(spec, width, height);
  const Size input = {static_cast<double>(height), static_cast<double>(width)};
  const bool own_pixels = spec.generator == AnchorGenerator::kGrid;
  Size scale = {1, 1};
  if (own_pixels && unit == BoxUnit::kPicture) scale = {1 / input.h, 1 / input.w};
  if (!own_pixels && unit == BoxUnit::kPixels) scale = input;
  std::vector<AnchorBox> anchors;
  anchors.reserve(count);
  for (std::size_t k = 0; k < grids.maps.size(); ++k) {
    const std::array<int, 2>& map = grids.maps[k];
    Append(spec, grids.sizes[k], map, AxisOf(spec, k, map[0], input.h),
           AxisOf(spec, k, map[1], input.w), scale, anchors);
  }
  return anchors;
}

}  // namespace kinglet
