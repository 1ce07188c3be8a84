// The manual page, in the macros of man(7).
#include "apps/cli/manual.h"

namespace kinglet::cli {
namespace {

// Text as roff prints it: hyphens are those that can be copied, and no line begins with a control
// character.
std::string Escaped(const std::string& text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '\\') {
      escaped += "\\e";
    } else if (c == '-') {
      escaped += "\\-";
    } else {
      escaped += c;
    }
  }
  if (!escaped.empty() && (escaped[0] == '.' || escaped[0] == '\'')) escaped.insert(0, "\\&");
  return escaped;
}

std::string Bold(const std::string& text) { return "\\fB" + Escaped(text) + "\\fR"; }
std::string Italic(const std::string& text) { return "\\fI" + Escaped(text) + "\\fR"; }

std::string ManEntry(const std::string& name, const std::string& meaning) {
  return ".TP\n" + name + '\n' + Escaped(meaning) + '\n';
}

std::string Section(const char* title) { return std::string(".SH ") + title + '\n'; }

std::string Options(const std::vector<OptionManual>& options) {
  std::string text;
  for (const OptionManual& option : options) {
    std::string name = option.short_name.empty() ? "" : Bold(option.short_name) + ", ";
    name += Bold(option.name);
    if (!option.value.empty()) name += ' ' + Italic(option.value);
    text += ManEntry(name, option.help);
  }
  return text;
}

std::string Command(const std::string& program, const CommandManual& command) {
  std::string text = ".SS " + Escaped(command.name) + '\n' + Escaped(command.summary) + ".\n.PP\n";
  text += Bold(program + ' ' + command.name) + " [" + Italic("OPTIONS") + ']';
  for (const OptionManual& each : command.positionals) text += ' ' + Italic(each.name);
  text += '\n';
  for (const OptionManual& each : command.positionals) {
    text += ManEntry(Italic(each.name), each.help);
  }
  text += Options(command.options);
  return text + ".PP\nExample:\n.PP\n.nf\n.RS\n" + Escaped(command.example) + "\n.RE\n.fi\n";
}

}  // namespace

std::string ManPage(const ProgramManual& program) {
  std::string text = ".TH KINGLET 1 \"\" \"Kinglet " + program.version + "\" \"User Commands\"\n";
  text += Section("NAME") + program.name + " \\- run convolutional networks on CPUs\n";
  text += Section("SYNOPSIS") + Bold(program.name) + " [" + Italic("OPTIONS") + "] " +
          Italic("COMMAND") + '\n';
  text += Section("DESCRIPTION") + Escaped(program.summary) + '\n';
  text += Section("OPTIONS") + Options(program.options);
  text += Section("COMMANDS");
  for (const CommandManual& command : program.commands) text += Command(program.name, command);
  text += Section("EXIT STATUS");
  for (const ExitStatus& each : ExitStatuses()) {
    text += ManEntry(Bold(std::to_string(each.status)), each.meaning);
  }
  text += Section("ENVIRONMENT");
  for (const Variable& each : Variables()) text += ManEntry(Bold(each.name), each.meaning);
  return text;
}

}  // namespace kinglet::cli
