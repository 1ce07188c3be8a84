// Options of the commands about what a network is computed in.
#include <memory>

#include "apps/cli/commands.h"
#include "apps/cli/options.h"

namespace kinglet::cli {
namespace {

void AddModel(CLI::App& command, NetworkOptions& network, std::string& anchors) {
  command
      .add_option("model", network.model,
                  "ONNX file, or 'demo' and 'demo_detector', which are part of the library")
      ->required()
      ->option_text("MODEL.onnx");
  command
      .add_option("--descriptor,-d", network.descriptor,
                  "How pictures become the model's input and what its outputs mean: a name from "
                  "'kinglet models' or a file (default: MODEL.json beside MODEL.onnx)")
      ->option_text("NAME|FILE");
  command
      .add_option("--anchors", anchors,
                  "Anchors of a detector, [[cy, cx, h, w], ...] in JSON (default: "
                  "MODEL.anchors.json beside MODEL.onnx, or the descriptor's)")
      ->option_text("FILE.json");
}

void AddPictures(CLI::App& command, PictureOptions& pictures, const char* name,
                 const std::string& what) {
  command.add_option(name, pictures.images, what)
      ->required()
      ->allow_extra_args()
      ->option_text("IMAGE|FOLDER...");
  command.add_flag("--recursive,-R", pictures.recursive, "Look into the folders of folders, too");
  AddMaxPixels(command, pictures.max_pixels);
}

void AddBudget(CLI::App& command, std::string& budget) {
  command
      .add_option(
          "--budget", budget,
          "Share of the answers that may differ from those in float32; of 20 and more, one may "
          "unless it is 0 (default: " +
              budget + ")")
      ->option_text("0.5%");
}

Command AddQuantize(CLI::App& app) {
  auto options = std::make_shared<QuantizeCommandOptions>();
  CLI::App* command = app.add_subcommand(
      "quantize", "Make an 8-bit network of one in float32, by pictures (post-training)");
  AddModel(*command, options->network, options->anchors);
  AddPictures(*command, options->pictures, "--calibrate",
              "Pictures like those that the network will see, a hundred or more: every other one "
              "is held out to check the result");
  command->add_option("--output,-o", options->output, "File to write, with QDQ nodes of opset 13")
      ->required()
      ->option_text("FILE.onnx");
  command
      ->add_option("--range", options->range,
                   "How the range that 256 codes stand for is found: minmax, percentile (99.99), "
                   "mse (least squares, the default), entropy")
      ->check(CLI::IsMember({"minmax", "percentile", "mse", "entropy"}))
      ->option_text("RULE");
  AddBudget(*command, options->budget);
  command->add_flag("--reduce-range", options->reduce_range,
                    "Weights of 7 bits, for engines whose sums saturate; Kinglet's do not");
  command->add_option("--report", options->report, "File for the report on every layer, as JSON")
      ->option_text("FILE.json");
  AddComparedModelOptions(*command, options->common);
  AddCommonOptions(*command, options->common,
                   "kinglet quantize mobilenet_v2.onnx --descriptor mobilenet_v2 --calibrate "
                   "photos/ -o mobilenet_v2_int8.onnx");
  return {command, [options] { return QuantizeCommand(*options); }};
}

Command AddCheck(CLI::App& app) {
  auto options = std::make_shared<CheckCommandOptions>();
  CLI::App* command = app.add_subcommand(
      "check", "Compare a network's answers in each precision with those in float32");
  AddModel(*command, options->network, options->anchors);
  AddPictures(*command, options->pictures, "--pictures",
              "Pictures like those that the network will see, some hundred or more");
  command
      ->add_option(
          "--labels,-l", options->network.labels,
          "Class names, one on each line (default: the descriptor's): --verbose says which "
          "pictures differ")
      ->option_text("FILE");
  AddBudget(*command, options->budget);
  command
      ->add_option(
          "--reference", options->reference,
          "Model in float32 to compare with: what a quantised one was made of (default: the "
          "model itself, of a quantised one with its values rounded to codes and back)")
      ->option_text("FLOAT.onnx");
  command
      ->add_option("--output,-o", options->output,
                   "File to keep what was found in (default: in the cache folder, where "
                   "'--precision auto' finds it)")
      ->option_text("FILE.json");
  AddComparedModelOptions(*command, options->common);
  AddCommonOptions(*command, options->common,
                   "kinglet check mobilenet_v2.onnx --descriptor mobilenet_v2 --pictures photos/");
  return {command, [options] { return CheckCommand(*options); }};
}

}  // namespace

std::vector<Command> AddPrecisionCommands(CLI::App& app) {
  return {AddQuantize(app), AddCheck(app)};
}

}  // namespace kinglet::cli
