// Options of the commands that learn from many measured points.
#include <memory>

#include "apps/cli/commands.h"
#include "apps/cli/options.h"

namespace kinglet::cli {
namespace {

// Above 0 to `most`; CLI::Range lets "nan" through.
CLI::Validator PositiveNumber(double most) {
  return CLI::Validator(
      [most](std::string& text) {
        double value = 0;
        const bool good = CLI::detail::lexical_cast(text, value) && value > 0 && value <= most;
        return good ? std::string()
                    : "expected a number above 0, at most " + CLI::detail::to_string(most) +
                          ", found " + text;
      },
      "");
}

void AddSweepPoints(CLI::App& command, SweepCommandOptions& options) {
  command
      .add_option("networks", options.networks,
                  "ONNX files, descriptor files, or names from 'kinglet models', which build the "
                  "network with random weights")
      ->required()
      ->option_text("MODEL|DESCRIPTOR...");
  command
      .add_option("--batch,-b", options.batch,
                  "Batch sizes, like 1,8,32 or 1..34 (default: the model's, or 1)")
      ->option_text("LIST");
  command
      .add_option("--threads,-j", options.threads,
                  "Numbers of threads of each instance, like 1,2 (default: OMP_NUM_THREADS, or "
                  "the CPUs that this process may use)")
      ->option_text("LIST");
  command
      .add_option("--instances", options.instances,
                  "How many of the network run at once, like 1,2 (default: 1)")
      ->option_text("LIST");
  command
      .add_option("--as", options.kind,
                  "Instances are threads, which share one model, or processes (default: threads)")
      ->check(CLI::IsMember({"threads", "processes", "both"}))
      ->option_text("threads|processes|both");
  command
      .add_option("--precision", options.precision,
                  "What the network is computed in, like f32,bf16,int8 (default: int8 where the "
                  "model is quantised, f32 elsewhere)")
      ->option_text("LIST");
}

void AddSweepMeasuring(CLI::App& command, SweepCommandOptions& options) {
  command
      .add_option("--input", options.input,
                  "What the network runs on: random numbers, or the pictures in a folder, prepared "
                  "by the descriptor before the time counts (default: random)")
      ->option_text("random|FOLDER");
  command
      .add_option("--duration", options.duration,
                  "Seconds that each point runs, in several turns (default: 4)")
      ->check(PositiveNumber(86400))
      ->option_text("S");
  command
      .add_option("--within", options.within,
                  "A point is done before, when the 95 % confidence interval of its median is "
                  "within this to both sides (default: 1%)")
      ->option_text("SHARE");
  command
      .add_option("--rate", options.rate,
                  "Open loop: batches per second that arrive at all instances together, at random "
                  "times; latency counts from the arrival (default: a run begins when the last one "
                  "ended)")
      ->check(PositiveNumber(1e6))
      ->option_text("R");
  command
      .add_option("--seed", options.seed, "Of the arrivals and of the order of turns (default: 1)")
      ->check(CLI::Range(0, 1'000'000'000))
      ->option_text("N");
}

Command AddSweep(CLI::App& app) {
  auto options = std::make_shared<SweepCommandOptions>();
  CLI::App* command = app.add_subcommand(
      "sweep",
      "Measure networks over batch sizes, threads, instances and precisions, in turns that tell "
      "when the machine was not quiet");
  AddSweepPoints(*command, *options);
  AddSweepMeasuring(*command, *options);
  AddShapeOption(*command, options->shapes);
  AddDescriptorOption(*command, options->descriptor);
  command
      ->add_option(
          "--output,-o", options->output,
          "Folder for sweep.jsonl, sweep.csv, pictures and report.html; made when missing. "
          "A sweep that was interrupted there goes on where it stopped")
      ->option_text("FOLDER");
  command->add_flag("--restart", options->restart,
                    "Throw away what the folder has of a sweep, and begin again");
  command->add_flag("--no-pictures", options->no_pictures,
                    "Leave out the pictures and report.html, for which gnuplot is needed");
  command->add_option("--turn", options->turn)->group("");  // what sweep calls itself with
  command->get_option("networks")->required(false);
  AddComparedModelOptions(*command, options->common);
  AddProfileOption(*command, options->common.profile);
  AddOutputOptions(*command, options->common,
                   "kinglet sweep mobilenet_v1 --batch 1..8 --instances 1,2 --output sweep/");
  return {command, [options] { return SweepCommand(*options); }};
}

}  // namespace

std::vector<Command> AddCharacterizeCommands(CLI::App& app) { return {AddSweep(app)}; }

}  // namespace kinglet::cli
