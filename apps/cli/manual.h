// What the command line offers, as data: help, the manual page and shell completion are written
// from it, so that they cannot differ.
#pragma once

#include <string>
#include <vector>

namespace kinglet::cli {

struct OptionManual {
  std::string short_name;  // "-b", or ""
  std::string name;        // "--batch"; of a positional argument what its values are: "IMAGE..."
  std::string value;       // what its value is: "LIST"; "" of a flag
  std::string help;
};

struct CommandManual {
  std::string name;
  std::string summary;
  std::vector<OptionManual> positionals;
  std::vector<OptionManual> options;
  std::string example;  // "kinglet models"
};

struct ProgramManual {
  std::string name;
  std::string version;
  std::string summary;
  std::string example;
  std::vector<OptionManual> options;
  std::vector<CommandManual> commands;
};

// What --help prints, in lines of at most 80 columns.
std::string HelpText(const ProgramManual& program);
std::string HelpText(const ProgramManual& program, const CommandManual& command);

// A page of section 1, for man.
std::string ManPage(const ProgramManual& program);

// A script of the shell "bash", "zsh" or "fish". Options of a network's name complete `networks`.
std::string Completion(const ProgramManual& program, const std::string& shell,
                       const std::vector<std::string>& networks);

// An exit status and what it says, for help and manual page.
struct ExitStatus {
  int status;
  const char* meaning;
};
const std::vector<ExitStatus>& ExitStatuses();

// Variables of the environment, and what they do.
struct Variable {
  const char* name;
  const char* meaning;
};
const std::vector<Variable>& Variables();

}  // namespace kinglet::cli
