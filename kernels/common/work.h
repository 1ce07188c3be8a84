// What a kernel does to a shape, as plain data: operations, bytes, and how both are shared by
// threads. It says nothing of seconds; kernels/common/predict.h makes them of it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>

#include "kernels/common/activation.h"
#include "kernels/common/element_type.h"

namespace kinglet::kernels {

enum class WorkKind : uint8_t {
#define KINGLET_WORK_KIND(constant, name) constant,
#include "kernels/common/work_kinds.inc"
#undef KINGLET_WORK_KIND
};
inline constexpr std::string_view kWorkKindNames[] = {
#define KINGLET_WORK_KIND(constant, name) name,
#include "kernels/common/work_kinds.inc"
#undef KINGLET_WORK_KIND
};
inline constexpr size_t kWorkKinds = std::size(kWorkKindNames);

constexpr std::string_view NameOf(WorkKind kind) {
  return kWorkKindNames[static_cast<size_t>(kind)];
}

// Instructions whose peaks differ for one element type.
enum class InstructionFamily : uint8_t {
  kVector,  // multiply-adds of vectors
  kDot,     // sums of products of neighbouring lanes (VNNI, bfloat16, NEON dot)
  kMatrix,  // products of tiles (AMX, i8mm)
};
inline constexpr std::string_view kInstructionFamilyNames[] = {"vector", "dot", "matrix"};
inline constexpr size_t kInstructionFamilies = std::size(kInstructionFamilyNames);

constexpr std::string_view NameOf(InstructionFamily family) {
  return kInstructionFamilyNames[static_cast<size_t>(family)];
}

// So many operations of a kind, as executed by all threads together.
struct Operations {
  WorkKind kind = WorkKind::kTile;
  ElementType type = ElementType::kFloat32;
  InstructionFamily family = InstructionFamily::kVector;
  double count = 0;

  bool operator==(const Operations&) const = default;
};

// A part of the work whose arithmetic and traffic overlap.
struct WorkStage {
  std::array<Operations, 5> operations{};  // the ones without a count do not matter
  double read_bytes = 0, write_bytes = 0;  // activations, without pad lanes
  double weight_bytes = 0;                 // read by every thread that has units, once

  // Of a kind that is there already, more of them. At most five different ones.
  WorkStage& Add(const Operations& more);
  // Of so many elements.
  WorkStage& AddActivation(Activation activation, double elements);

  bool operator==(const WorkStage&) const = default;
};

// Over the whole batch. A kernel whose parts do not overlap has several stages, which share the
// caches; most have one.
struct Work {
  std::array<WorkStage, 3> stages{};

  int64_t weight_parts = 1;  // that units cut the weights into: a thread reads those of its units
  // How often all units together go through all weights with so little to do for each that the
  // reading shows; 0 where the kernel's share of the peak accounts for it.
  double weight_passes = 0;

  // Working memory that a thread goes through again and again, weights in it, and how often all
  // units together do. It shows where it exceeds the second-level cache.
  double scratch_bytes = 0;
  double scratch_passes = 0;

  int64_t units = 1;
  int threads = 1;           // that share the units
  double busiest_share = 1;  // of the units, on the thread that gets most of them

  // Nothing was said.
  bool empty() const { return *this == Work{}; }
  WorkStage& stage() { return stages[0]; }

  // Sums over the stages.
  double read_bytes() const;
  double write_bytes() const;
  double weight_bytes() const;
  double Count(WorkKind kind) const;

  bool operator==(const Work&) const = default;
};

// One line: "tile float32 2.1e+06, tile_edge float32 1.6e+04, reads ...".
std::string ToText(const Work& work);

// The share of the thread that gets most of the units when they are handed out in chunks.
double BusiestShare(int64_t units, int threads);

// Work of one stage that `threads` threads share by its units.
Work SharedWork(const WorkStage& stage, int64_t units, int threads);

// Work that does little but move its data, cut finely.
Work MoveWork(double read_bytes, double write_bytes, int threads);

// `count` operations in a plain loop, cut finely.
Work LoopWork(double count, int threads);

}  // namespace kinglet::kernels
