#include "engine/ops/einsum_equation.h"

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace kinglet {
namespace {

// One term: letters as labels, kEllipsis for "...".
constexpr int kEllipsis = -1;
using Term = std::vector<int>;

int LabelOf(char letter) {
  if (letter >= 'A' && letter <= 'Z') return letter - 'A';
  if (letter >= 'a' && letter <= 'z') return letter - 'a' + 26;
  return kEinsumLabels;
}

std::string NameOf(int label) {
  if (label >= kLetters) return "a dimension of '...'";
  return std::string("'") + static_cast<char>(label < 26 ? 'A' + label : 'a' + label - 26) + "'";
}

bool HasEllipsis(const Term& term) {
  return std::find(term.begin(), term.end(), kEllipsis) != term.end();
}

Term ReadTerm(const NodeContext& context, std::string_view text) {
  Term term;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text.substr(i, 3) == "...") {
      if (HasEllipsis(term)) context.Invalid("two ellipses in one term of the equation");
      term.push_back(kEllipsis);
      i += 2;
      continue;
    }
    const int label = LabelOf(text[i]);
    if (label == kEinsumLabels) {
      context.Invalid("the equation has a term '" + std::string(text) +
                      "', expected letters and one '...'");
    }
    term.push_back(label);
  }
  return term;
}

struct Terms {
  std::vector<Term> inputs;
  bool explicit_output = false;
  Term output;
};

Terms ReadTerms(const NodeContext& context) {
  std::string text = context.attributes().String("equation", "");
  text.erase(std::remove(text.begin(), text.end(), ' '), text.end());
  if (!context.attributes().Has("equation")) context.Invalid("attribute 'equation' is absent");
  Terms terms;
  std::string_view left = text;
  if (const std::size_t arrow = left.find("->"); arrow != left.npos) {
    terms.explicit_output = true;
    terms.output = ReadTerm(context, left.substr(arrow + 2));
    left = left.substr(0, arrow);
  }
  for (std::size_t begin = 0; begin <= left.size();) {
    const std::size_t end = std::min(left.find(',', begin), left.size());
    terms.inputs.push_back(ReadTerm(context, left.substr(begin, end - begin)));
    begin = end + 1;
  }
  if (terms.inputs.size() != context.input_count()) {
    context.Invalid("the equation has " + std::to_string(terms.inputs.size()) + " terms for " +
                    std::to_string(context.input_count()) + " inputs");
  }
  return terms;
}

// The labels of `rank` dimensions. Returns those that the ellipsis stands for in `ellipsis_rank`.
std::vector<int> Expand(const Term& term, std::size_t ellipsis_rank) {
  std::vector<int> labels;
  for (const int label : term) {
    if (label != kEllipsis) {
      labels.push_back(label);
      continue;
    }
    for (std::size_t k = ellipsis_rank; k > 0; --k) {
      labels.push_back(kEinsumLabels - static_cast<int>(k));
    }
  }
  return labels;
}

std::size_t EllipsisRank(const NodeContext& context, const Term& term, std::size_t i) {
  const std::size_t rank = context.InputShape(i).size();
  const std::size_t letters = term.size() - (HasEllipsis(term) ? 1 : 0);
  if (rank < letters || (rank > letters && !HasEllipsis(term))) {
    context.Invalid("term " + std::to_string(i) + " of the equation has " +
                    std::to_string(letters) + " letters, input " + std::to_string(i) +
                    " has shape " + ShapeToString(context.InputShape(i)));
  }
  return rank - letters;
}

void AddSizesOf(const NodeContext& context, std::size_t i, EinsumEquation& equation) {
  const Shape& shape = context.InputShape(i);
  for (std::size_t d = 0; d < shape.size(); ++d) {
    const int label = equation.inputs[i][d];
    std::int64_t& size = equation.sizes[static_cast<std::size_t>(label)];
    if (size == 1) size = shape[d];
    if (shape[d] != 1 && shape[d] != size) {
      context.Invalid(NameOf(label) + " in the equation is " + std::to_string(size) + " and " +
                      std::to_string(shape[d]) + " in size");
    }
  }
}

// Of the implicit form: the ellipsis, and the letters that occur once, sorted.
Term ImplicitOutput(const std::vector<Term>& inputs) {
  std::array<int, kLetters> count{};
  for (const Term& term : inputs) {
    for (const int label : term) {
      if (label != kEllipsis) ++count[static_cast<std::size_t>(label)];
    }
  }
  Term output{kEllipsis};
  for (int label = 0; label < kLetters; ++label) {
    if (count[static_cast<std::size_t>(label)] == 1) output.push_back(label);
  }
  return output;
}

void CheckOutput(const NodeContext& context, const EinsumEquation& equation) {
  for (std::size_t d = 0; d < equation.output.size(); ++d) {
    const int label = equation.output[d];
    const auto has = [label](const std::vector<int>& labels) {
      return std::find(labels.begin(), labels.end(), label) != labels.end();
    };
    if (std::count(equation.output.begin(), equation.output.end(), label) > 1) {
      context.Invalid("the output has " + NameOf(label) + " twice in the equation");
    }
    if (std::none_of(equation.inputs.begin(), equation.inputs.end(), has)) {
      context.Invalid("the output has " + NameOf(label) + ", which no input has, in the equation");
    }
  }
}

}  // namespace

Shape EinsumEquation::OutputShape() const {
  Shape shape;
  for (const int label : output) shape.push_back(sizes[static_cast<std::size_t>(label)]);
  return shape;
}

EinsumEquation ReadEinsumEquation(const NodeContext& context) {
  const Terms terms = ReadTerms(context);
  EinsumEquation equation;
  equation.sizes.assign(kEinsumLabels, 1);
  std::size_t ellipsis_rank = 0;
  for (std::size_t i = 0; i < terms.inputs.size(); ++i) {
    const std::size_t rank = EllipsisRank(context, terms.inputs[i], i);
    ellipsis_rank = std::max(ellipsis_rank, rank);
    equation.inputs.push_back(Expand(terms.inputs[i], rank));
    AddSizesOf(context, i, equation);
  }
  const Term output = terms.explicit_output ? terms.output : ImplicitOutput(terms.inputs);
  if (ellipsis_rank > 0 && !HasEllipsis(output)) {
    context.Invalid("an input of the equation has '...', the output has none");
  }
  equation.output = Expand(output, ellipsis_rank);
  CheckOutput(context, equation);
  return equation;
}

}  // namespace kinglet
