"""scripts/check-includes on copies of this tree into which wrong includes were put by hand."""
import pathlib
import re
import runpy
import subprocess
import sys
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "scripts" / "check-includes"
MODULES = runpy.run_path(str(SCRIPT))["RULES"]
INCLUDE = re.compile(r"^\s*#\s*include\b.*$", re.MULTILINE)


class CheckIncludesTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.includes = {}  # what each file of the tree includes
        for module in MODULES:
            for file in (ROOT / module).rglob("*"):
                if file.suffix in {".h", ".cc", ".inc"}:
                    text = file.read_text(encoding="utf-8")
                    cls.includes[file.relative_to(ROOT)] = "\n".join(INCLUDE.findall(text)) + "\n"

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        for path, includes in self.includes.items():
            self.put(path, includes)

    def put(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        with open(self.root / path, "a", encoding="utf-8") as file:
            file.write(text)

    def run_script(self):
        done = subprocess.run([sys.executable, str(SCRIPT), str(self.root)], capture_output=True,
                              text=True, check=False)
        self.assertEqual(done.stderr, "")
        return done.returncode, done.stdout.splitlines()

    def expect_failure(self, *parts):
        """The script fails, with a line that has all of `parts`."""
        status, lines = self.run_script()
        self.assertEqual(status, 1)
        self.assertTrue(any(all(part in line for part in parts) for line in lines),
                        f"no line with {parts} in {lines}")

    def test_this_tree_keeps_the_rules(self):
        self.assertGreater(len(self.includes), 300)
        self.assertEqual(self.run_script(), (0, ["include rules: all kept"]))

    def test_a_folder_may_not_include_one_behind_it(self):
        self.put("engine/op/op.cc", '#include "engine/plan/planner.h"\n')
        self.expect_failure("engine/op/op.cc:", "may not include engine/plan/planner.h",
                            "engine/op/ comes before engine/plan/")

    def test_folders_of_one_line_do_not_know_each_other(self):
        self.put("kernels/nms/nms.cc", '#include "kernels/roi/roi_align.h"\n')
        self.expect_failure("kernels/nms/nms.cc:", "kernels/roi/roi_align.h")

    def test_a_circle_between_two_folders(self):
        self.put("kernels/gemm/gather_gemm.cc", '#include "kernels/conv/gather_conv.h"\n')
        self.expect_failure("circle: ", "kernels/gemm/gather_gemm.cc:",
                            " includes kernels/conv/gather_conv.h", "includes kernels/gemm/")

    def test_a_circle_where_the_order_says_nothing(self):
        self.put("vision/include/kinglet/preprocess.h", '#include "kinglet/descriptor.h"\n')
        status, lines = self.run_script()
        self.assertEqual(status, 1)
        self.assertEqual(len(lines), 1)
        self.assertRegex(lines[0], "^circle: ")
        self.assertIn("vision/include/kinglet/preprocess.h", lines[0])
        self.assertIn("models/include/kinglet/descriptor.h", lines[0])

    def test_a_circle_of_three_folders(self):
        self.put("engine/graph/graph.cc", '#include "engine/ops/conv.h"\n')
        self.expect_failure("circle: ", "engine/graph/graph.cc:", "includes engine/ops/conv.h",
                            "includes engine/graph/")
        self.put("vision/draw/new.h", '#include "vision/encode/new.h"\n')
        self.put("vision/encode/new.h", '#include "vision/preprocess/new.h"\n')
        self.put("vision/preprocess/new.h", '#include "vision/draw/new.h"\n')
        self.expect_failure("circle: ", "vision/draw/new.h:1 ", "vision/encode/new.h:1 ",
                            "vision/preprocess/new.h:1 ")

    def test_a_new_folder_needs_a_place(self):
        self.put("engine/misc/misc.cc", '#include "engine/op/op.h"\n')
        self.expect_failure("engine/misc/misc.cc: ", "engine/misc/ has no place in the order")

    def test_no_way_around_by_a_relative_path(self):
        self.put("engine/op/op.cc", '#include "../plan/planner.h"\n')
        self.expect_failure("engine/op/op.cc:", "../plan/planner.h has to be included by its whole")

    def test_modules_and_third_party_headers(self):
        self.put("kernels/conv/conv.cc", '#include "engine/op/op.h"\n')
        self.put("engine/plan/plan.cc", "#include <nlohmann/json.hpp>\n")
        self.expect_failure("kernels/conv/conv.cc:", "kernels/ may not include engine/op/op.h")
        self.expect_failure("engine/plan/plan.cc:", "may not include nlohmann/json.hpp")


if __name__ == "__main__":
    unittest.main()
