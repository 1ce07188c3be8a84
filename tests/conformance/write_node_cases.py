#!/usr/bin/env python3
"""Writes the node test cases of the installed onnx package into a folder.

    python3 tests/conformance/write_node_cases.py build/node-cases
    KINGLET_ONNX_NODE_DATA=build/node-cases build/tests/conformance_tests

Packages from 1.20 on hold the functions that make the cases, not the cases themselves.
"""

import pathlib
import sys

from onnx import ModelProto, numpy_helper
from onnx.backend.test.case.node import collect_testcases


def write_value(path, value, declared):
    if declared.HasField("sequence_type"):
        proto = numpy_helper.from_list(value, "")
    elif declared.HasField("optional_type"):
        proto = numpy_helper.from_optional(value, "")
    elif hasattr(value, "SerializeToString"):
        proto = value
    else:
        proto = numpy_helper.from_array(value, "")
    path.write_bytes(proto.SerializeToString())


def write_case(case, folder):
    folder.mkdir(parents=True, exist_ok=True)
    model: ModelProto = case.model
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    for i, (inputs, outputs) in enumerate(case.data_sets):
        data = folder / f"test_data_set_{i}"
        data.mkdir(exist_ok=True)
        for k, value in enumerate(inputs):
            write_value(data / f"input_{k}.pb", value, model.graph.input[k].type)
        for k, value in enumerate(outputs):
            write_value(data / f"output_{k}.pb", value, model.graph.output[k].type)


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    root = pathlib.Path(sys.argv[1])
    cases = collect_testcases(None)
    written = 0
    for case in cases:
        try:
            write_case(case, root / case.name)
            written += 1
        except (TypeError, ValueError, NotImplementedError) as error:
            print(f"{case.name}: {error}", file=sys.stderr)
    print(f"{written} of {len(cases)} cases in {root}")


if __name__ == "__main__":
    main()
