// Concat of codes: those of one scale are joined as they are, which the steps that make them can do
// themselves (engine/plan/slices.h); others are looked up in a table first.
#pragma once

#include <vector>

#include "engine/passes/code_graph.h"

namespace kinglet {

// Whether it is com.microsoft's QLinearConcat.
bool IsConcatOfCodes(const Node& node);

// Concat in place of `node`, whose attributes it takes: of `parts`, as codes like `to` and of its
// type, which they all have.
void EmitConcat(CodeGraph& graph, const Node& node, const std::vector<Codes>& parts,
                const Codes& to, ValueId output);

// The same in place of a QLinearConcat; false where its scales and zero points are no constants, or
// its types do not fit.
bool ExpandConcat(CodeGraph& graph, const Node& node);

}  // namespace kinglet
