#include "kinglet/machine.h"

#include <algorithm>
#include <fstream>

#include "engine/cost/files.h"

namespace kinglet {

std::string CpuName() {
  static const std::string name = [] {
    std::ifstream file("/proc/cpuinfo");
    std::string text;
    std::string numbers;
    for (std::string line; std::getline(file, line) && !line.empty();) {  // the first CPU's
      const std::size_t colon = line.find(':');
      if (colon == line.npos) continue;
      const std::string key = line.substr(0, line.find_last_not_of(" \t", colon - 1) + 1);
      const std::string value = line.substr(std::min(line.size(), colon + 2));
      if (key == "model name") text = value;
      for (const char* wanted :
           {"cpu family", "model", "stepping", "CPU implementer", "CPU part", "CPU variant"}) {
        if (key == wanted) numbers += (numbers.empty() ? "" : " ") + value;
      }
    }
    return (text.empty() ? "CPU" : text) + " (" + numbers + ")";
  }();
  return name;
}

Machine::Machine()
    : cost_(std::make_shared<CostModel>()), notes_(std::make_shared<std::vector<std::string>>()) {}

Machine::Machine(const MachineFiles& files) {
  std::vector<std::string> notes;
  cost_ = std::make_shared<CostModel>(
      LoadCostModel({files.calibration, files.tuning, files.use_cache}, notes));
  notes_ = std::make_shared<std::vector<std::string>>(std::move(notes));
}

}  // namespace kinglet
