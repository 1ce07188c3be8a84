#include "apps/cli/arguments.h"

#include <algorithm>
#include <memory>
#include <sstream>

#include "apps/cli/manual.h"
#include "apps/cli/nearest.h"
#include "apps/cli/options.h"
#include "apps/cli/output.h"
#include "kinglet/descriptor.h"
#include "kinglet/machine.h"

namespace kinglet::cli {
namespace {

OptionManual ManualOf(const CLI::Option& option) {
  const std::string& text = option.get_option_text();
  if (option.get_positional()) return {"", text, "", option.get_description()};
  const auto name = [](const std::vector<std::string>& names, const char* dashes) {
    return names.empty() ? std::string() : dashes + names.front();
  };
  std::string short_name = name(option.get_snames(), "-");
  std::string long_name = name(option.get_lnames(), "--");
  return {std::move(short_name), std::move(long_name), text, option.get_description()};
}

std::vector<OptionManual> ManualsOf(const CLI::App& app, bool positional) {
  std::vector<OptionManual> manuals;
  for (const CLI::Option* option : app.get_options()) {
    if (option->get_group().empty() || option->get_positional() != positional) continue;
    manuals.push_back(ManualOf(*option));
  }
  return manuals;
}

CommandManual ManualOf(const CLI::App& command) {
  return {command.get_name(), command.get_description(), ManualsOf(command, true),
          ManualsOf(command, false), command.get_footer()};
}

ProgramManual ManualOfProgram(const CLI::App& app) {
  ProgramManual program = {"kinglet",        KINGLET_VERSION,       app.get_description(),
                           app.get_footer(), ManualsOf(app, false), {}};
  for (const CLI::App* command : app.get_subcommands({})) {
    program.commands.push_back(ManualOf(*command));
  }
  return program;
}

// --help of all commands is written from the manual.
class HelpFormatter : public CLI::FormatterBase {
 public:
  std::string make_help(const CLI::App* app, std::string, CLI::AppFormatMode) const override {
    const CLI::App* program = app->get_parent();
    if (program == nullptr) return HelpText(ManualOfProgram(*app));
    return HelpText(ManualOfProgram(*program), ManualOf(*app));
  }
};

std::vector<std::string> CommandNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

std::vector<std::string> OptionNames(const CLI::App& app) {
  std::vector<std::string> names;
  for (const OptionManual& option : ManualsOf(app, false)) {
    names.push_back(option.name);
    if (!option.short_name.empty()) names.push_back(option.short_name);
  }
  return names;
}

std::string DidYouMean(const std::string& word, const std::vector<std::string>& words) {
  const std::string nearest = Nearest(word, words);
  return nearest.empty() ? "" : ", did you mean '" + nearest + "'?";
}

const CLI::App& FindCommand(const CLI::App& app, const std::string& name) {
  for (const CLI::App* command : app.get_subcommands({})) {
    if (command->get_name() == name) return *command;
  }
  throw UsageError("there is no command '" + name + "'" + DidYouMean(name, CommandNames(app)) +
                   " (see kinglet --help)");
}

// Commands about the command line itself. They need no instructions either.
struct AboutItself {
  std::string command;  // of help
  std::string shell;

  CLI::App* help = nullptr;
  CLI::App* version = nullptr;
  CLI::App* completion = nullptr;
  CLI::App* man = nullptr;

  void Add(CLI::App& app) {
    help = app.add_subcommand("help", "Explain a command, or list them all");
    help->add_option("command", command, "The command")->option_text("COMMAND");
    help->footer("kinglet help classify");
    version = app.add_subcommand("version", "Print the version");
    version->footer("kinglet version");
    completion =
        app.add_subcommand("completion", "Print a script that completes commands in a shell");
    completion->add_option("shell", shell, "The shell")
        ->required()
        ->check(CLI::IsMember({"bash", "zsh", "fish"}))
        ->option_text("bash|zsh|fish");
    completion->footer("source <(kinglet completion bash)");
    man = app.add_subcommand("man", "Print the manual page");
    man->footer("kinglet man > kinglet.1 && man ./kinglet.1");
  }

  // The text to print; "" where another command was chosen.
  std::string Text(const CLI::App& app) const {
    if (version->parsed()) return "kinglet " KINGLET_VERSION "\n";
    if (man->parsed()) return ManPage(ManualOfProgram(app));
    if (completion->parsed()) return Completion(ManualOfProgram(app), shell, ListDescriptors());
    if (!help->parsed()) return "";
    const ProgramManual program = ManualOfProgram(app);
    if (command.empty()) return HelpText(program);
    return HelpText(program, ManualOf(FindCommand(app, command)));
  }
};

// A name or file of no letters would count as not given.
void RefuseEmptyValues(CLI::App& command) {
  const CLI::Validator not_empty(
      [](std::string& text) {
        return text.empty() ? std::string("expected a value, found an empty one") : std::string();
      },
      "");
  for (CLI::Option* option : command.get_options()) {
    if (option->get_items_expected_max() > 0) option->check(not_empty);
  }
}

// What the library says; where the value of an option is missing, with the name of the value.
std::string MessageOf(const CLI::App& command, const CLI::ParseError& error) {
  const std::string message = error.what();
  const auto* mismatch = dynamic_cast<const CLI::ArgumentMismatch*>(&error);
  if (mismatch == nullptr || !message.ends_with(" missing")) return message;
  for (const CLI::Option* option : command.get_options()) {
    if (!message.starts_with(option->get_name() + ": ")) continue;
    const std::string& value = option->get_option_text();
    return option->get_name() + ": expected " + (value.empty() ? "a value" : value) +
           " after it, found nothing";
  }
  return message;
}

// Help and version are output; everything else is a mistake.
std::string TextOf(CLI::App& app, const CLI::ParseError& error) {
  std::ostringstream text;
  std::ostringstream unused;
  if (error.get_exit_code() == static_cast<int>(CLI::ExitCodes::Success)) {
    app.exit(error, text, unused);
    return text.str();
  }
  const auto chosen = app.get_subcommands();
  const std::string command = chosen.empty() ? "" : " " + chosen.front()->get_name();
  std::string hint;
  const std::vector<std::string> rest = app.remaining(true);
  const auto option = std::find_if(rest.begin(), rest.end(), [](const std::string& word) {
    return word.size() > 1 && word[0] == '-' && word != "--";
  });
  if (option != rest.end()) {
    hint = DidYouMean(option->substr(0, option->find('=')),
                      OptionNames(chosen.empty() ? app : *chosen.front()));
  }
  throw UsageError(MessageOf(chosen.empty() ? app : *chosen.front(), error) + hint +
                   " (see kinglet" + command + " --help)");
}

}  // namespace

std::function<Status()> ParseArguments(int argc, const char* const* argv) {
  CLI::App app("Runs convolutional networks on CPUs.", "kinglet");
  app.formatter(std::make_shared<HelpFormatter>());
  app.require_subcommand(1);
  app.set_version_flag("--version", "kinglet " KINGLET_VERSION);
  app.footer("kinglet classify photo.jpg");
  std::vector<Command> commands = AddPictureCommands(app);
  for (const auto add : {AddNetworkCommands, AddPrecisionCommands, AddForesightCommands,
                         AddCharacterizeCommands, AddProfileCommands}) {
    const std::vector<Command> others = add(app);
    commands.insert(commands.end(), others.begin(), others.end());
  }
  for (const Command& command : commands) RefuseEmptyValues(*command.app);
  AboutItself about;
  about.Add(app);
  const auto print = [](std::string text) {
    return [text = std::move(text)] {
      Print(text);
      return Status::kDone;
    };
  };
  if (argc < 2) throw UsageError("a command is missing (see kinglet --help)");
  if (argv[1][0] != '-' && argv[1][0] != '\0') FindCommand(app, argv[1]);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return print(TextOf(app, error));
  }
  if (std::string text = about.Text(app); !text.empty()) return print(std::move(text));
  for (const Command& command : commands) {
    if (!command.app->parsed()) continue;
    // What is only printed, above, needs no instructions.
    if (const std::string problem = EnvironmentProblem(); !problem.empty()) {
      throw UsageError(problem);
    }
    return command.run;
  }
  throw UsageError("a command is missing (see kinglet --help)");
}

}  // namespace kinglet::cli
