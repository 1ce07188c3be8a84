// What kernels are chosen by, as the command line says it.
#pragma once

#include <string>
#include <vector>

#include "apps/cli/cli.h"
#include "kinglet/graph.h"
#include "kinglet/model.h"

namespace kinglet::cli {

// Threads of the options: those that are given, else DefaultThreads().
int ThreadsOf(const CommonOptions& options);

// The files and threads of the options. With --verbose, each plan that is made is told.
CompileOptions CompileOptionsOf(const CommonOptions& options);

// Compiles with the files and threads of the options. Files of the cache that were ignored are
// noted on stderr.
Model CompileModel(Graph graph, const CommonOptions& options);

// Measures the kernels of the model at these shapes, with a progress bar, and keeps what was found
// in the tuning file of the options, or that of the cache. Throws Error(kIo) where it cannot be
// written.
TuneReport TuneModel(Model& model, const InputShapes& shapes, const CommonOptions& options);

// TuneModel with --tune, nothing without it. A file of the cache that cannot be written is a
// warning: what was measured counts in this process.
void TuneWhenAsked(Model& model, const InputShapes& shapes, const CommonOptions& options);

// The options as the command line has them, for a command that calls itself.
std::vector<std::string> ArgumentsOf(const CostOptions& options);

}  // namespace kinglet::cli
