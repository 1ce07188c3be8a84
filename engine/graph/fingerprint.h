// What a graph is, in one number.
#pragma once

#include <cstddef>
#include <cstdint>

#include "engine/graph/ir.h"

namespace kinglet {

// FNV-1a (Fowler, Noll, Vo), over words of 8 bytes.
class Fingerprint {
 public:
  void Add(std::uint64_t word) { hash_ = (hash_ ^ word) * 1099511628211ULL; }
  // As their number and as many words as hold them.
  void Add(const void* bytes, std::size_t count);

  std::uint64_t value() const { return hash_; }

 private:
  std::uint64_t hash_ = 14695981039346656037ULL;
};

// Of operators, attributes, constants and how they are connected, in subgraphs too; names, other
// than of operators, are not part of it. The same for the same file, wherever it is read.
std::uint64_t FingerprintOf(const GraphIr& graph);

}  // namespace kinglet
