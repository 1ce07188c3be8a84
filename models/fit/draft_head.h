// A first descriptor for a detector whose head was recognised.
#pragma once

#include "kinglet/descriptor.h"
#include "kinglet/graph.h"
#include "models/fit/head_form.h"

namespace kinglet {

// Sets what the form of the head, what the graph does behind its last layers, and the conventions
// of the networks that have such heads say; notes say what is a guess. False where the anchors of
// the boxes cannot be told.
bool DraftHead(Descriptor& descriptor, const Graph& graph, const HeadForm& form);

}  // namespace kinglet
