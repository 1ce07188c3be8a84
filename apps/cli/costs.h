// What kernels are chosen by, as the command line says it.
#pragma once

#include "apps/cli/cli.h"
#include "kinglet/graph.h"
#include "kinglet/model.h"

namespace kinglet::cli {

// The files and threads of the options.
CompileOptions CompileOptionsOf(const CommonOptions& options);

// Compiles with the files and threads of the options. Files of the cache that were ignored are
// noted on stderr.
Model CompileModel(Graph graph, const CommonOptions& options);

// Measures the kernels of the model at these shapes, with a progress bar, and keeps what was found
// in the tuning file of the options, or that of the cache.
TuneReport TuneModel(Model& model, const InputShapes& shapes, const CommonOptions& options);

// TuneModel with --tune, nothing without it.
void TuneWhenAsked(Model& model, const InputShapes& shapes, const CommonOptions& options);

}  // namespace kinglet::cli
