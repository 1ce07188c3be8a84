// Options of the commands about what networks take before they run.
#include <memory>

#include "apps/cli/foresight.h"
#include "apps/cli/options.h"

namespace kinglet::cli {
namespace {

Command AddGenerate(CLI::App& app) {
  auto options = std::make_shared<GenerateOptions>();
  CLI::App* command =
      app.add_subcommand("generate", "Draw networks from a space, as descriptors to measure");
  command
      ->add_option("--space", options->space,
                   "inception, layers, mobilenet, nasbench101, resnet or ssd")
      ->required()
      ->option_text("NAME");
  command->add_option("--count,-n", options->count, "Different networks (default: 10)")
      ->option_text("N");
  command
      ->add_option("--seed", options->seed,
                   "Other networks for another number; more of the same begin with the same "
                   "(default: 1)")
      ->option_text("S");
  command
      ->add_option("--size", options->size,
                   "Width and height of the pictures (default: drawn; of nasbench101 32)")
      ->option_text("PIXELS");
  command
      ->add_option("--width", options->width,
                   "Channels of the stem of nasbench101, which double twice (default: 128)")
      ->option_text("N");
  command->add_option("--classes", options->classes, "Classes (default: drawn; of nasbench101 10)")
      ->option_text("N");
  command->add_option("--output,-o", options->output, "Folder to write to; made when missing")
      ->required()
      ->option_text("FOLDER");
  AddOutputOptions(*command, options->common,
                   "kinglet generate --space nasbench101 --count 300 --seed 7 -o cells/");
  return {command, [options] { return GenerateCommand(*options); }};
}

Command AddPredict(CLI::App& app) {
  auto options = std::make_shared<PredictOptions>();
  CLI::App* command = app.add_subcommand(
      "predict", "Say how long a network takes and how much memory, without running it");
  AddPoints(*command, options->network, options->batch, options->threads);
  command
      ->add_option("--instances", options->instances,
                   "Numbers of instances that run at once, each on its own threads (default: 1)")
      ->option_text("LIST");
  command
      ->add_option("--latency", options->latency,
                   "Say which points keep it, pre- and post-processing included, and which of them "
                   "is best; without lists of points, of all that this machine has room for")
      ->option_text("50ms");
  command->add_option("--memory", options->memory, "The same for resident memory")
      ->option_text("500MB");
  command
      ->add_option("--machine", options->machine,
                   "Another machine's calibration ('kinglet calibrate -o'): what it would take")
      ->option_text("FILE.json");
  AddPredictorOptions(*command, options->predictor);
  command->add_flag("--layers", options->layers, "Also the time of each layer, of the first point");
  AddShapeOption(*command, options->shapes);
  AddModelOptions(*command, options->common);
  AddOutputOptions(*command, options->common, "kinglet predict mobilenet_v2 --latency 50ms");
  return {command, [options] { return PredictCommand(*options); }};
}

Command AddMeasure(CLI::App& app) {
  auto options = std::make_shared<MeasureCommandOptions>();
  CLI::App* command = app.add_subcommand(
      "measure", "Time many networks and their layers, as a dataset to learn from");
  command
      ->add_option(
          "networks", options->networks,
          "ONNX files, descriptor files, names from 'kinglet models', and folders of files")
      ->required()
      ->option_text("MODEL|FOLDER...");
  command
      ->add_option("--batch,-b", options->batch,
                   "Batch sizes, like 1,8,32 or 1..34 (default: " + options->batch + ")")
      ->option_text("LIST");
  command
      ->add_option("--threads,-j", options->threads,
                   "Numbers of threads, like 1,2 or 1..8 (default: OMP_NUM_THREADS, or the CPUs "
                   "that this process may use)")
      ->option_text("LIST");
  command
      ->add_option("--seconds", options->seconds,
                   "For the points of one network together, about (default: 4)")
      ->check(CLI::Range(0.01, 1e6))
      ->option_text("S");
  command
      ->add_option("--most-ms", options->most_ms,
                   "Leave out points that are predicted to take longer (default: 2000)")
      ->check(CLI::Range(0.001, 1e9))
      ->option_text("MS");
  command
      ->add_option(
          "--time-limit", options->time_limit,
          "Seconds after which a network's process is ended, and the network is a row that "
          "says so (default: 120)")
      ->check(CLI::Range(1, 1'000'000))
      ->option_text("S");
  command
      ->add_option("--candidates", options->candidates,
                   "Kernels of each choice that are timed in its place, the best ones by the cost "
                   "model: the others' rows teach what they would have taken (default: 1)")
      ->check(CLI::Range(1, 8))
      ->option_text("N");
  command
      ->add_option("--family", options->family,
                   "Of these networks, which cross-validation leaves out together (default: their "
                   "names without numbers at the end)")
      ->option_text("NAME");
  command
      ->add_option("--shard", options->shard,
                   "Every Nth network, from the Ith on, so that N machines or jobs share the work")
      ->option_text("I/N");
  command
      ->add_option("--output,-o", options->output,
                   "Dataset to begin or to go on with; networks that it has are left out")
      ->required()
      ->option_text("FILE.csv");
  command->add_flag("--network", options->network)->group("");  // what measure calls itself with
  AddModelOptions(*command, options->common);
  AddOutputOptions(*command, options->common,
                   "kinglet measure cells/ mobilenet_v1 --threads 1,2 -o times.csv");
  return {command, [options] { return MeasureCommand(*options); }};
}

Command AddDataset(CLI::App& app) {
  auto options = std::make_shared<DatasetOptions>();
  CLI::App* command = app.add_subcommand(
      "dataset", "Say what a dataset holds, put several together, or divide one");
  command
      ->add_option(
          "action", options->action,
          "info: counts. merge: all networks of several, each once. split: some networks of "
          "each family apart")
      ->required()
      ->check(CLI::IsMember({"info", "merge", "split"}))
      ->option_text("info|merge|split");
  command->add_option("files", options->files, "Datasets that kinglet measure has written")
      ->required()
      ->option_text("FILE.csv...");
  command
      ->add_option("--output,-o", options->outputs,
                   "Dataset to write; twice with split: the larger part, then the one of --share")
      ->allow_extra_args(false)
      ->option_text("FILE.csv");
  command
      ->add_option("--share", options->share,
                   "Of each family's networks, that split puts into the second part (default: 0.2)")
      ->check(Fraction())
      ->option_text("X");
  command->add_option("--seed", options->seed, "Other networks for another number (default: 1)")
      ->option_text("S");
  AddOutputOptions(*command, options->common, "kinglet dataset info times.csv");
  return {command, [options] { return DatasetCommand(*options); }};
}

Command AddFit(CLI::App& app) {
  auto options = std::make_shared<FitOptions>();
  CLI::App* command =
      app.add_subcommand("fit", "Learn to predict times from a dataset, and say how well it works");
  command->add_option("dataset", options->dataset, "Dataset that kinglet measure has written")
      ->required()
      ->option_text("FILE.csv");
  command->add_option("--output,-o", options->output, "Predictor to write, for kinglet predict")
      ->required()
      ->option_text("FILE.json");
  command
      ->add_option("--report", options->report,
                   "Folder for report.html and pictures; made when missing (needs gnuplot)")
      ->option_text("FOLDER");
  command->add_option("--note", options->note, "Kept in the predictor, for people")
      ->option_text("TEXT");
  command
      ->add_option("--folds", options->folds,
                   "Of cross-validation, each of whole families of networks (default: 6)")
      ->check(CLI::Range(2, 1000))
      ->option_text("N");
  command->add_option("--rounds", options->rounds, "Trees for each kernel at most (default: 200)")
      ->check(CLI::Range(1, 5000))
      ->option_text("N");
  command->add_option("--depth", options->depth, "Of each tree at most (default: 5)")
      ->check(CLI::Range(1, 10))
      ->option_text("N");
  command->add_option("--seed", options->seed, "Of what is random (default: 1)")->option_text("S");
  command->add_flag("--no-curve", options->no_curve,
                    "Without the learning curve, which takes half of the time");
  AddOutputOptions(*command, options->common,
                   "kinglet fit times.csv -o predictor.json --report fit/");
  return {command, [options] { return FitCommand(*options); }};
}

Command AddScore(CLI::App& app) {
  auto options = std::make_shared<ScoreOptions>();
  CLI::App* command =
      app.add_subcommand("score", "Say how well a predictor does on networks that it has not seen");
  command
      ->add_option("dataset", options->dataset, "Dataset of networks that nothing was learned from")
      ->required()
      ->option_text("FILE.csv");
  command
      ->add_option("--predictor", options->predictor,
                   "What 'kinglet fit' has learned (default: the built-in one for the dataset's "
                   "instruction set)")
      ->option_text("FILE.json");
  command
      ->add_option("--learned", options->learned,
                   "What the predictor was learned from: simpler proxies learn from it, too, and "
                   "its networks are left out")
      ->option_text("FILE.csv");
  command
      ->add_option("--report", options->report,
                   "Folder for report.html and pictures; made when missing (needs gnuplot)")
      ->option_text("FOLDER");
  AddOutputOptions(*command, options->common,
                   "kinglet score others.csv --predictor predictor.json --learned times.csv");
  return {command, [options] { return ScoreCommand(*options); }};
}

}  // namespace

std::vector<Command> AddForesightCommands(CLI::App& app) {
  return {AddGenerate(app), AddPredict(app), AddMeasure(app),
          AddDataset(app),  AddFit(app),     AddScore(app)};
}

}  // namespace kinglet::cli
