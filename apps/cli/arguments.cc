// All of CLI11 is here, as it is heavy to compile.
#include "apps/cli/arguments.h"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <sstream>

#include "apps/cli/commands.h"
#include "apps/cli/output.h"
#include "kinglet/machine.h"

namespace kinglet::cli {
namespace {

// A command on the command line, with what it calls when it was chosen.
struct Command {
  CLI::App* app = nullptr;
  std::function<Status()> run;
};

// CLI::Range lets "nan" through.
CLI::Validator Fraction() {
  return CLI::Validator(
      [](std::string& text) {
        double value = 0;
        const bool good = CLI::detail::lexical_cast(text, value) && value >= 0 && value <= 1;
        return good ? std::string() : "expected a number from 0 to 1, found " + text;
      },
      "");
}

void AddOutputOptions(CLI::App& command, CommonOptions& options, const std::string& example) {
  command.add_flag("--json", options.json, "Print JSON instead of tables");
  command.add_flag("--quiet,-q", options.quiet, "Print results and errors only");
  command.footer("Example:\n  " + example + "\n");
}

void AddCommonOptions(CLI::App& command, CommonOptions& options, const std::string& example) {
  AddOutputOptions(command, options, example);
  command
      .add_option("--threads,-j", options.threads,
                  "Threads to use (default: the CPUs that this process may use)")
      ->check(CLI::Range(1, kMaxThreads))
      ->option_text("N");
}

void AddCostOptions(CLI::App& command, CostOptions& options) {
  command
      .add_option(
          "--calibration", options.calibration,
          "Figures of this machine that kernels are chosen by (default: those that 'kinglet "
          "calibrate' keeps in the cache folder)")
      ->option_text("FILE");
  command
      .add_option("--tuning", options.tuning,
                  "Measured kernels to choose by (default: those that 'kinglet tune' keeps in the "
                  "cache folder)")
      ->option_text("FILE");
  command.add_flag("--no-cache", options.no_cache, "Leave files of the cache folder alone");
  command.add_flag("--no-winograd", options.no_winograd,
                   "Compute every convolution as it is defined: slower, and rounded less");
  command.add_flag("--deterministic", options.deterministic,
                   "The same bits for every number of threads: slower on several");
  command.add_flag("--tune", options.tune,
                   "First measure the best kernels for each node, and keep the fastest in the "
                   "tuning file");
}

void AddReadOptions(CLI::App& command, ModelOptions& options) {
  command
      .add_option("--data-folder", options.data_folders,
                  "Further folder that external data of the model may lie in, or that links to it "
                  "may lead into; once for each")
      ->option_text("DIR")
      ->allow_extra_args(false);
  const auto add_bytes = [&](const char* name, std::optional<std::uint64_t>& bytes,
                             const char* what) {
    command.add_option(name, bytes, what)
        ->transform(CLI::AsSizeValue(false))
        ->option_text("BYTES")
        ->group("Limits");
  };
  add_bytes("--max-tensor-bytes", options.max_tensor_bytes,
            "Largest tensor, like 6G (default: 2G)");
  add_bytes("--max-model-bytes", options.max_model_bytes,
            "All constants of the model (default: 8G)");
  add_bytes("--max-arena-bytes", options.max_arena_bytes,
            "All tensors between the steps (default: 16G)");
  add_bytes("--max-scratch-bytes", options.max_scratch_bytes,
            "All tensors whose shapes depend on data (default: 4G)");
}

// Of commands that compile a model.
void AddModelOptions(CLI::App& command, CommonOptions& options) {
  AddReadOptions(command, options.model);
  AddCostOptions(command, options.costs);
}

void AddShapeOption(CLI::App& command, std::vector<std::string>& shapes) {
  command
      .add_option("--shape", shapes,
                  "Shape of an input whose sizes are free in the model (pictures: Nx3x224x224); N "
                  "is the batch")
      ->option_text("NAME=Nx3x224x224")
      ->allow_extra_args(false);
}

// MODEL|DESCRIPTOR with lists of batch sizes and numbers of threads.
void AddPoints(CLI::App& command, std::string& network, std::string& batch, std::string& threads) {
  command
      .add_option("network", network,
                  "ONNX file, descriptor file, or a name from 'kinglet models', which builds the "
                  "network with random weights")
      ->required()
      ->option_text("MODEL|DESCRIPTOR");
  command.add_option("--batch,-b", batch, "Batch sizes, like 1,8,32 or 1..34 (default: 1)")
      ->option_text("LIST");
  command
      .add_option("--threads,-j", threads,
                  "Numbers of threads, like 1,2 or 1..8 (default: the CPUs that this process may "
                  "use)")
      ->option_text("LIST");
}

void AddPictureOptions(CLI::App& command, std::int64_t& max_pixels, std::string& output,
                       const std::string& what) {
  command
      .add_option("--output,-o", output,
                  "Folder for a copy of each picture with " + what +
                      " drawn on it, JPEG or PNG as the picture is; made when missing")
      ->option_text("FOLDER");
  command
      .add_option("--max-pixels", max_pixels,
                  "Largest picture that is decoded, in pixels (default: 32000000)")
      ->check(CLI::Range(std::int64_t{1}, kLargestMaxPixels))
      ->option_text("N");
}

Command AddClassify(CLI::App& app) {
  auto options = std::make_shared<ClassifyOptions>();
  CLI::App* command = app.add_subcommand("classify", "Say what is in pictures");
  command->add_option("images", options->images, "Pictures (JPEG, PNG, BMP), or folders of them")
      ->required()
      ->option_text("IMAGE|FOLDER...");
  command->add_option("--model,-m", options->network.model, "ONNX file (default: the demo network)")
      ->option_text("FILE");
  command
      ->add_option("--descriptor,-d", options->network.descriptor,
                   "How pictures become the model's input: a name from 'kinglet models' or a file "
                   "(default: MODEL.json beside MODEL.onnx). The size of the input and the number "
                   "of classes are always the model's own")
      ->option_text("NAME|FILE");
  command
      ->add_option("--preprocess", options->network.preprocess,
                   "Colours, crop and scale by this rule instead of the descriptor's")
      ->check(CLI::IsMember({"slim", "torch", "caffe"}))
      ->option_text("slim|torch|caffe");
  command
      ->add_option("--labels,-l", options->network.labels,
                   "Class names, one on each line (default: the descriptor's)")
      ->option_text("FILE");
  command->add_option("--top,-k", options->top, "Classes shown for each picture (default: 5)")
      ->check(CLI::Range(1, 1'000'000))
      ->option_text("K");
  AddPictureOptions(*command, options->max_pixels, options->output, "the classes");
  AddModelOptions(*command, options->common);
  AddCommonOptions(*command, options->common,
                   "kinglet classify --model mobilenet_v2.onnx --descriptor mobilenet_v2 --top 3 "
                   "photo.jpg holiday/");
  return {command, [options] { return ClassifyCommand(*options); }};
}

// A way to draw, or a file (./none for one that is called so).
void SetLabels(const std::string& value, DetectOptions& options) {
  const bool drawn = value == "none" || value == "index" || value == "full";
  (drawn ? options.drawn_labels : options.network.labels) = value;
}

Command AddDetect(CLI::App& app) {
  auto options = std::make_shared<DetectOptions>();
  CLI::App* command = app.add_subcommand("detect", "Find things in pictures");
  command->add_option("images", options->images, "Pictures (JPEG, PNG, BMP), or folders of them")
      ->required()
      ->option_text("IMAGE|FOLDER...");
  command
      ->add_option("--model,-m", options->network.model, "ONNX file (default: the demo detector)")
      ->option_text("FILE");
  command
      ->add_option("--descriptor,-d", options->network.descriptor,
                   "How pictures become the model's input and what its outputs mean: a name from "
                   "'kinglet models' or a file (default: MODEL.json beside MODEL.onnx)")
      ->option_text("NAME|FILE");
  auto labels = std::make_shared<std::vector<std::string>>();
  command
      ->add_option("--labels,-l", *labels,
                   "Class names, one on each line (default: the descriptor's); or what is drawn: "
                   "none, index (the number of the class), full (name and score, the default)")
      ->option_text("FILE|none|index|full")
      ->allow_extra_args(false);
  command
      ->add_option("--line-width", options->line_width,
                   "Width of drawn boxes in pixels (default: by the picture and the box)")
      ->check(CLI::Range(1, 100))
      ->option_text("N");
  DetectorOverrides& overrides = options->overrides;
  command
      ->add_option("--threshold,-t", overrides.threshold,
                   "Least score of a detection (default: the descriptor's)")
      ->check(Fraction())
      ->option_text("T");
  command
      ->add_option("--iou", overrides.iou,
                   "Of two boxes that overlap more than this (intersection over union), the one "
                   "with the lower score goes (default: the descriptor's)")
      ->check(Fraction())
      ->option_text("T");
  command
      ->add_option("--max", overrides.max_detections,
                   "Detections of each picture at most (default: the descriptor's)")
      ->check(CLI::Range(1, 1'000'000))
      ->option_text("N");
  command
      ->add_option("--nms", overrides.nms,
                   "Which boxes suppress which: per-class, those of the same class; fast, all, "
                   "each with its best class only (default: the descriptor's)")
      ->check(CLI::IsMember({"per-class", "fast"}))
      ->option_text("per-class|fast");
  command
      ->add_option("--anchors", overrides.anchors,
                   "Anchors of the network, [[cy, cx, h, w], ...] in JSON (default: "
                   "MODEL.anchors.json beside MODEL.onnx, or the descriptor's)")
      ->option_text("FILE.json");
  AddPictureOptions(*command, options->max_pixels, options->output, "boxes, labels and scores");
  AddModelOptions(*command, options->common);
  AddCommonOptions(*command, options->common,
                   "kinglet detect --model version-RFB-320.onnx --descriptor ultraface --output "
                   "drawn/ party.jpg holiday/");
  return {command, [options, labels] {
            for (const std::string& value : *labels) SetLabels(value, *options);
            return DetectCommand(*options);
          }};
}

Command AddEvaluate(CLI::App& app) {
  auto options = std::make_shared<EvaluateOptions>();
  CLI::App* command =
      app.add_subcommand("evaluate", "Measure how often a network is right on known pictures");
  command
      ->add_option("--task", options->task,
                   "classify: top-1 and top-5 on a folder for each class; detect: COCO's average "
                   "precision")
      ->required()
      ->check(CLI::IsMember({"classify", "detect"}))
      ->option_text("classify|detect");
  command
      ->add_option("--dataset", options->dataset,
                   "Folder of pictures: FOLDER/<class>/ to classify; to detect, those that the "
                   "annotations name")
      ->option_text("FOLDER");
  command
      ->add_option("--annotations", options->annotations,
                   "COCO annotations (default: annotations.json in the dataset's folder)")
      ->option_text("FILE.json");
  command
      ->add_option("--detections", options->detections,
                   "COCO results to evaluate; no network is run")
      ->option_text("FILE.json");
  command->add_option("--output,-o", options->output, "File for the detections, as COCO results")
      ->option_text("FILE.json");
  command
      ->add_option("--model,-m", options->network.model,
                   "ONNX file (default: the demo network of the task)")
      ->option_text("FILE");
  command
      ->add_option("--descriptor,-d", options->network.descriptor,
                   "A name from 'kinglet models' or a file (default: MODEL.json beside MODEL.onnx)")
      ->option_text("NAME|FILE");
  command
      ->add_option("--labels,-l", options->network.labels,
                   "Class names, one on each line (default: the descriptor's)")
      ->option_text("FILE");
  command
      ->add_option("--threshold,-t", options->threshold,
                   "Least score of a detection (default: 0.01: low scores count a little)")
      ->check(Fraction())
      ->option_text("T");
  command
      ->add_option("--iou", options->iou,
                   "Of two boxes that overlap more, the worse one goes (default: the descriptor's)")
      ->check(Fraction())
      ->option_text("T");
  command->add_option("--nms", options->nms, "As kinglet detect has it")
      ->check(CLI::IsMember({"per-class", "fast"}))
      ->option_text("per-class|fast");
  command
      ->add_option("--max-pixels", options->max_pixels,
                   "Largest picture that is decoded, in pixels (default: 32000000)")
      ->check(CLI::Range(std::int64_t{1}, kLargestMaxPixels))
      ->option_text("N");
  AddModelOptions(*command, options->common);
  AddCommonOptions(*command, options->common,
                   "kinglet evaluate --task detect --dataset coco/val2017 --annotations "
                   "instances_val2017.json --model ssd.onnx --descriptor ssd_mobilenet_v1");
  return {command, [options] { return EvaluateCommand(*options); }};
}

Command AddRun(CLI::App& app) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand("run", "Run any network on NumPy arrays");
  command->add_option("model", options->model, "ONNX file")->required()->option_text("MODEL");
  command
      ->add_option("--input,-i", options->inputs,
                   "An array for an input of the network, once for each input")
      ->option_text("NAME=FILE.npy")
      ->allow_extra_args(false);
  command
      ->add_option("--output-dir,-o", options->output_dir,
                   "Folder for one .npy file for each output, and outputs.json, which maps names "
                   "of outputs to files; made when missing")
      ->required()
      ->option_text("DIR");
  AddModelOptions(*command, options->common);
  AddCommonOptions(*command, options->common,
                   "kinglet run mobilenet.onnx --input input=picture.npy --output-dir out/");
  return {command, [options] { return RunCommand(*options); }};
}

Command AddInfo(CLI::App& app) {
  auto options = std::make_shared<InfoOptions>();
  CLI::App* command = app.add_subcommand("info", "Say what a network is and what running it takes");
  AddPoints(*command, options->network, options->batch, options->threads);
  AddShapeOption(*command, options->shapes);
  command->add_flag("--kernels", options->kernels,
                    "Also the kernel chosen for each node, how its work is cut, and its predicted "
                    "time, at all batch sizes and numbers of threads side by side");
  command->add_flag("--measure", options->measure,
                    "Run the network and show the time of each node beside the predicted one");
  command->add_flag(
      "--graph", options->graph,
      "Instead, the nodes of the optimised graph: what is fused, inputs and outputs with types and "
      "shapes, constants with their size");
  command->add_flag("--as-read", options->as_read, "With --graph: before it is optimised");
  AddModelOptions(*command, options->common);
  AddOutputOptions(*command, options->common,
                   "kinglet info mobilenet_v2 --kernels --batch 1,8,32 --threads 1,2");
  return {command, [options] { return InfoCommand(*options); }};
}

Command AddBench(CLI::App& app) {
  auto options = std::make_shared<BenchOptions>();
  CLI::App* command = app.add_subcommand(
      "bench", "Time a network at each batch size and number of threads, each in its own process");
  AddPoints(*command, options->network, options->batch, options->threads);
  command
      ->add_option("--repeat,-r", options->repeat,
                   "Runs that are timed at each point, after the warm-up (default: for 2 seconds, "
                   "and 9 at least)")
      ->check(CLI::Range(1, 1'000'000))
      ->option_text("N");
  AddShapeOption(*command, options->shapes);
  command
      ->add_option("--descriptor,-d", options->descriptor,
                   "Descriptor of a model file: a name from 'kinglet models' or a file (default: "
                   "MODEL.json beside MODEL.onnx). With that of a detector, all its stages are "
                   "timed")
      ->option_text("NAME|FILE");
  command
      ->add_option("--image", options->picture,
                   "Picture that a detector decodes and prepares (default: a drawn JPEG of 640 x "
                   "480)")
      ->option_text("FILE");
  command->add_flag("--point", options->point)->group("");  // what bench calls itself with
  AddModelOptions(*command, options->common);
  AddOutputOptions(*command, options->common,
                   "kinglet bench mobilenet_v1 --batch 1,8,32 --threads 1,2");
  return {command, [options] { return BenchCommand(*options); }};
}

Command AddCalibrate(CLI::App& app) {
  auto options = std::make_shared<CalibrateOptions>();
  CLI::App* command = app.add_subcommand(
      "calibrate", "Measure this machine, so that kernels are chosen by its own figures");
  command
      ->add_option("--output,-o", options->output,
                   "File to write (default: in the cache folder, where every command finds it)")
      ->option_text("FILE.json");
  AddOutputOptions(*command, options->common, "kinglet calibrate");
  return {command, [options] { return CalibrateCommand(*options); }};
}

Command AddTune(CLI::App& app) {
  auto options = std::make_shared<TuneCommandOptions>();
  CLI::App* command = app.add_subcommand(
      "tune", "Measure the best kernels for each node of a network, and keep the fastest");
  AddPoints(*command, options->network, options->batch, options->threads);
  AddShapeOption(*command, options->shapes);
  command
      ->add_option("--output,-o", options->output,
                   "Tuning file to write or to add to (default: in the cache folder, where every "
                   "command finds it)")
      ->option_text("FILE.json");
  AddOutputOptions(*command, options->common,
                   "kinglet tune mobilenet_v1 --batch 1,8 --threads 1,2");
  return {command, [options] { return TuneCommand(*options); }};
}

Command AddOptimise(CLI::App& app) {
  auto options = std::make_shared<OptimiseCommandOptions>();
  CLI::App* command = app.add_subcommand(
      "optimise", "Write a network as it runs, fused and simplified, as an ONNX file");
  command
      ->add_option("network", options->network,
                   "ONNX file, descriptor file, or a name from 'kinglet models'")
      ->required()
      ->option_text("MODEL|DESCRIPTOR");
  command
      ->add_option(
          "--output,-o", options->output,
          "File to write. It is for this version of Kinglet, on any machine: what is fused "
          "are operators of the domain 'kinglet'")
      ->required()
      ->option_text("FILE.onnx");
  AddReadOptions(*command, options->common.model);
  AddCommonOptions(*command, options->common,
                   "kinglet optimise resnet50.onnx -o resnet50.opt.onnx");
  return {command, [options] { return OptimiseCommand(*options); }};
}

Command AddDescribe(CLI::App& app) {
  auto options = std::make_shared<DescribeOptions>();
  CLI::App* command =
      app.add_subcommand("describe", "Draft a descriptor for a network that has none");
  command->add_option("model", options->model, "ONNX file")->required()->option_text("MODEL.onnx");
  command
      ->add_option("--output,-o", options->output,
                   "File to write (default: standard output). As MODEL.json beside MODEL.onnx it "
                   "is used without being named")
      ->option_text("FILE.json");
  AddReadOptions(*command, options->common.model);
  AddCommonOptions(*command, options->common, "kinglet describe mynet.onnx -o mynet.json");
  return {command, [options] { return DescribeCommand(*options); }};
}

Command AddExport(CLI::App& app) {
  auto options = std::make_shared<ExportOptions>();
  CLI::App* command =
      app.add_subcommand("export", "Write a network that is known by name as an ONNX file");
  command
      ->add_option("descriptor", options->descriptor,
                   "A name from 'kinglet models' or a descriptor file with an architecture. The "
                   "weights are random, the same on every machine; those of 'demo' are trained. "
                   "The batch is free")
      ->required()
      ->option_text("DESCRIPTOR");
  command->add_option("--output,-o", options->output, "File to write")
      ->required()
      ->option_text("FILE.onnx");
  AddCommonOptions(*command, options->common, "kinglet export mobilenet_v2 -o mobilenet_v2.onnx");
  return {command, [options] { return ExportCommand(*options); }};
}

Command AddModels(CLI::App& app) {
  auto options = std::make_shared<CommonOptions>();
  CLI::App* command = app.add_subcommand(
      "models", "List the networks that are known by name: for --descriptor and kinglet info");
  AddCommonOptions(*command, *options, "kinglet models");
  return {command, [options] { return ModelsCommand(*options); }};
}

Command AddOps(CLI::App& app) {
  auto options = std::make_shared<CommonOptions>();
  CLI::App* command = app.add_subcommand("ops", "List the ONNX operators that are supported");
  AddCommonOptions(*command, *options, "kinglet ops");
  return {command, [options] { return OpsCommand(*options); }};
}

// A name or file of no letters would count as not given.
void RefuseEmptyValues(CLI::App& command) {
  const CLI::Validator not_empty(
      [](std::string& text) {
        return text.empty() ? std::string("expected a value, found an empty one") : std::string();
      },
      "");
  for (CLI::Option* option : command.get_options()) {
    if (option->get_items_expected_max() > 0) option->check(not_empty);
  }
}

// Help and version are output; everything else is a mistake.
std::string TextOf(const CLI::App& app, const CLI::ParseError& error) {
  std::ostringstream text;
  std::ostringstream unused;
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
    app.exit(error, text, unused);
    return text.str();
  }
  const auto chosen = app.get_subcommands();
  const std::string command = chosen.empty() ? "" : " " + chosen.front()->get_name();
  throw UsageError(std::string(error.what()) + " (see kinglet" + command + " --help)");
}

}  // namespace

std::function<Status()> ParseArguments(int argc, const char* const* argv) {
  CLI::App app("Runs convolutional networks on CPUs.", "kinglet");
  app.require_subcommand(1);
  app.set_version_flag("--version", "kinglet " KINGLET_VERSION);
  app.footer("Example:\n  kinglet classify photo.jpg\n");
  const Command commands[] = {AddClassify(app), AddDetect(app),   AddEvaluate(app),  AddRun(app),
                              AddInfo(app),     AddBench(app),    AddCalibrate(app), AddTune(app),
                              AddOptimise(app), AddDescribe(app), AddExport(app),    AddModels(app),
                              AddOps(app)};
  for (const Command& command : commands) RefuseEmptyValues(*command.app);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return [text = TextOf(app, error)] {
      Print(text);
      return Status::kDone;
    };
  }
  for (const Command& command : commands) {
    if (!command.app->parsed()) continue;
    // Help and version, above, need no instructions.
    if (const std::string problem = EnvironmentProblem(); !problem.empty()) {
      throw UsageError(problem);
    }
    return command.run;
  }
  throw UsageError("a command is missing (see kinglet --help)");
}

}  // namespace kinglet::cli
