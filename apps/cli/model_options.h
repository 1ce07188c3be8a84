// What is read of models and how large they may be, as the command line says it.
#pragma once

#include <string>
#include <vector>

#include "apps/cli/cli.h"
#include "kinglet/model.h"
#include "kinglet/onnx.h"
#include "kinglet/optimise.h"

namespace kinglet::cli {

// The folders and limits of the options, for reading a model.
ReadOptions ReadOptionsOf(const CommonOptions& options);

// The limits of the options, for compiling it.
void SetLimits(const ModelOptions& options, CompileOptions& compile);
OptimiseOptions OptimiseOptionsOf(const CommonOptions& options);

// The options as the command line has them, for a command that calls itself.
std::vector<std::string> ArgumentsOf(const ModelOptions& options);

// What a person should know of a model that was read and is not compiled.
void PrintReadNotes(const Graph& graph, const CommonOptions& options);

}  // namespace kinglet::cli
