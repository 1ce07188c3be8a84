#include "characterize/cold/cold.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <optional>

#include "characterize/common/picture_input.h"
#include "kinglet/classify.h"
#include "kinglet/detect.h"
#include "kinglet/error.h"
#include "kinglet/image.h"
#include "kinglet/network.h"
#include "kinglet/optimise.h"

namespace kinglet::characterize {
namespace {

std::int64_t ColdNanoseconds() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

double ColdResidentMib() {
  constexpr double kMib = 1024.0 * 1024.0;
  double all = 0, resident = 0;  // pages
  std::ifstream("/proc/self/statm") >> all >> resident;
  return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / kMib;
}

// Laps of this process: time, faults and memory.
class ColdLaps {
 public:
  explicit ColdLaps(std::int64_t started_ns) : last_(started_ns) {}

  ColdStage Lap(const char* name) {
    const std::int64_t now = ColdNanoseconds();
    rusage usage{};
    getrusage(RUSAGE_SELF, &usage);
    ColdStage stage{name, 1e-6 * static_cast<double>(now - last_),
                    static_cast<double>(usage.ru_minflt + usage.ru_majflt) - faults_,
                    static_cast<double>(usage.ru_majflt) - disk_faults_, ColdResidentMib()};
    faults_ += stage.page_faults;
    disk_faults_ += stage.disk_faults;
    last_ = ColdNanoseconds();  // looking is no part of the next stage
    return stage;
  }

 private:
  std::int64_t last_;
  double faults_ = 0, disk_faults_ = 0;
};

// What mapping the file takes, which reading it does again; 0 for networks that are none.
void MapOnce(const std::string& path) {
  std::error_code unknown;
  if (!std::filesystem::is_regular_file(path, unknown)) return;
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return;
  struct stat status {};
  if (fstat(fd, &status) == 0 && status.st_size > 0) {
    const auto bytes = static_cast<std::size_t>(status.st_size);
    void* mapped = mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE, fd, 0);
    if (mapped != MAP_FAILED) munmap(mapped, bytes);
  }
  close(fd);
}

Descriptor ColdDescriptor(const ColdOptions& options, const NamedNetwork& network) {
  std::optional<Descriptor> descriptor = network.descriptor;
  if (!options.descriptor.empty()) descriptor = OpenDescriptor(options.descriptor);
  if (!descriptor) descriptor = DescriptorBeside(options.network);
  if (!descriptor) {
    throw Error(ErrorCode::kInvalidInput,
                options.network +
                    ": has no descriptor, so how pictures become its input is not known: name one "
                    "(--descriptor; kinglet models lists them)");
  }
  return FitDescriptor(*std::move(descriptor), network.graph);
}

OptimiseOptions ColdOptimiseOptions(const CompileOptions& compile) {
  OptimiseOptions optimise;
  optimise.limits.max_tensor_bytes = compile.max_tensor_bytes;
  optimise.limits.max_arena_bytes = compile.max_arena_bytes;
  optimise.limits.max_scratch_bytes = compile.max_scratch_bytes;
  optimise.precision = compile.precision;
  return optimise;
}

PrepareOptions ColdPrepareOptions(const ColdOptions& options) {
  PrepareOptions prepare;
  prepare.threads = options.threads;
  prepare.winograd = options.compile.winograd;
  prepare.deterministic = options.compile.deterministic;
  prepare.precision = options.compile.precision;
  prepare.limits = ColdOptimiseOptions(options.compile).limits;
  return prepare;
}

// From the outputs to what a person sees.
class Answerer {
 public:
  explicit Answerer(const Descriptor& fitted, const ColdOptions& options) : descriptor_(fitted) {
    if (fitted.task == Task::kDetect) {
      const std::string anchors =
          fitted.name == options.network ? "" : AnchorsBeside(options.network);
      decoder_.emplace(fitted, DetectionDecoderOptions{options.threads, anchors});
    }
  }
  void Answer(const Tensors& outputs, const Image& picture) {
    if (decoder_) {
      decoder_->Decode(outputs, {{{picture.width, picture.height}}});
      return;
    }
    const auto scores = ClassScores(outputs.at(descriptor_.output), descriptor_.activation);
    for (const std::vector<float>& each : scores) TopScores(each, 5);
  }

 private:
  const Descriptor& descriptor_;
  std::optional<DetectionDecoder> decoder_;
};

}  // namespace

ColdRun RunCold(const ColdOptions& options) {
  ColdRun run;
  ColdLaps stages(options.started_ns > 0 ? options.started_ns : ColdNanoseconds());
  const auto lap = [&](std::vector<ColdStage>& list, const char* name) {
    list.push_back(stages.Lap(name));
  };
  if (options.started_ns > 0) lap(run.first, "process started");
  MapOnce(options.network);
  lap(run.first, "file mapped");
  NamedNetwork network = OpenNetwork(options.network, options.read);
  const Descriptor descriptor = ColdDescriptor(options, network);
  lap(run.first, "parsed");
  OptimisedGraph optimised =
      Optimise(std::move(network.graph), ColdOptimiseOptions(options.compile));
  lap(run.first, "optimised");
  const Machine machine(
      {options.compile.calibration_file, options.compile.tuning_file, options.compile.use_cache});
  const Model model = Prepare(std::move(optimised), machine, ColdPrepareOptions(options));
  PictureInput input(descriptor, InputOf(descriptor, model.inputs()));
  Session session = model.NewSession();
  const PreprocessSpec& spec = descriptor.preprocess;
  if (!descriptor.picture_size) {
    model.Describe({{descriptor.input, input.ShapeFor(spec.width, spec.height)}});
  }
  Answerer answerer(descriptor, options);
  lap(run.first, "planned and packed");
  for (std::vector<ColdStage>* list : {&run.first, &run.second}) {
    const Image picture = ReadImage(options.picture);
    lap(*list, "picture decoded");
    const Tensors& tensors = input.Prepare(picture);
    lap(*list, "picture prepared");
    const Tensors& outputs = session.Run(tensors);
    lap(*list, "network run");
    answerer.Answer(outputs, picture);
    lap(*list, "answer made");
  }
  return run;
}

}  // namespace kinglet::characterize
