#include "kinglet/parallel.h"

#include <omp.h>

#include <algorithm>
#include <atomic>

namespace kinglet {

void ParallelFor(int threads, std::int64_t count,
                 const std::function<void(std::int64_t, int)>& body) {
  const int team = static_cast<int>(std::min<std::int64_t>(threads, count));
  if (team <= 1) {
    for (std::int64_t i = 0; i < count; ++i) body(i, 0);
    return;
  }
  std::atomic<std::int64_t> next{0};
#pragma omp parallel num_threads(team) default(none) shared(next, body, count)
  {
    const int worker = omp_get_thread_num();
    for (std::int64_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) body(i, worker);
  }
}

}  // namespace kinglet
