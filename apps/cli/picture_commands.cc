// classify, detect and evaluate on the command line.
#include "apps/cli/commands.h"
#include "apps/cli/options.h"

namespace kinglet::cli {
namespace {

void AddPreprocess(CLI::App& command, std::string& rule) {
  command
      .add_option("--preprocess", rule,
                  "To classify: colours, crop and scale by this rule instead of the descriptor's")
      ->check(CLI::IsMember({"slim", "torch", "caffe"}))
      ->option_text("slim|torch|caffe");
}

Command AddClassify(CLI::App& app) {
  auto options = std::make_shared<ClassifyOptions>();
  CLI::App* command = app.add_subcommand("classify", "Say what is in pictures");
  AddPictureOptions(*command, options->pictures, "the classes");
  command->add_option("--model,-m", options->network.model, "ONNX file (default: the demo network)")
      ->option_text("FILE");
  command
      ->add_option("--descriptor,-d", options->network.descriptor,
                   "How pictures become the model's input: a name from 'kinglet models' or a file "
                   "(default: MODEL.json beside MODEL.onnx). The size of the input and the number "
                   "of classes are always the model's own")
      ->option_text("NAME|FILE");
  AddPreprocess(*command, options->network.preprocess);
  command
      ->add_option("--labels,-l", options->network.labels,
                   "Class names, one on each line (default: the descriptor's)")
      ->option_text("FILE");
  command->add_option("--top,-k", options->top, "Classes shown for each picture (default: 5)")
      ->check(CLI::Range(1, 1'000'000))
      ->option_text("K");
  AddModelOptions(*command, options->common);
  AddProfileOption(*command, options->common.profile);
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
  AddPictureOptions(*command, options->pictures, "boxes, labels and scores");
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
  AddModelOptions(*command, options->common);
  AddProfileOption(*command, options->common.profile);
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
  AddPreprocess(*command, options->network.preprocess);
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
  AddMaxPixels(*command, options->max_pixels);
  AddModelOptions(*command, options->common);
  AddCommonOptions(*command, options->common,
                   "kinglet evaluate --task detect --dataset coco/val2017 --annotations "
                   "instances_val2017.json --model ssd.onnx --descriptor ssd_mobilenet_v1");
  return {command, [options] { return EvaluateCommand(*options); }};
}

}  // namespace

std::vector<Command> AddPictureCommands(CLI::App& app) {
  return {AddClassify(app), AddDetect(app), AddEvaluate(app)};
}

}  // namespace kinglet::cli
