#include "engine/cost/choice_key.h"

#include "engine/cost/thread_limit.h"
#include "kernels/common/value_text.h"

namespace kinglet {
namespace {

template <typename T, typename F>
std::string Joined(const std::vector<T>& values, F&& text_of) {
  std::string text;
  for (const T& value : values) {
    if (!text.empty()) text += ',';
    text += text_of(value);
  }
  return text;
}

// Calls each(part) for the parts of "a,b,c".
template <typename F>
void EachPart(std::string_view list, F&& each) {
  for (;;) {
    const std::size_t comma = list.find(',');
    each(list.substr(0, comma));
    if (comma == list.npos) return;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace

std::string ToString(const ChoiceKey& key) {
  using kernels::NumberText;
  return key.family + ' ' + Joined(key.shape, [](std::int64_t n) { return NumberText(n); }) + ' ' +
         Joined(key.types, [](kernels::ElementType type) { return ElementName(type); }) +
         " activation=" + key.activation + " residual=" + (key.residual ? '1' : '0') +
         " threads=" + NumberText(key.threads) + " neighbours=" + NumberText(key.neighbours);
}

std::optional<ChoiceKey> ParseChoiceKey(std::string_view text) {
  kernels::WordReader words(text);
  ChoiceKey key;
  key.family = words.Word();
  EachPart(words.Word(), [&](std::string_view number) {
    key.shape.push_back(words.ToNumber<std::int64_t>(number));
  });
  EachPart(words.Word(), [&](std::string_view name) {
    const auto type = kernels::ElementTypeNamed(name);
    if (!type) words.Fail();
    key.types.push_back(type.value_or(kernels::ElementType::kUndefined));
  });
  key.activation = words.Field("activation");
  const std::string_view residual = words.Field("residual");
  key.residual = residual == "1";
  key.threads = words.Number<int>("threads");
  key.neighbours = words.Number<int>("neighbours");
  if (key.threads < 1 || key.threads > kMostThreads) words.Fail();
  if (key.neighbours < 0 || key.neighbours > kMostThreads) words.Fail();
  if (!words.ok() || key.activation.empty() || (residual != "0" && residual != "1")) return {};
  return key;
}

}  // namespace kinglet
