// The shapes that a network is planned for, from its declaration and what is asked for.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "kinglet/descriptor.h"
#include "kinglet/model.h"

namespace kinglet::measure {

struct ShapeOptions {
  int batch = 0;                    // 0: not given
  std::vector<std::string> shapes;  // NAME=1x3x224x224; N is the batch
  // For pictures of which nothing else says it.
  std::int64_t height = 224;
  std::int64_t width = 224;
  std::int64_t channels = 3;
};

// A shape for every input. Free sizes are the batch first, else the picture's size in the
// descriptor, or that of the options without one. Throws Error(kInvalidInput) for a wrong shape, a
// batch that the model does not take, and a size that nothing says, in the words of the command
// line.
InputShapes ChooseShapes(const std::vector<TensorInfo>& inputs, const ShapeOptions& options,
                         const std::optional<Descriptor>& descriptor);

// ChooseShapes for one network at several batch sizes. Where nothing says the size of its pictures,
// it is the first of common ones at which all shapes of the network follow (SidesToTry).
class ShapeChooser {
 public:
  // Throws as ChooseShapes does, and what is wrong with the likeliest size where none works, with
  // the words of the command line that say it.
  ShapeChooser(const Graph& graph, std::vector<std::string> shapes,
               std::optional<Descriptor> descriptor, int batch = 0);

  // `batch` 0: the network's own, or 1. Throws as ChooseShapes does.
  InputShapes For(int batch) const;
  // Pictures of a run at these shapes.
  int Batch(const InputShapes& shapes) const;
  // "input 'x' is ... a guess is --shape x=Nx3x48x320"; "" where nothing was guessed.
  const std::string& note() const { return note_; }

 private:
  std::vector<TensorInfo> inputs_;
  ShapeOptions options_;
  std::optional<Descriptor> descriptor_;
  std::string note_;
};

// Inputs to time a network with: the same random floats at each call, zeros for other types.
Tensors RandomInputs(const std::vector<TensorInfo>& inputs, const InputShapes& shapes);

}  // namespace kinglet::measure
