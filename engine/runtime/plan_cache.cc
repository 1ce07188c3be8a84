#include "engine/runtime/plan_cache.h"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <thread>
#include <utility>

#include "kinglet/error.h"

namespace kinglet {

// A plan that one thread makes, for all that wait for it.
struct PlanCache::Pending {
  Made Wait() {
    std::unique_lock lock(mutex);
    settled.wait(lock, [this] { return plan != nullptr || error != nullptr; });
    if (error != nullptr) std::rethrow_exception(error);
    return plan;
  }
  void Settle(Made made, std::exception_ptr failure) {
    const std::lock_guard lock(mutex);
    plan = std::move(made);
    error = std::move(failure);
    settled.notify_all();
  }

  const std::thread::id maker = std::this_thread::get_id();
  std::mutex mutex;
  std::condition_variable settled;
  Made plan;
  std::exception_ptr error;
};

PlanCache::PlanCache(std::size_t max_bytes, Make make)
    : max_bytes_(max_bytes), make_(std::move(make)) {}

PlanCache::Made PlanCache::Get(const std::vector<Shape>& shapes, int threads) {
  std::shared_ptr<Pending> pending;
  bool ours = false;
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
      return entry.threads == threads && entry.shapes == shapes;
    });
    if (found != entries_.end()) {
      std::rotate(entries_.begin(), found, found + 1);
      if (entries_.front().plan != nullptr) return entries_.front().plan;
      pending = entries_.front().pending;
      if (pending->maker == std::this_thread::get_id()) {
        throw Error(ErrorCode::kInvalidInput,
                    "a plan is asked for by what is called while it is made (on_plan)");
      }
    } else {
      pending = std::make_shared<Pending>();
      entries_.insert(entries_.begin(), Entry{shapes, threads, nullptr, 0, pending});
      ours = true;
    }
  }
  return ours ? MakeNow(shapes, threads, *pending) : pending->Wait();
}

PlanCache::Made PlanCache::MakeNow(const std::vector<Shape>& shapes, int threads,
                                   Pending& pending) {
  try {
    Made plan = make_(shapes, threads);
    const std::size_t bytes = PlanBytes(*plan);
    Entries dropped;  // beyond the lock
    {
      const std::lock_guard lock(mutex_);
      if (const auto entry = Find(pending); entry != entries_.end()) {
        dropped.reserve(entries_.size());
        entry->plan = plan;
        entry->bytes = bytes;
        entry->pending.reset();
        TakeOld(dropped);
      }
    }
    pending.Settle(plan, nullptr);
    return plan;
  } catch (...) {
    {
      const std::lock_guard lock(mutex_);
      if (const auto entry = Find(pending); entry != entries_.end()) entries_.erase(entry);
    }
    pending.Settle(nullptr, std::current_exception());
    throw;
  }
}

PlanCache::Entries::iterator PlanCache::Find(const Pending& pending) {
  return std::find_if(entries_.begin(), entries_.end(),
                      [&](const Entry& entry) { return entry.pending.get() == &pending; });
}

void PlanCache::TakeOld(Entries& old) {
  std::size_t bytes = 0;
  bool first = true;
  std::erase_if(entries_, [&](Entry& entry) {
    if (entry.plan == nullptr) return false;
    bytes += entry.bytes;
    if (std::exchange(first, false) || bytes <= max_bytes_) return false;
    old.push_back(std::move(entry));
    return true;
  });
}

void PlanCache::Clear() {
  Entries dropped;
  const std::lock_guard lock(mutex_);
  dropped.swap(entries_);
}

std::size_t PlanCache::bytes() const {
  const std::lock_guard lock(mutex_);
  std::size_t bytes = 0;
  for (const Entry& entry : entries_) bytes += entry.bytes;
  return bytes;
}

}  // namespace kinglet
