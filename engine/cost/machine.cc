#include "kinglet/machine.h"

#include "engine/cost/files.h"

namespace kinglet {

Machine::Machine()
    : cost_(std::make_shared<CostModel>()), notes_(std::make_shared<std::vector<std::string>>()) {}

Machine::Machine(const MachineFiles& files) {
  std::vector<std::string> notes;
  cost_ = std::make_shared<CostModel>(
      LoadCostModel({files.calibration, files.tuning, files.use_cache}, notes));
  notes_ = std::make_shared<std::vector<std::string>>(std::move(notes));
}

}  // namespace kinglet
