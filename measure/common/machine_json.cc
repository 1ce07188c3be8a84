#include "measure/common/machine_json.h"

#include <utility>

namespace kinglet::measure {
namespace {

struct TextKey {
  const char* key;
  std::string Machine::*text;
};
constexpr TextKey kTexts[] = {{"features", &Machine::features},
                              {"caches", &Machine::caches},
                              {"kernel", &Machine::kernel},
                              {"governor", &Machine::governor},
                              {"hypervisor", &Machine::hypervisor},
                              {"compiler", &Machine::compiler},
                              {"blas", &Machine::blas}};
struct NumberKey {
  const char* key;
  double Machine::*number;
};
constexpr NumberKey kNumbers[] = {{"clock_mhz", &Machine::clock_mhz},
                                  {"cpu_quota", &Machine::cpu_quota}};

}  // namespace

JsonReader::Json MachineJson(const Machine& machine) {
  JsonReader::Json json = {{"cpu", machine.cpu},
                           {"instruction_set", machine.instruction_set},
                           {"cpus", machine.cpus},
                           {"kinglet", machine.kinglet},
                           {"peak_gflops", Rounded(machine.peak_gflops, 1e3)}};
  for (const TextKey& key : kTexts) {
    if (!(machine.*key.text).empty()) json[key.key] = machine.*key.text;
  }
  for (const NumberKey& key : kNumbers) {
    if (machine.*key.number > 0) json[key.key] = Rounded(machine.*key.number, 1e3);
  }
  return json;
}

Machine ReadMachine(const JsonReader& reader) {
  Machine machine{reader.Text("cpu"), reader.Text("instruction_set"), reader.Count("cpus"),
                  reader.Text("kinglet"), reader.Number("peak_gflops")};
  for (const TextKey& key : kTexts) {
    if (reader.Has(key.key)) machine.*key.text = reader.Text(key.key);
  }
  for (const NumberKey& key : kNumbers) {
    if (reader.Has(key.key)) machine.*key.number = reader.Number(key.key);
  }
  return machine;
}

}  // namespace kinglet::measure
