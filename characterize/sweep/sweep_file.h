// The files of a sweep: sweep.jsonl, a line for what was asked for and on which machine, then one
// for each turn, each on the disk before the next turn begins; and sweep.csv, a line for each
// point.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "characterize/common/sweep_point.h"
#include "characterize/sweep/trust.h"
#include "measure/common/json_reader.h"
#include "measure/common/machine.h"

namespace kinglet::characterize {

// Of the lines. It changes when a key changes its meaning or goes; new keys leave it.
inline constexpr int kSweepFormat = 1;

// What makes two sweeps the same one.
struct SweepHeader {
  // What was asked for: texts by what the command line calls them ("--batch": "1..34"), and hashes
  // of the files that are measured.
  std::vector<std::pair<std::string, std::string>> options{};
  Trust trust{};
  std::vector<SweepKey> keys{};  // all points, in the order of tables
  measure::Machine machine{};
};

struct Sweep {
  SweepHeader header{};
  std::vector<TurnRecord> turns{};  // in the order in which they were taken

  std::vector<SweepPoint> Points() const;  // that have a turn, in the order of the header
};

// Reads the sweep in a folder; a last line that was cut is left out. Throws Error(kIo) where there
// is none, and Error(kInvalidInput) that names file and line for what is malformed.
Sweep ReadSweepFile(const std::string& folder);

// Its points.
std::vector<SweepPoint> ReadSweep(const std::string& folder);

// Adds turns to the file of a folder.
class SweepFile {
 public:
  // Makes the folder when it is missing. Where it has a sweep already, that is gone on with:
  // `sweep` has its turns then. Throws Error(kIo) where nothing can be written or another program
  // is at it, and Error(kInvalidInput) where the sweep there is another one (`header` differs),
  // unless `restart`, which throws its turns away.
  SweepFile(const std::string& folder, const SweepHeader& header, bool restart);
  ~SweepFile();
  SweepFile(const SweepFile&) = delete;
  SweepFile& operator=(const SweepFile&) = delete;

  const Sweep& sweep() const { return sweep_; }
  // On the disk when it returns. Throws Error(kIo).
  void Add(const TurnRecord& turn);

 private:
  void Write(const std::string& line);

  std::string path_;
  int file_ = -1;
  Sweep sweep_;
};

// "threads", "processes".
std::string KindName(InstanceKind kind);

// One line for each point under a line of headings (docs/characterise.md says what they are).
std::string SweepCsv(std::span<const SweepPoint> points);
// The same as JSON, an object.
measure::JsonReader::Json PointJson(const SweepPoint& point);

}  // namespace kinglet::characterize
