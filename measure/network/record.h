// A measured point of a network, as programs keep it and hand it on: one line of JSON.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "measure/common/machine.h"
#include "measure/common/statistics.h"
#include "measure/network/stages.h"

namespace kinglet::measure {

// Of the lines below. It changes when a key changes its meaning or goes; new keys leave it.
inline constexpr int kRecordFormat = 1;

struct PointRecord {
  std::string model;
  int batch = 1;
  int threads = 1;
  std::string precision = "f32";  // that most of it is computed in: "f32", "bf16", "int8"
  // The share of answers that a check of this precision found to be float32's; none: not checked.
  std::optional<double> agreement{};
  Times times;            // of one run over the whole batch
  double operations = 0;  // of one run: two for each multiply-add
  // That wait for data: what they compute is not known before, and in no count of operations.
  std::size_t waiting_steps = 0;
  double peak_rss_mb = 0;
  double file_rss_mb =
      0;  // of that, what is mapped from files: the program; 0 where it is not known
  // Of a detector, and not in the times above. Not there for other networks.
  std::optional<DetectorStages> stages{};
  std::vector<std::string> notes{};  // files that were ignored, and why; sizes that are guesses
  Machine machine{};

  double images_per_s() const;
  double gflops() const;
  // Of the peak of as many cores as there are threads; threads beyond the CPUs add nothing to it. 0
  // where the peak was not measured.
  double share_of_peak() const;
};

// Milliseconds have four decimals, and a newline ends the line. Bytes of names that are no UTF-8
// are replaced.
std::string RecordLine(const PointRecord& record);

// Reads such a line. Keys that it does not know are skipped. Throws Error(kInvalidInput) that names
// `source` and the key, what was expected and what was found: no JSON object, another format, keys
// that are missing, of another type or below 0.
PointRecord ParseRecord(std::string_view line, const std::string& source);

}  // namespace kinglet::measure
