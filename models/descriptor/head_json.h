// The keys of a detector's "output" that say which outputs of the graph are what, and how they lie.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "kinglet/detection.h"
#include "models/files/json_object.h"

namespace kinglet {

// "boxes", "scores", "landmarks", a name each or a list of names, one for each feature map, and
// "columns". Throw as JsonObject does.
void ParseHeads(JsonObject& output, DetectionSpec& spec);
// What finished detections have beside them; after ParseHeads.
void ParseFinished(JsonObject& output, DetectionSpec& spec);
// What raw outputs have beside them; after ParseHeads.
void ParseCodes(JsonObject& output, DetectionSpec& spec);

void WriteHeads(const DetectionSpec& spec, nlohmann::ordered_json& output);

}  // namespace kinglet
