#include "apps/cli/options.h"

#include "apps/cli/commands.h"

namespace kinglet::cli {

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
  CLI::Option* quiet =
      command.add_flag("--quiet,-q", options.quiet, "Print results and errors only");
  command
      .add_flag("--verbose,-v", options.verbose,
                "Say on standard error what is read, compiled and planned, and how long it takes")
      ->excludes(quiet);
  command.footer(example);
}

void AddCommonOptions(CLI::App& command, CommonOptions& options, const std::string& example) {
  AddOutputOptions(command, options, example);
  command
      .add_option(
          "--threads,-j", options.threads,
          "Threads to use (default: OMP_NUM_THREADS, or the CPUs that this process may use)")
      ->check(CLI::Range(1, kMaxThreads))
      ->option_text("N");
}

namespace {

void AddKernelOptions(CLI::App& command, CostOptions& options) {
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
}

void AddVerdictsOption(CLI::App& command, CostOptions& options) {
  command
      .add_option(
          "--verdicts", options.verdicts,
          "Checks that auto goes by (default: those that 'kinglet check' keeps in the cache "
          "folder)")
      ->option_text("FILE");
}

void AddTuneFlag(CLI::App& command, CostOptions& options) {
  command.add_flag("--tune", options.tune,
                   "First measure the best kernels for each node, and keep the fastest in the "
                   "tuning file");
}

}  // namespace

void AddPrecisionOption(CLI::App& command, CostOptions& options) {
  command
      .add_option("--precision", options.precision,
                  "What the network is computed in: f32, bf16 (values in between are stored so), "
                  "int8 (quantised models), auto (the fastest that 'kinglet check' has allowed); "
                  "default: int8 where the model is quantised, f32 elsewhere")
      ->check(CLI::IsMember({"f32", "bf16", "int8", "auto"}))
      ->option_text("PRECISION");
}

void AddProfileOption(CLI::App& command, std::string& profile) {
  command
      .add_option("--profile", profile,
                  "Settings that 'kinglet tune --latency' found for this network; options that are "
                  "given win")
      ->option_text("FILE.json");
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

void AddModelOptions(CLI::App& command, CommonOptions& options) {
  AddComparedModelOptions(command, options);
  AddPrecisionOption(command, options.costs);
  AddVerdictsOption(command, options.costs);
  AddTuneFlag(command, options.costs);
}

void AddComparedModelOptions(CLI::App& command, CommonOptions& options) {
  AddReadOptions(command, options.model);
  AddKernelOptions(command, options.costs);
}

void AddPredictorOptions(CLI::App& command, PredictorOptions& options) {
  command
      .add_option("--predictor", options.file,
                  "What 'kinglet fit' has learned (default: the built-in one for the instruction "
                  "set, where there is one)")
      ->option_text("FILE.json");
  command.add_flag("--physical", options.physical,
                   "Times without a predictor: by the physical part of the cost model alone");
}

void AddShapeOption(CLI::App& command, std::vector<std::string>& shapes) {
  command
      .add_option("--shape", shapes,
                  "Shape of an input whose sizes are free in the model; N is the batch (default: "
                  "the descriptor's, or a common one at which the network runs)")
      ->option_text("NAME=Nx3x224x224")
      ->allow_extra_args(false);
}

void AddNetwork(CLI::App& command, std::string& network) {
  command
      .add_option("network", network,
                  "ONNX file, - for standard input, descriptor file, or a name from 'kinglet "
                  "models', which builds the network with random weights")
      ->required()
      ->option_text("MODEL|DESCRIPTOR");
}

void AddNamedNetwork(CLI::App& command, std::string& network) {
  command
      .add_option("network", network, "ONNX file, descriptor file, or a name from 'kinglet models'")
      ->required()
      ->option_text("MODEL|DESCRIPTOR");
}

void AddDescriptorOption(CLI::App& command, std::string& descriptor, const std::string& more) {
  command
      .add_option("--descriptor,-d", descriptor,
                  "Descriptor of a model file: a name from 'kinglet models' or a file (default: "
                  "MODEL.json beside MODEL.onnx)" +
                      more)
      ->option_text("NAME|FILE");
}

void AddPoints(CLI::App& command, std::string& network, std::string& batch, std::string& threads) {
  AddNetwork(command, network);
  command
      .add_option("--batch,-b", batch,
                  "Batch sizes, like 1,8,32 or 1..34 (default: the model's, or 1)")
      ->option_text("LIST");
  command
      .add_option(
          "--threads,-j", threads,
          "Numbers of threads, like 1,2 or 1..8 (default: OMP_NUM_THREADS, or the CPUs that "
          "this process may use)")
      ->option_text("LIST");
}

void AddPictureOptions(CLI::App& command, PictureOptions& options, const std::string& what) {
  command
      .add_option("images", options.images,
                  "Pictures (" + ImageFormats() + "), - for standard input, or folders")
      ->required()
      ->option_text("IMAGE|FOLDER...");
  command.add_flag("--recursive,-R", options.recursive, "Look into the folders of folders, too");
  command
      .add_option("--output,-o", options.output,
                  "Folder for a copy of each picture with " + what +
                      " drawn on it, JPEG or PNG as the picture is; made when missing")
      ->option_text("FOLDER");
  AddMaxPixels(command, options.max_pixels);
  AddTimeFlag(command, options.time,
              "Warm times: each picture goes through the network several times, and the median "
              "counts");
}

void AddMaxPixels(CLI::App& command, std::int64_t& max_pixels) {
  command
      .add_option("--max-pixels", max_pixels,
                  "Largest picture that is decoded, in pixels (default: " +
                      std::to_string(max_pixels) + ")")
      ->check(CLI::Range(std::int64_t{1}, kLargestMaxPixels))
      ->option_text("N");
}

void AddTimeFlag(CLI::App& command, bool& time, const std::string& help) {
  command.add_flag("--time", time, help);
}

}  // namespace kinglet::cli
