// What a detector does around its network, timed apart.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "kinglet/descriptor.h"
#include "kinglet/detect.h"
#include "kinglet/model.h"

namespace kinglet::measure {

// Milliseconds of a whole batch, medians.
struct DetectorStages {
  double decode = 0;
  double preprocess = 0;
  double postprocess = 0;
};

// The descriptor for pictures of the size that this shape of the input has. Throws
// Error(kInvalidInput) when it is none of colour pictures.
Descriptor SizedAs(Descriptor descriptor, const Shape& shape);

// The bytes of a JPEG of 640 x 480 that is drawn: about as many as a photograph has.
std::vector<std::uint8_t> DrawnPictureFile();

// Decodes a picture, makes the input of this shape from it (each picture of a batch anew), runs the
// network once and takes what it answers to boxes. `picture` is a file; "": that of
// DrawnPictureFile. `decoder` has the descriptor that SizedAs gave. Throws Error.
DetectorStages TimeStages(DetectionDecoder& decoder, Session& session, const TensorInfo& input,
                          const Shape& shape, const std::string& picture);

}  // namespace kinglet::measure
