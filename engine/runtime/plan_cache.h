// The plans of a model.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "engine/plan/plan.h"
#include "kinglet/tensor.h"

namespace kinglet {

// Plans by input shapes and number of threads, each made once. Nothing is locked while a plan is
// made: who asks for the same one waits for it, everybody else goes on. Thread-safe.
class PlanCache {
 public:
  using Made = std::shared_ptr<const Plan>;
  using Make = std::function<Made(const std::vector<Shape>& shapes, int threads)>;

  // Plans kept take at most `max_bytes` together: the least recently used ones go, but never the
  // last one. `make` makes a plan, in several threads at once.
  PlanCache(std::size_t max_bytes, Make make);

  // The plan, made now when there is none. What `make` throws, all who waited for it throw, and
  // whoever asks next tries again. Allocates nothing for a plan that is there. Throws
  // Error(kInvalidInput) when `make` itself asks for the plan that it makes.
  Made Get(const std::vector<Shape>& shapes, int threads);
  // Drops all plans. Those that are being made go to who waits for them and are not kept.
  void Clear();

  std::size_t bytes() const;  // of the plans kept

 private:
  struct Pending;
  struct Entry {
    std::vector<Shape> shapes;
    int threads = 1;
    Made plan;  // null while it is being made
    std::size_t bytes = 0;
    std::shared_ptr<Pending> pending;  // until it is made
  };
  using Entries = std::vector<Entry>;

  Made MakeNow(const std::vector<Shape>& shapes, int threads, Pending& pending);
  Entries::iterator Find(const Pending& pending);
  void TakeOld(Entries& old);  // which has room for all

  const std::size_t max_bytes_;
  const Make make_;
  mutable std::mutex mutex_;
  Entries entries_;  // most recently used first
};

}  // namespace kinglet
