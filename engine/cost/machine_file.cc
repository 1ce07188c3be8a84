#include "engine/cost/machine_file.h"

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string_view>
#include <utility>

#include "kernels/common/cpu_target.h"
#include "kinglet/error.h"
#include "kinglet/file.h"
#include "kinglet/machine.h"

namespace kinglet {
namespace {

namespace fs = std::filesystem;

constexpr std::uintmax_t kMaxFileBytes = 64 << 20;
constexpr std::size_t kShownBytes = 60;  // of a name or value in a message
// No machine is outside, in whatever unit; predictions made of such numbers stay finite.
constexpr double kLeastFigure = 1e-12;
constexpr double kLargestFigure = 1e15;

// A value of a file in a message: short, and on one line.
std::string Shown(const Json& value) {
  if (value.is_structured()) return value.is_object() ? "an object" : "a list";
  if (!value.is_string()) return value.dump();
  const std::string& text = value.get_ref<const std::string&>();
  const std::string shown =
      Json(text.substr(0, kShownBytes)).dump(-1, ' ', true, Json::error_handler_t::replace);
  return text.size() > kShownBytes ? shown + "..." : shown;
}

std::string Target() { return std::string(kernels::ActiveTarget()); }

// "AMD EPYC (25 17 1)" -> "amd-epyc-25-17-1".
std::string FileNamePart(const std::string& text) {
  std::string part;
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.';
    if (plain)
      part += c;
    else if (c >= 'A' && c <= 'Z')
      part += static_cast<char>(c - 'A' + 'a');
    else if (!part.empty() && part.back() != '-')
      part += '-';
  }
  while (!part.empty() && part.back() == '-') part.pop_back();
  return part.substr(0, 100);
}

std::string ReadText(const std::string& file) {
  std::error_code error;
  const std::uintmax_t bytes = fs::file_size(file, error);
  if (error) throw Error(ErrorCode::kIo, file + ": cannot be read: " + error.message());
  if (bytes > kMaxFileBytes) ThrowWrongFile(file, "is too large for such a file");
  std::ifstream stream(file, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  if (!stream) throw Error(ErrorCode::kIo, file + ": cannot be read");
  return std::move(text).str();
}

const Json& NumberOf(const Json& object, const std::string& name, const std::string& file) {
  const auto found = object.find(name);
  if (found == object.end() || !found->is_number())
    ThrowWrongFile(file, "has no number " + Quoted(name));
  return *found;
}

}  // namespace

bool MachineFileKind::Reads(const Json& root) const {
  const auto found = root.find("format");
  if (found == root.end() || !found->is_number_integer()) return false;
  const auto value = found->get<std::int64_t>();
  return value == format || (oldest_format > 0 && value >= oldest_format && value < format);
}

std::string DefaultFile(const MachineFileKind& kind) {
  const auto variable = [](const char* name) -> std::string {
    const char* value = std::getenv(name);
    return value != nullptr && *value == '/' ? value : "";
  };
  std::string folder = variable("XDG_CACHE_HOME");
  if (folder.empty() && !variable("HOME").empty()) folder = variable("HOME") + "/.cache";
  if (folder.empty()) return "";
  return folder + "/kinglet/" + kind.name + "-" + FileNamePart(CpuName()) + "-" + Target() + "-" +
         Version() + ".json";
}

std::string FileToWrite(const std::string& file, const MachineFileKind& kind) {
  if (!file.empty()) return file;
  if (std::string otherwise = DefaultFile(kind); !otherwise.empty()) return otherwise;
  throw Error(ErrorCode::kIo,
              "there is no cache folder, as neither XDG_CACHE_HOME nor HOME is set: name a file");
}

Json Heading(const MachineFileKind& kind) {
  return {{"kinglet", kind.name},
          {"format", kind.format},
          {"cpu", CpuName()},
          {"target", Target()},
          {"version", Version()}};
}

namespace {

// What the file holds, which is of this kind and of any format and machine.
Json ReadOfKind(const std::string& file, const MachineFileKind& kind) {
  Json root = Json::parse(ReadText(file), nullptr, false);
  if (!root.is_object() || !root.contains("kinglet") || root["kinglet"] != kind.name) {
    ThrowWrongFile(file, std::string("is no ") + kind.name + " file of Kinglet");
  }
  return root;
}

}  // namespace

Json ReadForeignJson(const std::string& file, const MachineFileKind& kind) {
  Json root = ReadOfKind(file, kind);
  if (!kind.Reads(root)) {
    ThrowWrongFile(file, "is of a format that this version does not read");
  }
  for (const char* name : {"cpu", "target"}) {
    if (!root.contains(name) || !root[name].is_string()) {
      ThrowWrongFile(file, std::string("has no text '") + name + "'");
    }
  }
  return root;
}

Json ReadJson(const std::string& file, const MachineFileKind& kind) {
  Json root = ReadOfKind(file, kind);
  const Json heading = Heading(kind);
  for (const auto& [name, expected] : heading.items()) {
    if (root.contains(name) && root[name] == expected) continue;
    if (name == "format" && kind.Reads(root)) continue;
    const std::string found = root.contains(name) ? Shown(root[name]) : Shown("nothing");
    ThrowWrongFile(file, "is for " + name + " " + found + ", expected " + Shown(expected) +
                             "; make it again on this machine");
  }
  return root;
}

void WriteText(const std::string& file, const std::string& text) {
  std::error_code error;
  const fs::path folder = fs::path(file).parent_path();
  if (!folder.empty()) fs::create_directories(folder, error);
  if (error) throw Error(ErrorCode::kIo, file + ": cannot be written: " + error.message());
  WriteFile(file, text);
}

void ThrowWrongFile(const std::string& file, const std::string& what) {
  throw Error(ErrorCode::kInvalidInput, file + ": " + what);
}

std::string Quoted(const std::string& name) {
  std::string text = Shown(name);
  const std::size_t end = text.rfind('"');
  text[0] = '\'';
  text[end] = '\'';
  return text;
}

double PositiveOf(const Json& object, const std::string& name, const std::string& file) {
  const Json& number = NumberOf(object, name, file);
  const auto value = number.get<double>();
  if (!(value >= kLeastFigure && value <= kLargestFigure)) {
    ThrowWrongFile(file, Quoted(name) + " is " + Shown(number) + ", expected a number from " +
                             Shown(kLeastFigure) + " to " + Shown(kLargestFigure));
  }
  return value;
}

int CountOf(const Json& object, const std::string& name, const std::string& file, int largest) {
  const Json& number = NumberOf(object, name, file);
  const auto value = number.get<double>();
  if (!number.is_number_integer() || value < 1 || value > largest) {
    ThrowWrongFile(file, Quoted(name) + " is " + Shown(number) +
                             ", expected a whole number from 1 to " + std::to_string(largest));
  }
  return static_cast<int>(value);
}

const Json& ObjectOf(const Json& root, const std::string& name, const std::string& file) {
  const auto found = root.find(name);
  if (found == root.end() || !found->is_object())
    ThrowWrongFile(file, "has no object '" + name + "'");
  return *found;
}

}  // namespace kinglet
