// The commands on the command line that take any network, or none.
#include <map>

#include "apps/cli/commands.h"
#include "apps/cli/options.h"

namespace kinglet::cli {
namespace {

Command AddRun(CLI::App& app) {
  auto options = std::make_shared<RunOptions>();
  CLI::App* command = app.add_subcommand("run", "Run any network on NumPy arrays");
  command->add_option("model", options->model, "ONNX file, or - for standard input")
      ->required()
      ->option_text("MODEL");
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
  AddTimeFlag(*command, options->time,
              "Run several times, and say what the first run takes and what the others take");
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
  AddPredictorOptions(*command, options->predictor);
  command->add_flag(
      "--kernels", options->kernels,
      "Also the kernel chosen for each node, how its work is cut, and its time as 'kinglet "
      "predict' "
      "says it, at all batch sizes and numbers of threads, side by side where there is room");
  command->add_flag("--measure", options->measure,
                    "Run the network and show the time of each node beside the predicted one");
  command->add_flag(
      "--graph", options->graph,
      "Instead, the nodes of the optimised graph: what is fused, inputs and outputs with types and "
      "shapes, constants with their size");
  command->add_flag("--as-read", options->as_read, "With --graph: before it is optimised");
  command->get_option("network")->required(false);
  command->add_flag("--cpu", options->cpu,
                    "Instead, without NETWORK: what this CPU has, and what of it kernels use "
                    "(KINGLET_CPU, KINGLET_TARGET, KINGLET_TILES)");
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
  AddDescriptorOption(*command, options->descriptor,
                      ". With that of a detector, all its stages are timed");
  command
      ->add_option("--image", options->picture,
                   "Picture that a detector decodes and prepares (default: a drawn JPEG of 640 x "
                   "480)")
      ->option_text("FILE");
  AddProfileOption(*command, options->common.profile);
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
  command
      ->add_option("--turns", options->turns,
                   "How often each figure is measured; the median counts (default: 11)")
      ->check(CLI::Range(1, 101))
      ->option_text("N");
  AddOutputOptions(*command, options->common, "kinglet calibrate");
  return {command, [options] { return CalibrateCommand(*options); }};
}

void AddBoundOptions(CLI::App& command, TuneCommandOptions& options) {
  const std::map<std::string, double> units = {{"us", 1e-3}, {"ms", 1}, {"s", 1e3}};
  command
      .add_option("--latency", options.latency_ms,
                  "Instead, find the batch, threads and instances of the most throughput whose "
                  "batches take at most so long, like 50ms, and write them as a profile")
      ->transform(CLI::AsNumberWithUnit(units, CLI::AsNumberWithUnit::CASE_INSENSITIVE, "DURATION"))
      ->check(CLI::Range(1e-3, 1e9))
      ->option_text("DURATION");
  command
      .add_option("--percentile", options.percentile,
                  "The share of batches that --latency is for: 50, 90, 95 or 99 (default: 99)")
      ->check(CLI::IsMember({50, 90, 95, 99}))
      ->option_text("P");
  command
      .add_option("--memory", options.memory_bytes,
                  "The same within so much memory of all instances together, like 500MB")
      ->transform(CLI::AsSizeValue(false))
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1} << 50))
      ->option_text("BYTES");
  command
      .add_option("--rate", options.rate,
                  "The same for images that arrive by themselves, so many a second (Poisson): the "
                  "shortest latency of those that keep up; an image waits until its batch is full")
      ->check(CLI::Range(1e-3, 1e6))
      ->option_text("R");
  command
      .add_option("--instances", options.instances,
                  "Numbers of instances at once to choose from (default: 1, 2, 4 ... as there are "
                  "CPUs)")
      ->option_text("LIST");
  command
      .add_option("--duration", options.duration,
                  "Seconds that each point is measured for, and four times that the one that is "
                  "chosen (default: 4)")
      ->check(CLI::Range(0.05, 3600.0))
      ->option_text("S");
  command.add_flag(
      "--kernels", options.kernels,
      "Then measure the kernels of the point that was chosen, and the point with them and without "
      "them in turns; where it is faster, the profile names them (FILE.tuning.json beside it)");
  command
      .add_option("--as", options.kind,
                  "Instances are threads, which share one model, or processes, or what is better "
                  "(default: threads)")
      ->check(CLI::IsMember({"threads", "processes", "both"}))
      ->option_text("threads|processes|both");
  command
      .add_option("--input", options.input,
                  "What the network runs on: random numbers, or the pictures in a folder, prepared "
                  "by the descriptor before the time counts (default: random)")
      ->option_text("random|FOLDER");
}

Command AddTune(CLI::App& app) {
  auto options = std::make_shared<TuneCommandOptions>();
  CLI::App* command = app.add_subcommand(
      "tune", "Measure the best kernels of a network, or the best way to run it under a bound");
  AddPoints(*command, options->network, options->batch, options->threads);
  AddBoundOptions(*command, *options);
  AddShapeOption(*command, options->shapes);
  AddDescriptorOption(*command, options->descriptor);
  AddComparedModelOptions(*command, options->common);
  AddPrecisionOption(*command, options->common.costs);
  command
      ->add_option("--output,-o", options->output,
                   "Tuning file to write or to add to (default: in the cache folder, where every "
                   "command finds it); with a bound the profile to write, for --profile")
      ->option_text("FILE.json");
  AddOutputOptions(*command, options->common,
                   "kinglet tune mobilenet_v1 --latency 50ms --output mobilenet.profile.json");
  return {command, [options] { return TuneCommand(*options); }};
}

Command AddOptimise(CLI::App& app) {
  auto options = std::make_shared<OptimiseCommandOptions>();
  CLI::App* command = app.add_subcommand(
      "optimise", "Write a network as it runs, fused and simplified, as an ONNX file");
  AddNamedNetwork(*command, options->network);
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
  command->add_option("model", options->model, "ONNX file, or - for standard input")
      ->required()
      ->option_text("MODEL.onnx");
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

}  // namespace

std::vector<Command> AddNetworkCommands(CLI::App& app) {
  return {AddRun(app),      AddInfo(app),     AddBench(app),  AddCalibrate(app), AddTune(app),
          AddOptimise(app), AddDescribe(app), AddExport(app), AddModels(app),    AddOps(app)};
}

}  // namespace kinglet::cli
