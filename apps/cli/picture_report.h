// What a command says about each picture, as a table or as JSON.
#pragma once

#include <cmath>
#include <cstddef>
#include <string>

namespace kinglet::cli {

template <typename Result>
class PictureReport {
 public:
  virtual ~PictureReport() = default;
  virtual void Begin() {}
  virtual void Add(const std::string& image, const Result& result) = 0;
  virtual void End(std::size_t) {}  // pictures that were done
};

// Milliseconds and pixels in JSON.
inline double Rounded(double value) { return std::round(value * 1000.0) / 1000.0; }

}  // namespace kinglet::cli
