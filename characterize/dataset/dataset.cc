#include "characterize/dataset/dataset.h"

#include <fmt/format.h>

#include <algorithm>

#include "characterize/generate/draws.h"

namespace kinglet::characterize {
namespace {

std::uint64_t HashText(std::string_view text, std::uint64_t hash = 0xCBF29CE484222325u) {  // FNV-1a
  for (const char c : text) {
    hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001B3u;
  }
  return hash;
}

bool Ends(const DataRow& row) {
  return row[RowText::kKind] == "done" || row[RowText::kKind] == "failed";
}

}  // namespace

std::string DatasetMachine::Key() const {
  std::string text =
      fmt::format("{}|{}|{}|{}|{:.6g}|{:.6g}|{:.6g}|{:.6g}|{:.6g}|{:.6g}", cpu, instruction_set,
                  cpus, kinglet, figures.l3_bytes, figures.l2_gbps, figures.l3_gbps,
                  figures.l3_all_gbps, figures.dram_gbps, figures.dram_all_gbps);
  for (const auto& [type, families] : figures.peaks) {
    for (const auto& [family, peak] : families) {
      text += fmt::format("|{} {} {:.6g}", type, family, peak);
    }
  }
  for (const auto& [kind, share] : figures.share_of_peak) {
    text += fmt::format("|{} {:.6g}", kind, share);
  }
  return fmt::format("m{:016x}", HashText(text));
}

DatasetSummary Summarise(const Dataset& dataset) {
  DatasetSummary summary;
  for (const DataRow& row : dataset.rows) {
    const std::string& kind = row[RowText::kKind];
    if (kind == "done") {
      ++summary.networks;
      ++summary.families[row[RowText::kFamily]];
    }
    if (kind == "failed") ++summary.failed;
    if (kind == "network") ++summary.points;
    if (kind == "layer") {
      ++summary.layers;
      ++summary.kernels[row[RowText::kKernel]];
    }
    const bool measured = kind == "network" || kind == "layer";
    if (measured && !row[RowText::kMark].empty()) ++summary.marked;
  }
  return summary;
}

Dataset Merge(const std::vector<Dataset>& datasets) {
  Dataset merged;
  std::set<std::pair<std::string, std::string>> there;  // machine, network
  for (const Dataset& dataset : datasets) {
    merged.machines.insert(dataset.machines.begin(), dataset.machines.end());
    std::set<std::pair<std::string, std::string>> more;
    for (const DataRow& row : dataset.rows) {
      const std::pair key{row[RowText::kMachine], row[RowText::kNetwork]};
      if (there.contains(key)) continue;
      merged.rows.push_back(row);
      if (Ends(row)) more.insert(key);
    }
    there.merge(more);
  }
  return merged;
}

std::pair<Dataset, Dataset> Split(const Dataset& dataset, double share, std::uint64_t seed) {
  std::map<std::string, std::set<std::string>> families;
  for (const DataRow& row : dataset.rows)
    families[row[RowText::kFamily]].insert(row[RowText::kNetwork]);
  std::set<std::string> held_out;
  for (const auto& [family, networks] : families) {
    std::vector<std::pair<std::uint64_t, std::string>> order;
    for (const std::string& network : networks) {
      order.emplace_back(Draws(HashText(network) ^ seed).Next(), network);
    }
    std::sort(order.begin(), order.end());
    const auto count = static_cast<std::size_t>(share * static_cast<double>(order.size()) + 0.5);
    for (std::size_t i = 0; i < count; ++i) held_out.insert(order[i].second);
  }
  std::pair<Dataset, Dataset> parts;
  parts.first.machines = parts.second.machines = dataset.machines;
  for (const DataRow& row : dataset.rows) {
    (held_out.contains(row[RowText::kNetwork]) ? parts.second : parts.first).rows.push_back(row);
  }
  return parts;
}

}  // namespace kinglet::characterize
