// What a process of this program that measures something answers: a line, its last one, which is
// what was measured or an error.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "kinglet/error.h"
#include "measure/common/process.h"

namespace kinglet::measure {

// Of such lines; a reader of records refuses others.
inline constexpr int kAnswerFormat = 1;

// What `measure` returns, or the error that it throws as a line. Lines end with a newline.
std::string AnswerOf(const std::function<std::string()>& measure);

// The error that the line tells of.
std::optional<Error> ErrorOf(const std::string& line);

// The last line of a process that has ended well. Throws the error that it tells of, with `which`
// in front of the message unless every point has it (a mistake in what is asked for, or in the
// model), and Error(kResource) when the process ended otherwise.
std::string CheckedAnswer(const ProcessResult& process, const std::string& which);

}  // namespace kinglet::measure
