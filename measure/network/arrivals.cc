#include "measure/network/arrivals.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cmath>
#include <cstring>
#include <new>
#include <random>
#include <string>

#include "kinglet/error.h"

namespace kinglet::measure {
namespace {

[[noreturn]] void FailShared(const char* what) {
  throw Error(ErrorCode::kIo,
              std::string("memory for processes to share: ") + what + ": " + std::strerror(errno));
}

}  // namespace

std::vector<double> PoissonArrivals(double rate, double window_s, std::uint64_t seed) {
  if (rate * window_s > kMostArrivals) {
    throw Error(ErrorCode::kInvalidInput,
                "--rate: expected at most " +
                    std::to_string(static_cast<long long>(kMostArrivals / window_s)) +
                    " batches/s in such a window, found " + std::to_string(rate));
  }
  // std::exponential_distribution is another one in each standard library.
  std::mt19937_64 random(seed);
  std::vector<double> arrivals;
  for (double at = 0;;) {
    const double uniform = static_cast<double>(random() >> 11) * 0x1p-53;  // below 1
    at += -std::log1p(-uniform) / rate;
    if (!(at < window_s)) return arrivals;
    arrivals.push_back(at);
  }
}

SharedCounter::SharedCounter() : own_(true) {
  file_ = memfd_create("kinglet-arrivals", 0);  // children have it, too
  if (file_ < 0) FailShared("cannot be made");
  if (ftruncate(file_, sizeof(ArrivalCounter)) != 0) {
    close(file_);
    FailShared("cannot be made");
  }
  Map();
  new (counter_) ArrivalCounter(0);
}

SharedCounter::SharedCounter(int file) : file_(file) { Map(); }

void SharedCounter::Map() {
  void* memory =
      mmap(nullptr, sizeof(ArrivalCounter), PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0);
  if (memory == MAP_FAILED) {
    if (own_) close(file_);
    FailShared("cannot be mapped");
  }
  counter_ = static_cast<ArrivalCounter*>(memory);
}

SharedCounter::~SharedCounter() {
  munmap(counter_, sizeof(ArrivalCounter));
  if (own_) close(file_);
}

}  // namespace kinglet::measure
