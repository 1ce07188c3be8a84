#!/usr/bin/env python3
"""The C++ of README and docs: what is whole is compiled and run, what leaves things out ("...") is
compared with the file that it is from.

    snippets.py program OUT.cc PAGE...     one function for each whole block
    snippets.py excerpts ROOT PAGE...      status 1 where an excerpt is not in its file

A block stands between ```cpp and ```. A comment on the line before says what a reader need not see:
    <!-- before: CODE -->     goes before the block, which is a piece of a function
    <!-- from: FILE -->       the file that an excerpt is from
"""
import pathlib
import re
import sys

BLOCK = re.compile(r"(?:<!-- (before|from): (.*?) -->\n)?```cpp\n(.*?)^```", re.S | re.M)


def blocks(page):
    text = pathlib.Path(page).read_text()
    for match in BLOCK.finditer(text):
        line = text.count("\n", 0, match.start(3)) + 1
        yield f"{page}:{line}", match.group(1), match.group(2), match.group(3)


def is_excerpt(code):
    return "..." in code


def program(out, pages):
    includes, bodies, table = [], [], []
    for page in pages:
        for place, kind, note, code in blocks(page):
            if is_excerpt(code) or kind == "from":
                continue
            name = f"Block{len(table)}"
            lines = code.splitlines()
            includes += [line for line in lines if line.startswith("#include")]
            code = "\n".join(line for line in lines if not line.startswith("#include"))
            path, line = place.rsplit(":", 1)
            number = f'#line {line} "{path}"\n'
            if "int main(" in code:
                code = code.replace("int main(", "int Main(").rstrip()
                code = code.removesuffix("}") + "return 0;\n}"
                bodies.append(f"namespace {name}Program {{\n{number}{code}\n}}\n"
                              f"void {name}() {{ {name}Program::Main(); }}")
            else:
                before = note if kind == "before" else ""
                bodies.append(f"void {name}() {{\n{before}\n{number}{code}\n}}")
            table.append(f'    {{"{place}", &{name}}},')
    lines = sorted(set(includes)) + ['#include "tests/pages/blocks.h"', "", "namespace {", *bodies,
             "}  // namespace", "", "const std::vector<PageBlock>& PageBlocks() {",
             "  static const std::vector<PageBlock> blocks = {", *table, "  };", "  return blocks;",
             "}", ""]
    pathlib.Path(out).write_text("\n".join(lines))


def tokens(code):
    code = re.sub(r"//.*", "", code)
    return re.sub(r"\s+", "", code)


def excerpts(root, pages):
    wrong = 0
    for page in pages:
        for place, kind, note, code in blocks(page):
            if not is_excerpt(code) and kind != "from":
                continue
            if kind != "from":
                print(f"{place}: an excerpt without <!-- from: FILE -->")
                wrong += 1
                continue
            source = tokens((pathlib.Path(root) / note).read_text())
            at = 0
            for piece in re.sub(r"//.*", "", code).split("..."):
                piece = tokens(piece).strip(",")
                found = source.find(piece, at)
                if found < 0:
                    print(f"{place}: not in {note} (any more): {piece[:100]}")
                    wrong += 1
                    break
                at = found + len(piece)
    return 1 if wrong else 0


def main(arguments):
    if len(arguments) > 2 and arguments[0] == "program":
        return program(arguments[1], arguments[2:])
    if len(arguments) > 2 and arguments[0] == "excerpts":
        return excerpts(arguments[1], arguments[2:])
    print(__doc__)
    return 2


sys.exit(main(sys.argv[1:]))
