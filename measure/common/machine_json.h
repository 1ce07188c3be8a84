// The machine as records keep it.
#pragma once

#include "measure/common/json_reader.h"
#include "measure/common/machine.h"

namespace kinglet::measure {

// Without the keys of what is not known.
JsonReader::Json MachineJson(const Machine& machine);

// Throws as JsonReader does. Records of older versions have fewer keys.
Machine ReadMachine(const JsonReader& reader);

}  // namespace kinglet::measure
