// One point: a network at one batch size on one number of threads.
#pragma once

#include <string>
#include <vector>

#include "kinglet/model.h"
#include "kinglet/onnx.h"
#include "measure/network/record.h"

namespace kinglet::measure {

struct Point {
  std::string network;  // as OpenNetwork takes it
  int batch = 1;        // 0: the network's own, or 1
  int threads = 1;
  std::vector<std::string> shapes{};  // as ShapeOptions
  int repeat = 0;                     // runs that are timed; 0: until the median is stable
  ReadOptions read{};
  CompileOptions compile{};  // its `threads` are not used
  // Measures the best kernels first, and keeps them in `tuning_file` ("": in the cache folder).
  bool tune = false;
  std::string tuning_file{};
  std::string descriptor{};  // name or file; "": the network's own, or the one beside it
  std::string picture{};     // for a detector; "": one that is drawn
};

// Times the point in this process, on inputs of seeded random numbers. Throws Error as OpenNetwork,
// FitDescriptor, Model::Compile and ShapeChooser do, and Error(kInvalidInput) for a descriptor or
// picture that the network has no use for.
PointRecord TimePoint(const Point& point);

// What a process that measures one point prints: the record or the error that TimePoint throws, as
// a line.
std::string AnswerPoint(const Point& point);

// Times it in a process of its own: this program, called `name`, with `arguments`, prints what
// AnswerPoint gives as the last line. Throws the error that it tells of, with the point in front of
// the message unless every point has it (a mistake in what is asked for, or in the model), and
// Error(kResource) when the process ends otherwise.
PointRecord TimeInOwnProcess(const Point& point, const std::string& name,
                             const std::vector<std::string>& arguments);

}  // namespace kinglet::measure
