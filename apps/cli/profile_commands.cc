// The commands on the command line that look into one network.
#include "apps/cli/profile_commands.h"

#include "apps/cli/commands.h"
#include "apps/cli/options.h"

namespace kinglet::cli {
namespace {

void AddBatch(CLI::App& command, int& batch) {
  command.add_option("--batch,-b", batch, "Batch size (default: the model's, or 1)")
      ->check(CLI::Range(1, kMaxBatch))
      ->option_text("N");
}

Command AddProfile(CLI::App& app) {
  auto options = std::make_shared<ProfileOptions>();
  CLI::App* command = app.add_subcommand(
      "profile", "Say where the time of a network goes, and what bounds each layer");
  AddNetwork(*command, options->network);
  AddBatch(*command, options->batch);
  AddShapeOption(*command, options->shapes);
  command
      ->add_option("--counters", options->counters,
                   "Events to count for each layer: auto (those of the operating system, and of "
                   "the CPU where it lets them be read), hardware (of the CPU, or an error), off, "
                   "or names that libpfm knows, like instructions,cache-misses (default: auto)")
      ->option_text("auto|off|hardware|LIST");
  command->add_option("--seconds", options->seconds, "Time to spend on runs, about (default: 3)")
      ->check(CLI::Range(0.01, 3600.0))
      ->option_text("S");
  command
      ->add_option("--output,-o", options->output,
                   "Folder for profile.json, profile.csv, trace.json (for Perfetto or "
                   "chrome://tracing) and the picture roofline.svg and .png; made when missing")
      ->option_text("FOLDER");
  AddModelOptions(*command, options->common);
  AddCommonOptions(*command, options->common,
                   "kinglet profile mobilenet_v1 --threads 1 --output profile/");
  return {command, [options] { return ProfileCommand(*options); }};
}

Command AddCold(CLI::App& app) {
  auto options = std::make_shared<ColdCommandOptions>();
  CLI::App* command = app.add_subcommand(
      "cold", "Say what passes between the start of a process and its first answer");
  AddNamedNetwork(*command, options->network);
  command->add_option("image", options->picture, "Picture")->required()->option_text("IMAGE");
  command
      ->add_option("--descriptor,-d", options->descriptor,
                   "How the picture becomes the model's input and what its outputs mean: a name "
                   "from 'kinglet models' or a file (default: MODEL.json beside MODEL.onnx)")
      ->option_text("NAME|FILE");
  command
      ->add_option("--turns", options->turns,
                   "Processes that are started one after the other; medians count (default: 7)")
      ->check(CLI::Range(1, 1000))
      ->option_text("N");
  command->add_flag("--drop-cache", options->drop_cache,
                    "Before each, let the system forget the files of model and picture, so that "
                    "they come from the disk; the program itself stays in memory");
  command
      ->add_option("--peers", options->peers,
                   "Reports of other engines, as benchmarks/peers/cold.py writes them, to show "
                   "beside")
      ->option_text("FILE.jsonl");
  command
      ->add_option("--output,-o", options->output,
                   "Folder for cold.jsonl and the picture cold.svg and .png; made when missing")
      ->option_text("FOLDER");
  command->add_flag("--point", options->point)->group("");  // what cold calls itself with
  command->add_option("--started", options->started)->group("");
  AddModelOptions(*command, options->common);
  AddCommonOptions(*command, options->common,
                   "kinglet cold mobilenet_v2.onnx photo.jpg --descriptor mobilenet_v2");
  return {command, [options] { return ColdCommand(*options); }};
}

Command AddSplit(CLI::App& app) {
  auto options = std::make_shared<SplitCommandOptions>();
  CLI::App* command = app.add_subcommand(
      "split", "Take a detector apart: pre-processing, network, and post-processing by its parts");
  AddNamedNetwork(*command, options->network);
  command
      ->add_option("images", options->pictures,
                   "Pictures (" + ImageFormats() +
                       ") or folders (default: a drawn JPEG of 640 x "
                       "480)")
      ->option_text("IMAGE|FOLDER...");
  AddDescriptorOption(*command, options->descriptor);
  command
      ->add_option("--classes", options->classes,
                   "Numbers of classes that the network is built with, one after the other, like "
                   "90,546; for descriptors with an architecture")
      ->option_text("LIST");
  command
      ->add_option("--seconds", options->seconds,
                   "Time to spend on runs of each network, about (default: 3)")
      ->check(CLI::Range(0.01, 3600.0))
      ->option_text("S");
  command
      ->add_option("--output,-o", options->output,
                   "Folder for split.jsonl and the picture split.svg and .png; made when missing")
      ->option_text("FOLDER");
  AddModelOptions(*command, options->common);
  AddCommonOptions(*command, options->common,
                   "kinglet split ssd_mobilenet_v1 --threads 1 --classes 90,546");
  return {command, [options] { return SplitCommand(*options); }};
}

Command AddCorrelate(CLI::App& app) {
  auto options = std::make_shared<CorrelateOptions>();
  CLI::App* command = app.add_subcommand(
      "correlate", "Say which figures of networks go together with how fast they are");
  command
      ->add_option("networks", options->networks,
                   "ONNX files, descriptor files, or names from 'kinglet models', four at least "
                   "(default: all names that build a network for pictures of one size)")
      ->option_text("MODEL|DESCRIPTOR...");
  command->add_option("--batch,-b", options->batch, "Batch size (default: 1)")
      ->check(CLI::Range(1, kMaxBatch))
      ->option_text("N");
  command
      ->add_option("--counters", options->counters,
                   "Events to count: auto (those of the operating system, and of the CPU where it "
                   "lets them be read), hardware (of the CPU, or an error), off, cachegrind (by "
                   "valgrind: slow), or names that libpfm knows (default: auto)")
      ->option_text("auto|off|hardware|cachegrind|LIST");
  command
      ->add_option("--rounds", options->rounds,
                   "Processes of each network, in turns; medians count (default: 3)")
      ->check(CLI::Range(1, 1000))
      ->option_text("N");
  command->add_option("--seconds", options->seconds, "Time to run in each of them (default: 1)")
      ->check(CLI::Range(0.01, 3600.0))
      ->option_text("S");
  command
      ->add_option("--peers", options->peers,
                   "Metrics of other engines, as benchmarks/peers/metrics.py writes them, to "
                   "correlate beside")
      ->option_text("FILE.jsonl");
  command
      ->add_option("--output,-o", options->output,
                   "Folder for report.html, metrics.jsonl and .csv, correlations.json and the "
                   "pictures correlations and regression, .svg and .png; made when missing")
      ->option_text("FOLDER");
  command->add_flag("--point", options->point)->group("");  // what correlate calls itself with
  command->add_option("--run-only", options->run_only)->group("");
  AddModelOptions(*command, options->common);
  AddCommonOptions(*command, options->common,
                   "kinglet correlate --threads 1 --counters cachegrind --output correlations/");
  return {command, [options] { return CorrelateCommand(*options); }};
}

Command AddStudy(CLI::App& app) {
  auto options = std::make_shared<StudyCommandOptions>();
  CLI::App* command = app.add_subcommand(
      "study",
      "Repeat the latency and throughput study of networks for mobile vision on this machine");
  command->add_flag("--quick", options->quick,
                    "Fewer batches and shorter turns: about ten minutes instead of hours");
  command
      ->add_option("--pictures", options->pictures,
                   "Folder of pictures that the detectors are compared on (default: random "
                   "numbers)")
      ->option_text("FOLDER");
  command->add_flag("--restart", options->restart,
                    "Measure everything anew, instead of going on with what is in the folder");
  command
      ->add_option("--output,-o", options->output,
                   "Folder for report.html, the pictures and all that is measured; made when "
                   "missing")
      ->required()
      ->option_text("FOLDER");
  AddOutputOptions(*command, options->common, "kinglet study --quick --output study/");
  return {command, [options] { return StudyCommand(*options); }};
}

}  // namespace

std::vector<Command> AddProfileCommands(CLI::App& app) {
  return {AddProfile(app), AddCold(app), AddSplit(app), AddCorrelate(app), AddStudy(app)};
}

}  // namespace kinglet::cli
