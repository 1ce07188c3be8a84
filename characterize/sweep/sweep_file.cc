#include "characterize/sweep/sweep_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "characterize/common/output_folder.h"
#include "characterize/sweep/sweep_json.h"
#include "kinglet/error.h"

namespace kinglet::characterize {
namespace {

constexpr const char* kFile = "sweep.jsonl";
constexpr std::uintmax_t kMostBytes = std::uintmax_t{1} << 30;

std::string PathOf(const std::string& folder) {
  return (std::filesystem::path(folder) / kFile).string();
}

[[noreturn]] void FailIo(const std::string& path, const std::string& what) {
  throw Error(ErrorCode::kIo, path + ": " + what);
}

struct Text {
  std::string bytes;
  bool cut = false;  // its last line has no end
};

Text ReadTextOf(const std::string& path) {
  std::error_code error;
  const std::uintmax_t size = std::filesystem::file_size(path, error);
  std::ifstream file(path, std::ios::binary);
  if (error || !file) FailIo(path, "cannot be read: there is no sweep in this folder");
  if (size > kMostBytes) FailIo(path, "is larger than a sweep can be");
  Text text{{std::istreambuf_iterator<char>(file), {}}, false};
  text.cut = !text.bytes.empty() && text.bytes.back() != '\n';
  text.bytes.resize(text.bytes.rfind('\n') + 1);  // npos + 1 is 0
  return text;
}

// What is on the lines that are whole. None at all where not even the first line is.
std::optional<Sweep> ParseSweep(const std::string& text, const std::string& path) {
  Sweep sweep;
  std::size_t number = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    const std::string_view line = std::string_view(text).substr(begin, end - begin);
    const std::string source = path + ", line " + std::to_string(++number);
    if (number == 1) {
      sweep.header = ParseHeader(line, source);
    } else {
      sweep.turns.push_back(ParseTurn(line, source));
    }
    begin = end + 1;
  }
  return number > 0 ? std::optional(std::move(sweep)) : std::nullopt;
}

// Before hours of measuring end on a full disk.
void CheckSpace(const std::string& folder, const SweepHeader& header) {
  constexpr double kBytesOfTurn = 8192;  // about; few runs are short enough for more
  constexpr double kOthers = 8 << 20;    // pictures and reports
  constexpr double kMib = 1 << 20;
  std::error_code error;
  const std::filesystem::space_info space = std::filesystem::space(folder, error);
  const double turns = static_cast<double>(header.keys.size() * header.trust.turns);
  const double needed = turns * kBytesOfTurn + kOthers;
  if (error || static_cast<double>(space.available) >= needed) return;
  FailIo(folder, fmt::format("there are {:.1f} MiB left on the disk, and the sweep takes about "
                             "{:.0f} MiB",
                             static_cast<double>(space.available) / kMib, needed / kMib));
}

std::string OptionOf(const SweepHeader& header, const std::string& name) {
  for (const auto& [key, value] : header.options) {
    if (key == name) return value;
  }
  return "";
}

// "--batch 1..8 there, 1..34 now"; "": the same sweep.
std::string DifferenceOf(const SweepHeader& there, const SweepHeader& now) {
  const auto differ = [](const std::string& name, const std::string& a, const std::string& b) {
    const auto shown = [](const std::string& text) { return text.empty() ? "not given" : text; };
    return fmt::format("{} {} there, {} now", name, shown(a), shown(b));
  };
  const measure::Machine& a = there.machine;
  const measure::Machine& b = now.machine;
  if (a.cpu != b.cpu) return differ("the CPU is", a.cpu, b.cpu);
  if (a.instruction_set != b.instruction_set) {
    return differ("instructions are", a.instruction_set, b.instruction_set);
  }
  if (a.cpus != b.cpus) {
    return differ("CPUs that may be used:", std::to_string(a.cpus), std::to_string(b.cpus));
  }
  if (a.kinglet != b.kinglet) return differ("Kinglet is", a.kinglet, b.kinglet);
  for (const SweepHeader* side : {&there, &now}) {
    for (const auto& [name, value] : side->options) {
      const std::string other = OptionOf(side == &there ? now : there, name);
      if (value == other) continue;
      return side == &there ? differ(name, value, other) : differ(name, other, value);
    }
  }
  if (!(there.trust == now.trust)) return "what a point is trusted by differs";
  if (there.keys != now.keys) return "its points differ";
  return "";
}

}  // namespace

std::vector<SweepPoint> Sweep::Points() const { return MergeRun(header.keys, turns, header.trust); }

Sweep ReadSweepFile(const std::string& folder) {
  const std::string path = PathOf(folder);
  std::optional<Sweep> sweep = ParseSweep(ReadTextOf(path).bytes, path);
  if (!sweep) throw Error(ErrorCode::kInvalidInput, path + ": has no line that is whole");
  return *std::move(sweep);
}

std::vector<SweepPoint> ReadSweep(const std::string& folder) {
  return ReadSweepFile(folder).Points();
}

SweepFile::SweepFile(const std::string& folder, const SweepHeader& header, bool restart)
    : path_(PathOf(folder)) {
  PrepareFolder(folder);
  CheckSpace(folder, header);
  file_ = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (file_ < 0) FailIo(path_, std::string("cannot be written: ") + std::strerror(errno));
  try {
    struct stat status {};
    if (fstat(file_, &status) != 0 || !S_ISREG(status.st_mode)) FailIo(path_, "is no regular file");
    if (flock(file_, LOCK_EX | LOCK_NB) != 0) {
      FailIo(path_, "another program writes it: is a sweep running there?");
    }
    std::optional<Sweep> there;
    std::size_t whole = 0;  // bytes
    if (!restart) {
      const Text text = ReadTextOf(path_);
      there = ParseSweep(text.bytes, path_);
      whole = text.bytes.size();
    }
    if (there) {
      const std::string difference = DifferenceOf(there->header, header);
      if (!difference.empty()) {
        throw Error(ErrorCode::kInvalidInput,
                    fmt::format("{} has another sweep ({}): name another folder, or --restart",
                                folder, difference));
      }
      sweep_ = *std::move(there);
    } else {
      sweep_.header = header;
    }
    if (ftruncate(file_, static_cast<off_t>(whole)) != 0 || lseek(file_, 0, SEEK_END) < 0) {
      FailIo(path_, std::string("cannot be written: ") + std::strerror(errno));
    }
    if (whole == 0) Write(HeaderLine(header));
  } catch (...) {
    close(file_);
    throw;
  }
}

SweepFile::~SweepFile() { close(file_); }

void SweepFile::Add(const TurnRecord& turn) {
  Write(TurnLine(turn));
  sweep_.turns.push_back(turn);
}

void SweepFile::Write(const std::string& line) {
  for (std::size_t done = 0; done < line.size();) {
    const ssize_t count = write(file_, line.data() + done, line.size() - done);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) FailIo(path_, std::string("cannot be written: ") + std::strerror(errno));
    done += static_cast<std::size_t>(count);
  }
  if (fdatasync(file_) != 0 && errno != EINVAL) {
    FailIo(path_, std::string("cannot be written: ") + std::strerror(errno));
  }
}

}  // namespace kinglet::characterize
