// Measured networks and layers in masses: rows as CSV, with a JSON schema and a data sheet for
// people beside it.
//
// FILE.csv has one row for each layer and each whole network at each point, and where they were
// timed, for each kernel that could be in a layer's place; a network's rows stand
// together and end with one of the kind "done", or are a single one of the kind "failed" that says
// why. FILE.schema.json has columns with units, and the machines; FILE.md says the same in words.
#pragma once

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "characterize/predict/row.h"
#include "kinglet/tuning.h"

namespace kinglet::characterize {

struct DatasetMachine {
  std::string cpu;
  std::string instruction_set;
  int cpus = 1;
  std::string kinglet;  // version
  Calibration figures;  // that the physical part is made of

  // The same for the same machine with the same figures: what rows call it.
  std::string Key() const;
};

struct Dataset {
  std::map<std::string, DatasetMachine> machines;  // by key
  std::vector<DataRow> rows;
};

// What a dataset holds, counted.
struct DatasetSummary {
  std::size_t networks = 0, failed = 0, layers = 0, points = 0, marked = 0;
  std::map<std::string, std::size_t> families;  // networks of each
  std::map<std::string, std::size_t> kernels;   // layers of each
};
DatasetSummary Summarise(const Dataset& dataset);

// CSV of rows, without a heading; a newline ends each.
std::string RowsText(const std::vector<DataRow>& rows);
std::string HeadingText();
// Throws Error(kInvalidInput) that names `source`, line and column, what was expected and what was
// found. `first_line`: its number, for messages.
std::vector<DataRow> ParseRows(std::string_view text, const std::string& source,
                               std::size_t first_line = 1);

// FILE.csv and what lies beside it. Throws Error(kIo, kInvalidInput, kResource): files that are not
// there, of another format, too large, rows of machines that the schema has not.
Dataset ReadDataset(const std::string& file);
// Throws Error(kIo), and Error(kInvalidInput) unless `file` ends with ".csv".
void WriteDataset(const Dataset& dataset, const std::string& file);

// A dataset that grows by a network at a time, each of them whole or not at all, whatever ends the
// process.
class DatasetWriter {
 public:
  // Begins the dataset, or goes on with it: rows of a network that was not finished are dropped.
  // Throws as ReadDataset and WriteDataset do, and Error(kInvalidInput) for one that was measured
  // on another machine or with other figures.
  DatasetWriter(std::string file, const DatasetMachine& machine);

  // Networks that are finished, or failed.
  const std::set<std::string>& finished() const { return finished_; }
  // Rows of one network, the last one of the kind "done" or "failed". Throws Error(kIo).
  void Add(std::vector<DataRow> rows);

 private:
  std::string file_;
  std::string machine_;
  std::set<std::string> finished_;
};

// All rows of both; a network that several have counts once, the first one. Of one or more.
Dataset Merge(const std::vector<Dataset>& datasets);
// Networks by themselves: about `share` of each family's in the second, the same ones for the same
// seed.
std::pair<Dataset, Dataset> Split(const Dataset& dataset, double share, std::uint64_t seed);

}  // namespace kinglet::characterize
