// Files of JSON about one machine: what they have in common. Each says which CPU, instruction set
// and version of Kinglet it is for, and is of no use to others.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace kinglet {

using Json = nlohmann::ordered_json;

struct MachineFileKind {
  const char* name;  // "tuning"
  int format;
  int oldest_format = 0;  // that is read as well; 0: none but this one

  bool Reads(const Json& root) const;
};

// In the user's cache folder; "" where there is none. The name tells CPU, instruction set and
// version.
std::string DefaultFile(const MachineFileKind& kind);
// That one where `file` is "". Throws Error(kIo) where there is no folder for it.
std::string FileToWrite(const std::string& file, const MachineFileKind& kind);

// An object that says kind, format and machine, to be filled.
Json Heading(const MachineFileKind& kind);
// What the file holds, whose heading fits kind and machine. Throws Error(kIo, kInvalidInput).
Json ReadJson(const std::string& file, const MachineFileKind& kind);
// The same of any machine.
Json ReadForeignJson(const std::string& file, const MachineFileKind& kind);
// Makes the folder where it is missing. Throws Error(kIo).
void WriteText(const std::string& file, const std::string& text);

// Error(kInvalidInput): the file, and what is wrong with it.
[[noreturn]] void ThrowWrongFile(const std::string& file, const std::string& what);
// 'name', short and on one line.
std::string Quoted(const std::string& name);

// Members of an object of the file. Throw Error(kInvalidInput) where they are missing, of another
// type, or outside what any machine has.
double PositiveOf(const Json& object, const std::string& name, const std::string& file);
int CountOf(const Json& object, const std::string& name, const std::string& file, int largest);
const Json& ObjectOf(const Json& root, const std::string& name, const std::string& file);

}  // namespace kinglet
