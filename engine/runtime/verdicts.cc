#include <filesystem>
#include <limits>
#include <string>

#include "engine/cost/machine_file.h"
#include "engine/graph/fingerprint.h"
#include "kinglet/error.h"
#include "kinglet/verdict.h"

namespace kinglet {
namespace {

constexpr MachineFileKind kChecks = {"checks", 1};

double ShareOf(const Json& object, const std::string& file) {
  const auto found = object.find("share");
  const double share = found != object.end() && found->is_number() ? found->get<double>() : -1;
  if (!(share >= 0 && share <= 1)) ThrowWrongFile(file, "has no 'share' from 0 to 1");
  return share;
}

bool AllowedOf(const Json& object, const std::string& file) {
  const auto found = object.find("allowed");
  if (found == object.end() || !found->is_boolean()) ThrowWrongFile(file, "has no 'allowed'");
  return found->get<bool>();
}

PrecisionVerdicts Parse(const Json& object, const std::string& file) {
  PrecisionVerdicts verdicts;
  for (const auto& [name, of_one] : object.items()) {
    const std::optional<Precision> precision = PrecisionOf(name);
    if (!precision || *precision == Precision::kAuto || !of_one.is_object())
      ThrowWrongFile(file, Quoted(name) + " is no precision");
    verdicts[*precision] = {PositiveOf(of_one, "milliseconds", file), ShareOf(of_one, file),
                            AllowedOf(of_one, file)};
  }
  return verdicts;
}

// All that a file holds; an empty object where there is none.
Json ReadAll(const std::string& path, bool named) {
  std::error_code error;
  if (!named && !std::filesystem::exists(path, error)) return Json::object();
  try {
    return ObjectOf(ReadJson(path, kChecks), "networks", path);
  } catch (const Error&) {
    if (named) throw;
    return Json::object();
  }
}

}  // namespace

std::string GraphKey(const Graph& graph) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string key;
  for (std::uint64_t rest = FingerprintOf(graph.ir()); key.size() < 16; rest >>= 4) {
    key += kDigits[rest & 15];
  }
  return key;
}

std::string DefaultVerdictFile() { return DefaultFile(kChecks); }

void SaveVerdicts(const Graph& graph, const PrecisionVerdicts& verdicts, const std::string& file) {
  const std::string path = FileToWrite(file, kChecks);
  std::error_code error;
  const bool named = !file.empty() && std::filesystem::exists(path, error);
  Json root = Heading(kChecks);
  root["networks"] = ReadAll(path, named);
  Json& network = root["networks"][GraphKey(graph)] = Json::object();
  for (const auto& [precision, verdict] : verdicts) {
    network[std::string(PrecisionName(precision))] = {{"milliseconds", verdict.milliseconds},
                                                      {"share", verdict.share},
                                                      {"allowed", verdict.allowed}};
  }
  WriteText(path, root.dump(1) + "\n");
}

std::optional<PrecisionVerdicts> FindVerdicts(const Graph& graph, const std::string& file) {
  const std::string path = file.empty() ? DefaultVerdictFile() : file;
  if (path.empty()) return std::nullopt;
  const Json networks = ReadAll(path, !file.empty());
  const auto found = networks.find(GraphKey(graph));
  if (found == networks.end() || found->empty()) return std::nullopt;
  try {
    if (!found->is_object()) ThrowWrongFile(path, "has a network that is no object");
    return Parse(*found, path);
  } catch (const Error&) {
    if (!file.empty()) throw;
    return std::nullopt;
  }
}

Precision FastestAllowed(const PrecisionVerdicts& verdicts) {
  // Of what takes the same time, as far as can be measured, the first.
  constexpr Precision kOrder[] = {Precision::kInt8, Precision::kFloat32, Precision::kBFloat16};
  constexpr double kFaster = 0.95;
  Precision fastest = Precision::kFloat32;
  double least = std::numeric_limits<double>::infinity();
  for (const Precision precision : kOrder) {
    const auto verdict = verdicts.find(precision);
    if (verdict == verdicts.end() || !verdict->second.allowed) continue;
    if (verdict->second.milliseconds >= kFaster * least) continue;
    fastest = precision;
    least = verdict->second.milliseconds;
  }
  return fastest;
}

}  // namespace kinglet
