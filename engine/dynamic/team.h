// Who shares the work of a node.
#pragma once

#include <cstdint>

namespace kinglet {

// The threads of a session.
class Team {
 public:
  using Function = void (*)(void* self, int worker, std::int64_t begin, std::int64_t end) noexcept;

  virtual ~Team() = default;
  virtual int threads() const = 0;
  // Calls function(self, worker, begin, end) for ranges that cover [0, units) without overlap.
  // `single`: a unit is much work.
  virtual void Run(std::int64_t units, bool single, void* self, Function function) noexcept = 0;
};

// The calling thread alone.
class TeamOfOne final : public Team {
 public:
  int threads() const override { return 1; }
  void Run(std::int64_t units, bool, void* self, Function function) noexcept override {
    if (units > 0) function(self, 0, 0, units);
  }
};

}  // namespace kinglet
