// Preparing a graph for a machine, and running it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "kinglet/graph.h"
#include "kinglet/lifetime.h"
#include "kinglet/limits.h"
#include "kinglet/machine.h"
#include "kinglet/optimise.h"
#include "kinglet/tensor.h"
#include "kinglet/tensor_view.h"
#include "kinglet/tuning.h"

namespace kinglet {

struct PrepareOptions {
  // Threads of sessions that do not say how many (SessionOptions); 0: as many as the process may
  // really use (AvailableThreads). Nothing that is prepared depends on it.
  int threads = 0;
  // Compute 3x3, 1x3 and 1x7 convolutions by Winograd's transforms where it is faster. Their errors
  // are two to three times those of the definition, and an input that is not finite spoils outputs
  // up to four pixels away. Off: every sum is computed as it is defined.
  bool winograd = true;
  // Hand blocks of channels from one operator to the next. Off: every operator takes rows as they
  // are declared, and batches are not cut; for comparison.
  bool blocked_layout = true;
  // The same bits for every number of threads: kernels are chosen as for one thread, and batches
  // are not divided among threads, which costs speed on several. Off: the number of threads, like
  // the batch, may choose another kernel, whose sums round differently in the last bits; for given
  // shapes, threads, machine and tuning a model gives the same bits each time in any case.
  bool deterministic = false;
  // kBFloat16: values between convolutions are stored so. What else it may be is done by Optimise.
  Precision precision = Precision::kModel;
  Limits limits{};
  // Of all plans kept, one for each combination of input shapes and number of threads; the least
  // recently used ones go. Those in use stay in any case.
  std::size_t max_plan_bytes = std::size_t{64} << 20;
  // Called before a plan is made for new shapes or another number of threads, which takes
  // milliseconds: for logs. By the thread that makes it, so in several threads at once. What it
  // throws, who asked for the plan throws. It may not ask the model for plans: who does so for the
  // one that is being made gets Error(kInvalidInput).
  std::function<void(const InputShapes& shapes, int threads)> on_plan{};
};

// Of Optimise, Machine and Prepare in one step.
struct CompileOptions {
  // Threads of sessions that do not say how many (SessionOptions); 0: as many as the process may
  // really use (AvailableThreads). Nothing that is compiled depends on it.
  int threads = 0;
  // Fuse and simplify the graph. Off: every node runs as it is written, for comparison.
  bool optimize = true;
  bool winograd = true;        // as in PrepareOptions
  bool deterministic = false;  // as in PrepareOptions
  Precision precision = Precision::kModel;
  // As in Limits and in PrepareOptions.
  std::size_t max_tensor_bytes = Limits().max_tensor_bytes;
  std::size_t max_arena_bytes = Limits().max_arena_bytes;
  std::size_t max_scratch_bytes = Limits().max_scratch_bytes;
  std::int64_t max_iterations = Limits().max_iterations;
  std::size_t max_plan_bytes = PrepareOptions().max_plan_bytes;
  // As in MachineFiles; what is ignored of the cache is said by Model::notes.
  std::string calibration_file{};
  std::string tuning_file{};
  // Of checks of precisions, for Precision::kAuto; "": in the cache folder.
  std::string verdict_file{};
  bool use_cache = true;
  std::function<void(const InputShapes& shapes, int threads)> on_plan{};  // as in PrepareOptions
};

struct SessionOptions {
  // Threads of one Run, the calling one included; 0: those of the model.
  int threads = 0;
  // Take no more helpers than leave the threads that run networks in this process, in all sessions
  // together, at AvailableThreads: sessions in several threads then share the cores instead of
  // multiplying them. The calling thread works in any case. Off: all threads, whatever others do.
  // Helpers run on the CPUs that the calling thread may use. A child of the process (fork) has
  // helpers of its own.
  bool share_cores = true;
};

// CPUs that this process may really use: the smaller of its affinity mask and its cgroup quota
// (version 1 or 2, rounded up); at least 1.
int AvailableThreads();

// What a step does, whatever machine it runs on.
struct WorkInfo {
  struct Operations {
    std::string kind;  // "tile"; what one operation of a kind is: docs/how_kernels_are_chosen.md
    std::string type;  // "float32": what is computed with
    std::string instructions;  // "vector", "dot", "matrix"
    double count = 0;          // as executed
  };
  std::vector<Operations> operations;
  double read_bytes = 0;  // of activations
  double write_bytes = 0;
  double weight_bytes = 0;        // of all weights: every run reads them
  std::int64_t weight_parts = 1;  // that the units need one of each
  double weight_passes = 0;       // that show; 0: the weights are read on the way
  double scratch_bytes = 0;       // of a thread, gone through `scratch_passes` times by all units
  double scratch_passes = 0;
  int threads = 1;           // that share the units
  double busiest_share = 1;  // of the units, on the thread that gets most of them
};

// One step of a plan, for people and tools.
struct StepInfo {
  std::string name;    // of the node, or of the tensor that a reorder converts
  std::string op;      // "Conv"; "Reorder" for a change of layout
  std::string kernel;  // "conv/direct_f32"
  Shape output_shape;  // of the first output
  std::int64_t macs = 0;
  std::int64_t units = 0;  // pieces that the work is cut into for the threads
  bool waits = false;      // for data: planned while it runs, nothing below is known before
  std::string cut;         // what they are, where that is known: "8 images x 4 parts"
  WorkInfo work;
  double predicted_seconds = 0;  // by the cost model, its share of one Run
  // In a segment of the graph: the images of one run of the step, and how many runs there
  // are; the shape is that of one run, everything else that of all. Runs with `own_thread` stay on
  // one thread together with the steps around them, all threads having runs of their own; all
  // other steps are shared by the threads.
  std::int64_t images = 0;  // 0: the whole batch
  std::int64_t runs = 1;
  bool own_thread = false;
};

// What running a model at given input shapes on a number of threads takes.
struct PlanInfo {
  std::vector<StepInfo> steps;
  std::vector<TensorInfo> outputs;  // with the shapes at these input shapes; a size of -1, or
                                    // `has_shape` not set, where they depend on data
  std::int64_t macs = 0;            // multiply-adds of one Run, over the whole batch
  double predicted_seconds = 0;     // of all steps
  std::size_t arena_bytes = 0;      // intermediate tensors, for each session
  std::size_t scratch_bytes = 0;    // working memory of all threads, for each session
};

class Session;

// An immutable network, ready to run: optimised graph, packed weights and plans. A cheap handle;
// copies share. Safe to use from many threads at once. A plan is made once for shapes and threads,
// by the first who asks; who asks for the same one meanwhile waits for it, nobody else waits.
class Model {
 public:
  // Optimise and Prepare in one step, on this machine. Consumes the graph. Throws
  // Error(kInvalidModel, kUnsupported, kResource), and what Machine throws.
  static Model Compile(Graph graph, const CompileOptions& options = {});

  // A session is used by one thread at a time; make one for each thread.
  Session NewSession(const SessionOptions& options = {}) const;

  const std::string& name() const KINGLET_LIFETIMEBOUND;
  std::vector<TensorInfo> inputs() const;
  std::vector<TensorInfo> outputs() const;
  // Of sessions that do not say how many.
  int threads() const;
  // What it was prepared for; never kAuto of Compile, and kModel where nothing of it could be
  // stored as bfloat16.
  Precision precision() const;

  // Plans for the given shapes without running. Every input must be named. `threads`: of the
  // session, 0: the model's. Throws as Run does.
  PlanInfo Describe(const InputShapes& shapes, int threads = 0) const;

  // Times the best candidates of each kernel choice at these shapes, warm and in their places in
  // the network, and chooses by what it found from then on, in all handles and sessions made later.
  // Takes some tens of runs; nothing else calls it. Throws as Describe does.
  TuneReport Tune(const InputShapes& shapes, const TuneOptions& options = {});

  // Adds what this model knows of measured kernels to the file ("": in the user's cache folder).
  // Throws Error(kIo), and Error(kInvalidInput) when the file holds something else.
  void SaveTuning(const std::string& file = "") const;

  // Files of the cache folder that were ignored when the model was compiled, and why; then what its
  // reader noted (Graph::notes).
  const std::vector<std::string>& notes() const KINGLET_LIFETIMEBOUND;

  // Bytes of all constants: float weights as they came, and packed forms made so far.
  std::size_t weight_bytes() const;
  // Bytes of the plans kept, about.
  std::size_t plan_bytes() const;

  class Impl;

 private:
  friend Model Prepare(OptimisedGraph graph, const Machine& machine, const PrepareOptions& options);
  explicit Model(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

// A model that runs this graph with the kernels that are best on this machine. Consumes the graph.
// Nothing is planned or packed before shapes are known. Throws Error(kResource).
Model Prepare(OptimisedGraph graph, const Machine& machine, const PrepareOptions& options = {});

// Runs a model; owns the memory of intermediate tensors and of outputs. Movable. Used by one thread
// at a time; sessions of one model run at the same time without waiting for each other.
class Session {
 public:
  Session(Session&&) noexcept;
  Session& operator=(Session&&) noexcept;
  ~Session();

  int threads() const;

  // Runs the network on these inputs, each of the declared type and a shape that fits the declared
  // one, and returns all outputs. The result is valid until the next Run; a Tensor copied out of it
  // stays valid and is not overwritten, whichever thread lets go of it and when. Allocates nothing
  // for shapes that were run before, also when they alternate (up to 64 of them), unless the caller
  // kept outputs, shapes depend on data, the model has dropped the plan
  // (CompileOptions::max_plan_bytes), more helpers come than ever before, or memory that many runs
  // did not need went back to the system.
  // Throws Error(kInvalidInput) when an input is missing, unknown, or of another type or shape;
  // Error(kInvalidModel, kUnsupported, kResource) when the network does not work at these shapes;
  // Error(kInvalidInput) when a step met wrong data, Error(kResource) when data asks for more than
  // the limits. The session stays usable.
  const Tensors& Run(const Tensors& inputs) KINGLET_LIFETIMEBOUND;

  // The same with inputs and outputs in the order of Model::inputs and Model::outputs. Outputs are
  // written to the caller's memory, by the network's last steps wherever their shapes do not depend
  // on data. Each must have the type and shape that the network gives it (Model::Describe tells
  // them), elements aligned to their size, and memory that no other output and no input has a part
  // in; Error(kInvalidInput) otherwise. After an Error, outputs hold anything.
  void Run(std::span<const ConstTensorView> inputs, std::span<const TensorView> outputs);

  // Runs once and returns the seconds that each step took, in the order of PlanInfo::steps. On
  // several threads a step ends when its last unit is done. Throws as Run does.
  std::vector<double> Profile(const Tensors& inputs);

  class Impl;

 private:
  friend class Model;
  explicit Session(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace kinglet
