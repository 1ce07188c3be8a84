#include "measure/network/turn_inputs.h"

#include <algorithm>
#include <filesystem>

#include "kinglet/error.h"
#include "kinglet/image.h"
#include "measure/network/stages.h"
#include "models/pipeline/input_writer.h"

namespace kinglet::measure {
namespace {

constexpr std::size_t kMostBytes = std::size_t{256} << 20;
constexpr std::size_t kMostPictures = 10'000;

std::vector<std::string> PicturesIn(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code error;
  for (auto entry = std::filesystem::directory_iterator(folder, error);
       !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
    const std::string path = entry->path().string();
    if (HasImageExtension(path) && entry->is_regular_file()) paths.push_back(path);
  }
  if (error) throw Error(ErrorCode::kIo, folder + ": cannot be read: " + error.message());
  if (paths.empty()) {
    throw Error(ErrorCode::kInvalidInput,
                folder + ": expected pictures (" + ImageExtensions() + "), found none");
  }
  std::sort(paths.begin(), paths.end());
  if (paths.size() > kMostPictures) paths.resize(kMostPictures);
  return paths;
}

// The input that takes the pictures.
TensorInfo PictureInput(const OpenedNetwork& network) {
  const std::vector<TensorInfo> inputs = network.model.inputs();
  const std::string& name = network.descriptor->input;
  for (const TensorInfo& input : inputs) {
    if (input.name == name || inputs.size() == 1) return input;
  }
  throw Error(ErrorCode::kInvalidInput, "expected an input '" + name +
                                            "' for pictures, as the "
                                            "descriptor has it, found none in the model");
}

}  // namespace

std::vector<Tensors> TurnInputs(const OpenedNetwork& network, const InputShapes& shapes,
                                const PictureChoice& pictures) {
  if (pictures.folder.empty()) return {RandomInputs(network.model.inputs(), shapes)};
  if (!network.descriptor) {
    throw Error(ErrorCode::kInvalidInput,
                "the network has no descriptor that says how pictures are prepared: give "
                "--descriptor, or take random numbers");
  }
  const TensorInfo input = PictureInput(network);
  const Shape& shape = shapes.at(input.name);
  Descriptor descriptor = *network.descriptor;
  const bool rows_last = shape.size() > 2 && shape[shape.size() - 3] == 3;
  descriptor.preprocess.layout = rows_last ? ImageLayout::kNchw : ImageLayout::kNhwc;
  const PreprocessSpec spec = SizedAs(descriptor, shape).preprocess;
  const std::vector<std::string> paths = PicturesIn(pictures.folder);
  const auto batch = static_cast<std::size_t>(network.shapes.Batch(shapes));
  const std::size_t bytes = std::max(Tensor(input.type, shape).bytes(), std::size_t{1});
  std::size_t most = std::min((paths.size() + batch - 1) / batch, kMostBytes / bytes);
  if (pictures.most_batches > 0) most = std::min(most, pictures.most_batches);
  const std::size_t count = std::clamp<std::size_t>(most, 1, paths.size());
  const std::size_t first = pictures.first % paths.size();
  std::vector<Tensors> batches;
  InputWriter writer;
  for (std::size_t b = 0; b < count; ++b) {
    batches.push_back(RandomInputs(network.model.inputs(), shapes));
    Tensor& tensor = batches.back().at(input.name);
    for (std::size_t i = 0; i < batch; ++i) {
      const Image image = ReadImage(paths[(first + b * batch + i) % paths.size()]);
      writer.Write(image, spec, tensor, static_cast<std::int64_t>(i));
    }
  }
  return batches;
}

}  // namespace kinglet::measure
