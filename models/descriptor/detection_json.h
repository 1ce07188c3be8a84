// The part of a descriptor's "output" that only detectors have.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "kinglet/detection.h"
#include "models/files/json_object.h"

namespace kinglet {

// Takes the keys of a detector from `output`. Throws as JsonObject does.
DetectionSpec ParseDetection(JsonObject& output);
void WriteDetection(const DetectionSpec& detection, nlohmann::ordered_json& output);

// The shortest number that reads back as the same float: 0.485, not 0.48500001430511475.
nlohmann::ordered_json ShortNumber(float value);

}  // namespace kinglet
