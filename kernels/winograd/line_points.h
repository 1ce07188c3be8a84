// The m + r - 1 points of one-dimensional minimal filtering F(m, r), in the order of their numbers:
// 0 where it is a point, +x and -x of every pair, infinity.
#pragma once

#include <array>
#include <cstddef>

#include "kernels/winograd/winograd.h"

namespace kinglet::kernels {

template <WinogradTile kTile>
struct LinePoints;

template <>
struct LinePoints<WinogradTile::k2> {
  static constexpr int kOutputs = 2;
  static constexpr int kTaps = 3;
  static constexpr int kZero = 1;  // 0 is a point
  static constexpr std::array<double, 1> kPairs = {1};
};

template <>
struct LinePoints<WinogradTile::k4> {
  static constexpr int kOutputs = 4;
  static constexpr int kTaps = 3;
  static constexpr int kZero = 1;
  static constexpr std::array<double, 2> kPairs = {1.4142135623730951, 0.7071067811865476};
};

template <>
struct LinePoints<WinogradTile::kLine3> : LinePoints<WinogradTile::k4> {};

template <>
struct LinePoints<WinogradTile::k2Of5> : LinePoints<WinogradTile::k4> {
  static constexpr int kOutputs = 2;
  static constexpr int kTaps = 5;
};

template <>
struct LinePoints<WinogradTile::kLine7> {
  static constexpr int kOutputs = 3;
  static constexpr int kTaps = 7;
  static constexpr int kZero = 0;
  // From a random search for the least error on deep sums. F(4, 7) would be 1.05 times as fast on
  // maps of 17 x 17, with 1.5 times the error.
  static constexpr std::array<double, 4> kPairs = {0.22, 0.63, 1.12, 2.0};
};

template <WinogradTile kTile>
constexpr int LinePointCount() {
  return LinePoints<kTile>::kOutputs + LinePoints<kTile>::kTaps - 1;
}

// Coefficients of the product of (t^2 - x^2) over all pairs but number `left_out`, lowest first.
template <size_t N>
constexpr std::array<double, N + 1> PairProduct(const std::array<double, N>& pairs,
                                                size_t left_out = N) {
  std::array<double, N + 1> product = {1};
  for (size_t i = 0; i < N; ++i) {
    if (i == left_out) continue;
    const double square = pairs[i] * pairs[i];
    for (size_t k = N; k > 0; --k) product[k] = product[k - 1] - square * product[k];
    product[0] *= -square;
  }
  return product;
}

// For each pair the product over all others.
template <size_t N>
constexpr std::array<std::array<double, N + 1>, N> OtherPairs(const std::array<double, N>& pairs) {
  std::array<std::array<double, N + 1>, N> products{};
  for (size_t i = 0; i < N; ++i) products[i] = PairProduct(pairs, i);
  return products;
}

}  // namespace kinglet::kernels
