#include "kinglet/parallel.h"

#include <algorithm>
#include <atomic>

#include "engine/runtime/workers.h"

namespace kinglet {

void ParallelFor(int threads, std::int64_t count,
                 const std::function<void(std::int64_t, int)>& body) {
  Crew crew(static_cast<int>(std::min<std::int64_t>(threads, count)), true);
  std::atomic<std::int64_t> next{0};
  RunOn(crew, [&](int worker) {
    for (std::int64_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) body(i, worker);
  });
}

}  // namespace kinglet
