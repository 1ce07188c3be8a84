// Which size of pictures a network may be made for that leaves it free.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kinglet/error.h"
#include "kinglet/graph.h"

namespace kinglet {

struct PictureSides {
  std::int64_t height = -1;  // pixels; -1: free
  std::int64_t width = -1;

  bool operator==(const PictureSides&) const = default;
};

// Sizes to try, likeliest first, with the sides of `declared` that are not free: those of common
// networks, and what the graph's constants tell: its reshapes name heights (the 48 of a reader of
// text), grids of cells and numbers of cells, what it adds has the size of maps.
std::vector<PictureSides> SidesToTry(const Graph& graph, const PictureSides& declared);

// The first of them for which `check` throws no Error; where there is none, throws what it threw
// for the first one.
template <typename Check>
PictureSides FirstThatWorks(const std::vector<PictureSides>& sides, Check&& check) {
  std::vector<Error> first;  // one at most
  for (const PictureSides& each : sides) {
    try {
      check(each);
      return each;
    } catch (const Error& error) {
      if (first.empty()) first.push_back(error);
    }
  }
  throw first.front();
}

}  // namespace kinglet
