// kinglet study: the latency/throughput study of CNNs for mobile vision, repeated on this machine.
#include "characterize/study/study.h"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "apps/cli/output.h"
#include "apps/cli/profile_commands.h"
#include "apps/cli/progress.h"
#include "characterize/common/output_folder.h"

namespace kinglet::cli {

Status StudyCommand(const StudyCommandOptions& options) {
  characterize::StudyOptions study;
  study.quick = options.quick;
  study.folder = options.output;
  study.restart = options.restart;
  study.pictures = options.pictures;
  study.cold_start = [&](const std::string& network, const std::string& picture) {
    ColdCommandOptions cold;
    cold.common = options.common;
    cold.common.threads = 1;
    cold.network = network;
    cold.picture = picture;
    return TakeColdTurn(cold);
  };
  constexpr std::size_t kSteps = 1000;
  Progress progress(kSteps, !options.common.quiet);
  study.progress = [&](const std::string& what, double share) {
    progress.Show(static_cast<std::size_t>(share * kSteps), what);
  };
  const characterize::StudyResults results = characterize::RunStudy(study);
  Progress::Hide();
  const std::string report = characterize::InFolder(options.output, "report.html");
  std::size_t marked = 0;
  for (const characterize::SweepPoint& point : results.points) {
    if (!point.mark.empty()) ++marked;
  }
  if (marked > 0) {
    PrintNote(options.common,
              fmt::format("note: {} of {} points are marked as not to be trusted: the machine was "
                          "not quiet",
                          marked, results.points.size()));
  }
  Print(options.common.json
            ? JsonLine({{"report", report}, {"points", results.points.size()}, {"marked", marked}})
            : report + "\n");
  return Status::kDone;
}

}  // namespace kinglet::cli
