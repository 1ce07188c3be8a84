// A layer in its place, or a whole network, at one batch on some threads: what it does, what the
// physical part of the cost model says it takes, and what was measured.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "kinglet/outline.h"

namespace kinglet::characterize {

enum class RowText : std::uint8_t {
#define KINGLET_TEXT(constant, name, description) constant,
#include "characterize/predict/columns.inc"
#undef KINGLET_TEXT
};
enum class RowNumber : std::uint8_t {
#define KINGLET_NUMBER(constant, name, unit, description) constant,
#include "characterize/predict/columns.inc"
#undef KINGLET_NUMBER
};

struct TextColumn {
  const char* name;
  const char* description;
};
struct NumberColumn {
  const char* name;
  const char* unit;
  const char* description;
};
inline constexpr TextColumn kTextColumns[] = {
#define KINGLET_TEXT(constant, name, description) {name, description},
#include "characterize/predict/columns.inc"
#undef KINGLET_TEXT
};
inline constexpr NumberColumn kNumberColumns[] = {
#define KINGLET_NUMBER(constant, name, unit, description) {name, unit, description},
#include "characterize/predict/columns.inc"
#undef KINGLET_NUMBER
};

struct DataRow {
  std::array<std::string, std::size(kTextColumns)> texts{};
  std::array<double, std::size(kNumberColumns)> numbers{};

  std::string& operator[](RowText column) { return texts[static_cast<std::size_t>(column)]; }
  const std::string& operator[](RowText column) const {
    return texts[static_cast<std::size_t>(column)];
  }
  double& operator[](RowNumber column) { return numbers[static_cast<std::size_t>(column)]; }
  double operator[](RowNumber column) const { return numbers[static_cast<std::size_t>(column)]; }

  bool operator==(const DataRow&) const = default;
};

// What is known before anything runs.
DataRow LayerRow(const StepInfo& step, const StepTime& time, int batch, int threads,
                 std::size_t network_weight_bytes);
// Sums over the layers that do not wait for data.
DataRow NetworkRow(const OutlinedPlan& outlined, int batch, int threads);
// Those of the steps that do not wait, in the order of the plan.
std::vector<DataRow> LayerRows(const OutlinedPlan& outlined, int batch, int threads);

// What a correction is learned from: logarithms of sizes, and shares of the physical part's time.
// float32, as XGBoost compares.
struct Feature {
  const char* name;
  // 1: time never falls when it grows; -1: never rises; 0: either.
  int monotone;
};
std::span<const Feature> LayerFeatures();
std::vector<float> FeaturesOfLayer(const DataRow& row);
// Of a whole network. `predicted_us`: the sum of its layers' corrected times.
std::span<const Feature> NetworkFeatures();
std::vector<float> FeaturesOfNetwork(const DataRow& row, double predicted_us);

}  // namespace kinglet::characterize
