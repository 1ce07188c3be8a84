"""Times the post-processing that kinglet split times, written as an ONNX graph around
NonMaxSuppression, in ONNX Runtime on one thread.

    python3 nms_in_graph.py 90 546

Codes of boxes and logits go in, the best hundred detections come out: Sigmoid, decoding,
NonMaxSuppression of each class, TopK. Scores are made up as characterize/split/scene.h says. `--save FOLDER` keeps the
graphs and their inputs, for kinglet run.
"""

import argparse
import pathlib
import statistics
import time

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

ANCHORS = 1917
OBJECTS, ANCHORS_NEAR = 20, 12
THRESHOLD, IOU, MOST = 0.3, 0.6, 100


def scene(columns):
    """Logits {1, anchors, columns}, background first, codes and anchors of the boxes."""
    rng = numpy.random.default_rng(7)
    logits = rng.normal(-8, 1.5, (ANCHORS, columns))
    logits[:, 0] = 5
    anchors = numpy.full((ANCHORS, 4), 0.2)
    anchors[:, :2] = rng.uniform(0.1, 0.9, (ANCHORS, 2))
    codes = rng.normal(0, 0.2, (ANCHORS, 4))
    for _ in range(OBJECTS):
        centre = rng.uniform(0.1, 0.9, 2)
        label = int(rng.integers(columns - 1)) + 1
        for anchor in rng.integers(ANCHORS, size=ANCHORS_NEAR):
            logits[anchor, 0] = 0
            logits[anchor, label] = rng.normal(-0.85, 1.5)
            for other in (1, 7):
                logits[anchor, 1 + (label + other) % (columns - 1)] = rng.normal(-2, 1)
            anchors[anchor, :2] = centre + rng.normal(0, 0.02, 2)
    return [x.astype(numpy.float32) for x in (logits[None], codes[None], anchors)]


def graph(anchors, columns):
    constants = {
        "scales": numpy.float32([10, 10, 5, 5]),
        "centres": anchors[:, :2],
        "sizes": anchors[:, 2:],
        "half": numpy.float32(0.5),
        "most": numpy.int64([MOST]),
        "iou": numpy.float32([IOU]),
        "threshold": numpy.float32([THRESHOLD]),
        "columns": numpy.int64([columns]),
        "class_column": numpy.int64(1),
        "box_column": numpy.int64(2),
        **{f"at_{k}": numpy.int64([k]) for k in (0, 1, 2, 4)},
    }
    nodes = [
        ("Div", "codes scales", "scaled"),
        ("Slice", "scaled at_0 at_2 at_2", "shift"),
        ("Slice", "scaled at_2 at_4 at_2", "stretch"),
        ("Mul", "shift sizes", "moved"),
        ("Add", "moved centres", "centre"),
        ("Exp", "stretch", "factor"),
        ("Mul", "factor sizes", "size"),
        ("Mul", "size half", "reach"),
        ("Sub", "centre reach", "low"),
        ("Add", "centre reach", "high"),
        ("Concat", "low high", "boxes", {"axis": 2}),
        ("Sigmoid", "logits", "all_scores"),
        ("Slice", "all_scores at_1 columns at_2", "scores"),
        ("Transpose", "scores", "by_class", {"perm": [0, 2, 1]}),
        ("NonMaxSuppression", "boxes by_class most iou threshold", "selected"),
        ("GatherND", "by_class selected", "selected_scores"),
        ("Shape", "selected_scores", "found"),
        ("Min", "found most", "count"),
        ("TopK", "selected_scores count", "best_scores best", {"axis": 0}),
        ("Gather", "selected best", "rows", {"axis": 0}),
        ("Gather", "rows class_column", "classes", {"axis": 1}),
        ("Gather", "rows box_column", "box_rows", {"axis": 1}),
        ("Squeeze", "boxes at_0", "plain_boxes"),
        ("Gather", "plain_boxes box_rows", "best_boxes", {"axis": 0}),
    ]
    made = [
        helper.make_node(op, inputs.split(), outputs.split(), **(rest[0] if rest else {}))
        for op, inputs, outputs, *rest in nodes
    ]
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        made,
        "postprocess",
        [
            value("logits", TensorProto.FLOAT, [1, ANCHORS, columns]),
            value("codes", TensorProto.FLOAT, [1, ANCHORS, 4]),
        ],
        [
            value("best_boxes", TensorProto.FLOAT, ["count", 4]),
            value("best_scores", TensorProto.FLOAT, ["count"]),
            value("classes", TensorProto.INT64, ["count"]),
        ],
        [numpy_helper.from_array(numpy.asarray(v), name) for name, v in constants.items()],
    )
    return helper.make_model(body, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)


def median_ms(session, inputs, repeat):
    times = []
    for _ in range(10 + repeat):
        begin = time.perf_counter()
        outputs = session.run(None, inputs)
        times.append(1e3 * (time.perf_counter() - begin))
    return statistics.median(times[10:]), len(outputs[1])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("classes", type=int, nargs="*", default=[90, 546])
    parser.add_argument("--repeat", type=int, default=100)
    parser.add_argument("--save", type=pathlib.Path)
    args = parser.parse_args()
    print("classes  postprocess ms  detections")
    for classes in args.classes:
        logits, codes, anchors = scene(classes + 1)
        inputs = {"logits": logits, "codes": codes}
        model = graph(anchors, classes + 1)
        if args.save:
            args.save.mkdir(parents=True, exist_ok=True)
            onnx.save(model, args.save / f"postprocess_{classes}.onnx")
            for name, array in inputs.items():
                numpy.save(args.save / f"{name}_{classes}.npy", array)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        ms, found = median_ms(session, inputs, args.repeat)
        print(f"{classes:7d}  {ms:14.3f}  {found:10d}")


if __name__ == "__main__":
    main()
