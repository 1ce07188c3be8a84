#include "measure/common/answer.h"

#include <new>
#include <nlohmann/json.hpp>

#include "measure/common/json_reader.h"

namespace kinglet::measure {
namespace {

constexpr ErrorCode kCodes[] = {ErrorCode::kInvalidModel, ErrorCode::kUnsupported,
                                ErrorCode::kInvalidInput, ErrorCode::kIo, ErrorCode::kResource};

std::string ErrorLine(const Error& error) {
  return CompactJson({{"error", {{"code", ErrorCodeName(error.code())}, {"message", error.what()}}},
                      {"format", kAnswerFormat}}) +
         "\n";
}

bool EveryPointHas(ErrorCode code) {
  return code != ErrorCode::kIo && code != ErrorCode::kResource;
}

}  // namespace

std::string AnswerOf(const std::function<std::string()>& measure) {
  try {
    return measure();
  } catch (const Error& error) {
    return ErrorLine(error);
  } catch (const std::bad_alloc&) {
    return ErrorLine({ErrorCode::kResource, "not enough memory"});
  }
}

std::optional<Error> ErrorOf(const std::string& line) {
  const JsonReader::Json json = JsonReader::Json::parse(line, nullptr, false);
  if (!json.is_object() || !json.contains("error") || !json["error"].is_object()) return {};
  const JsonReader::Json& error = json["error"];
  const std::string name = error.value("code", "");
  for (const ErrorCode code : kCodes) {
    if (name == ErrorCodeName(code)) return Error(code, error.value("message", ""));
  }
  return {};
}

std::string CheckedAnswer(const ProcessResult& process, const std::string& which) {
  std::string line = LastLine(process);
  if (process.signal != 0) throw Error(ErrorCode::kResource, which + DescribeEnd(process));
  if (const std::optional<Error> error = ErrorOf(line)) {
    if (EveryPointHas(error->code())) throw *error;
    throw Error(error->code(), which + error->what());
  }
  if (process.status != 0 || line.empty()) {
    throw Error(ErrorCode::kResource,
                which + DescribeEnd(process) + (line.empty() ? " and no result" : ": " + line));
  }
  return line;
}

}  // namespace kinglet::measure
