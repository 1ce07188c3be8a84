#include "engine/cost/traffic.h"

namespace kinglet {

void AddTraffic(kernels::Work& work, double read_bytes, double write_bytes, int threads) {
  if (work.empty()) {
    work = kernels::MoveWork(read_bytes, write_bytes, threads);
  } else if (work.read_bytes() == 0 && work.write_bytes() == 0) {
    work.stage().read_bytes = read_bytes;
    work.stage().write_bytes = write_bytes;
  }
}

}  // namespace kinglet
