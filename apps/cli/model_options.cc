#include "apps/cli/model_options.h"

#include <cstdint>
#include <optional>

namespace kinglet::cli {
namespace {

template <typename T>
void Set(const std::optional<std::uint64_t>& given, T& limit) {
  if (given) limit = static_cast<T>(*given);
}

}  // namespace

ReadOptions ReadOptionsOf(const CommonOptions& options) {
  ReadOptions read;
  read.data_folders = options.model.data_folders;
  Set(options.model.max_tensor_bytes, read.limits.tensor_bytes);
  Set(options.model.max_model_bytes, read.limits.total_tensor_bytes);
  return read;
}

void SetLimits(const ModelOptions& options, CompileOptions& compile) {
  Set(options.max_tensor_bytes, compile.max_tensor_bytes);
  Set(options.max_arena_bytes, compile.max_arena_bytes);
  Set(options.max_scratch_bytes, compile.max_scratch_bytes);
}

OptimiseOptions OptimiseOptionsOf(const CommonOptions& options) {
  CompileOptions compile;
  SetLimits(options.model, compile);
  OptimiseOptions optimise;
  optimise.limits.max_tensor_bytes = compile.max_tensor_bytes;
  optimise.limits.max_arena_bytes = compile.max_arena_bytes;
  optimise.limits.max_scratch_bytes = compile.max_scratch_bytes;
  return optimise;
}

std::vector<std::string> ArgumentsOf(const ModelOptions& options) {
  std::vector<std::string> arguments;
  const auto add = [&](const char* option, const std::optional<std::uint64_t>& bytes) {
    if (bytes) arguments.insert(arguments.end(), {option, std::to_string(*bytes)});
  };
  for (const std::string& folder : options.data_folders) {
    arguments.insert(arguments.end(), {"--data-folder", folder});
  }
  add("--max-tensor-bytes", options.max_tensor_bytes);
  add("--max-model-bytes", options.max_model_bytes);
  add("--max-arena-bytes", options.max_arena_bytes);
  add("--max-scratch-bytes", options.max_scratch_bytes);
  return arguments;
}

void PrintReadNotes(const Graph& graph, const CommonOptions& options) {
  for (const std::string& note : graph.notes()) PrintNote(options, "note: " + note);
}

}  // namespace kinglet::cli
