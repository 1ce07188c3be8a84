#!/usr/bin/env python3
"""Writes an SSD detector in the form that tf2onnx gives TensorFlow's Object Detection API.

    make_tf_detection.py -o ssd_tf.onnx [--classes 90] [--seed 1]

Needs numpy and onnx (pip). The network is small and its weights are random, but the graph has what
makes such files hard: `image_tensor` is uint8 {n, height, width, 3} of free size; a Loop over the
pictures resizes each to 300 x 300; convolutions sit between Transposes; a second Loop over the
pictures holds one NonMaxSuppression for each class, the merge of all classes by TopK and the
padding to 100 detections; the outputs are `detection_boxes` {n, 100, 4} (y1, x1, y2, x2 from 0 to
1), `detection_scores` {n, 100}, `detection_classes` {n, 100} (from 1) and `num_detections` {n}.
"""
import argparse
import os
import sys

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

SIZE = 300
MAPS = [(19, 3), (10, 6), (5, 6), (3, 6), (2, 6), (1, 6)]  # cells in a row, anchors in a cell
SCALES = np.array([10, 10, 5, 5], np.float32)  # of the box coder: y, x, height, width
MAX_DETECTIONS = 100


class Nodes:
    """Nodes and constants of one graph; names count up from a prefix."""

    def __init__(self, prefix):
        self.prefix, self.nodes, self.constants = prefix, [], []

    def name(self, kind):
        return f"{self.prefix}/{kind}_{len(self.nodes) + len(self.constants)}"

    def constant(self, value, dtype=None):
        name = self.name("const")
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def __call__(self, op, *inputs, outputs=1, **attributes):
        names = [f"{self.name(op)}:{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(op, list(inputs), names, name=names[0][:-2],
                                           **attributes))
        return names[0] if outputs == 1 else names

    def ints(self, *values):
        return self.constant(values, np.int64)

    def graph(self, name, inputs, outputs):
        return helper.make_graph(self.nodes, name, inputs, outputs, self.constants)


def info(name, dtype, shape):
    return helper.make_tensor_value_info(name, dtype, shape)


def rename_last(nodes, name):
    old, nodes.nodes[-1].output[0] = nodes.nodes[-1].output[0], name
    return old


def loop_over_pictures(outer, body, count, results):
    """A Loop without carried values whose scan outputs are `results` [(name, dtype, shape)]."""
    body.nodes.insert(0, helper.make_node("Identity", [f"{body.prefix}/cond"],
                                          [f"{body.prefix}/cond_out"]))
    graph = body.graph(f"{body.prefix}/body", [
        info(f"{body.prefix}/i", TensorProto.INT64, []),
        info(f"{body.prefix}/cond", TensorProto.BOOL, [])
    ], [info(f"{body.prefix}/cond_out", TensorProto.BOOL, [])] +
        [info(*result) for result in results])
    names = outer("Loop", count, "", outputs=len(results), body=graph)
    return [names] if isinstance(names, str) else names


def preprocess(g):
    """uint8 {n, h, w, 3} to float {n, 300, 300, 3} from -1 to 1, picture by picture."""
    image = g("Cast", "image_tensor", to=TensorProto.FLOAT)
    shape = g("Shape", image)
    count = g("Squeeze", g("Slice", shape, g.ints(0), g.ints(1)), g.ints(0))
    b = Nodes("Preprocessor/map/while")
    picture = b("Gather", image, f"{b.prefix}/i", axis=0)  # {h, w, 3}
    plain = b("Transpose", b("Unsqueeze", picture, b.ints(0)), perm=[0, 3, 1, 2])
    size = b("Slice", b("Shape", plain), b.ints(2), b.ints(4))
    target = b.constant([SIZE, SIZE], np.float32)
    scales = b("Concat", b.constant([1, 1], np.float32),
               b("Div", target, b("Cast", size, to=TensorProto.FLOAT)), axis=0)
    resized = b("Resize", plain, b.constant([], np.float32), scales, mode="linear",
                coordinate_transformation_mode="asymmetric")
    # Rounding of the scale may lose a row: as exporters do, the size is cut or kept by a Slice.
    b("Squeeze", b("Transpose", resized, perm=[0, 2, 3, 1]), b.ints(0))
    rename_last(b, f"{b.prefix}/resized")
    pictures, = loop_over_pictures(g, b, count, [
        (f"{b.prefix}/resized", TensorProto.FLOAT, [SIZE, SIZE, 3])])
    scaled = g("Mul", pictures, g.constant(2 / 255, np.float32))
    return g("Sub", scaled, g.constant(1, np.float32)), count


def convolution(g, rng, x, inputs, outputs, kernel=1, stride=1, groups=1, relu=True, gain=1.0):
    fan_in = inputs // groups * kernel * kernel
    w = rng.normal(0, gain * np.sqrt(2 / fan_in), (outputs, inputs // groups, kernel, kernel))
    y = g("Conv", x, g.constant(w, np.float32),
          g.constant(rng.normal(0, 0.1, outputs), np.float32), strides=[stride] * 2,
          kernel_shape=[kernel] * 2, group=groups, auto_pad="SAME_UPPER")
    if relu:
        y = g("Clip", y, g.constant(0, np.float32), g.constant(6, np.float32))
    return y


def network(g, rng, image, classes):
    """Depthwise separable layers down to 19 x 19 and on to 1 x 1, with two heads at each map."""
    x = g("Transpose", image, perm=[0, 3, 1, 2])
    x = convolution(g, rng, x, 3, 16, kernel=3, stride=2)
    channels = 16
    for width in (32, 64, 64):  # 150 -> 75 -> 38 -> 19
        x = convolution(g, rng, x, channels, channels, kernel=3, stride=2, groups=channels)
        x = convolution(g, rng, x, channels, width)
        channels = width
    boxes, scores = [], []
    for index, (_, anchors) in enumerate(MAPS):
        if index > 0:
            x = convolution(g, rng, x, channels, 64, kernel=3, stride=2)
            channels = 64
        for parts, last, gain in ((boxes, 4, 0.5), (scores, classes + 1, 1.0)):
            head = convolution(g, rng, x, channels, anchors * last, relu=False, gain=gain)
            head = g("Transpose", head, perm=[0, 2, 3, 1])
            batch = g("Slice", g("Shape", head), g.ints(0), g.ints(1))
            parts.append(g("Reshape", head, g("Concat", batch, g.ints(-1, last), axis=0)))
    return g("Concat", *boxes, axis=1), g("Concat", *scores, axis=1)


def anchors_of():
    """{1917, 4}: centre y, centre x, height, width of each anchor."""
    scales = np.linspace(0.2, 0.95, len(MAPS)).tolist() + [1.0]
    rows = []
    for index, (cells, count) in enumerate(MAPS):
        shapes = [(0.1, 1.0), (scales[0], 2.0), (scales[0], 0.5)] if count == 3 else [
            (scales[index], ratio) for ratio in (1.0, 2.0, 0.5, 3.0, 1 / 3)
        ] + [(np.sqrt(scales[index] * scales[index + 1]), 1.0)]
        for y in range(cells):
            for x in range(cells):
                rows += [((y + 0.5) / cells, (x + 0.5) / cells, s / np.sqrt(r), s * np.sqrt(r))
                         for s, r in shapes]
    return np.array(rows, np.float32)


def decode(g, encodings):
    """{n, 1917, 4} of the centre-size coder to corners y1, x1, y2, x2."""
    anchors = anchors_of()
    ty, tx, th, tw = g("Split", g("Div", encodings, g.constant(SCALES)), outputs=4, axis=2)
    column = [g.constant(anchors[None, :, i:i + 1]) for i in range(4)]
    cy = g("Add", g("Mul", ty, column[2]), column[0])
    cx = g("Add", g("Mul", tx, column[3]), column[1])
    half = g.constant(0.5, np.float32)
    h = g("Mul", g("Mul", g("Exp", th), column[2]), half)
    w = g("Mul", g("Mul", g("Exp", tw), column[3]), half)
    return g("Concat", g("Sub", cy, h), g("Sub", cx, w), g("Add", cy, h), g("Add", cx, w), axis=2)


def select(g, boxes, scores, count, classes, threshold, iou):
    """The Loop with a NonMaxSuppression for each class, the merge and the padding."""
    b = Nodes("Postprocessor/BatchMultiClassNonMaxSuppression/map/while")
    own_boxes = b("Gather", boxes, f"{b.prefix}/i", axis=0)      # {1917, 4}
    own_scores = b("Gather", scores, f"{b.prefix}/i", axis=0)    # {1917, classes}
    batched = b("Unsqueeze", own_boxes, b.ints(0))
    most = b.constant([MAX_DETECTIONS], np.int64)
    limits = b.constant([iou], np.float32), b.constant([threshold], np.float32)
    picked, values, labels = [], [], []
    for c in range(classes):
        column = b("Squeeze", b("Slice", own_scores, b.ints(c), b.ints(c + 1), b.ints(1)),
                   b.ints(1))
        found = b("NonMaxSuppression", batched, b("Unsqueeze", column, b.ints(0, 1)), most,
                  *limits)
        index = b("Squeeze", b("Slice", found, b.ints(2), b.ints(3), b.ints(1)), b.ints(1))
        picked.append(b("Gather", own_boxes, index, axis=0))
        values.append(b("Gather", column, index, axis=0))
        labels.append(b("Add", b("Mul", values[-1], b.constant(0, np.float32)),
                        b.constant(c, np.float32)))
    picked, values, labels = (b("Concat", *parts, axis=0) for parts in (picked, values, labels))
    total = b("Shape", values)
    kept = b("Min", total, most)
    best, order = b("TopK", values, kept, outputs=2, axis=0)
    missing = b("Sub", most, kept)
    zero = b.ints(0)
    for values, name, pads in (
            (b("Clip", b("Gather", picked, order, axis=0), b.constant(0, np.float32),
               b.constant(1, np.float32)), "boxes", (zero, zero, missing, zero)),
            (best, "scores", (zero, missing)),
            (b("Add", b("Gather", labels, order, axis=0), b.constant(1, np.float32)), "classes",
             (zero, missing))):
        b("Pad", values, b("Concat", *pads, axis=0), b.constant(0, np.float32))
        rename_last(b, f"{b.prefix}/{name}")
    b("Cast", b("Squeeze", kept, b.ints(0)), to=TensorProto.FLOAT)
    rename_last(b, f"{b.prefix}/count")
    return loop_over_pictures(g, b, count, [
        (f"{b.prefix}/boxes", TensorProto.FLOAT, [MAX_DETECTIONS, 4]),
        (f"{b.prefix}/scores", TensorProto.FLOAT, [MAX_DETECTIONS]),
        (f"{b.prefix}/classes", TensorProto.FLOAT, [MAX_DETECTIONS]),
        (f"{b.prefix}/count", TensorProto.FLOAT, [])])


def build(classes, seed, threshold, iou):
    rng = np.random.default_rng(seed)
    g = Nodes("FeatureExtractor")
    image, count = preprocess(g)
    encodings, logits = network(g, rng, image, classes)
    boxes = decode(g, encodings)
    scores = g("Slice", g("Sigmoid", logits), g.ints(1), g.ints(classes + 1), g.ints(2))
    results = select(g, boxes, scores, count, classes, threshold, iou)
    outputs = []
    for result, name, shape in zip(results, ("boxes", "scores", "classes"), (
            ["n", MAX_DETECTIONS, 4], ["n", MAX_DETECTIONS], ["n", MAX_DETECTIONS])):
        g.nodes.append(helper.make_node("Identity", [result], [f"detection_{name}"]))
        outputs.append(info(f"detection_{name}", TensorProto.FLOAT, shape))
    g.nodes.append(helper.make_node("Identity", [results[3]], ["num_detections"]))
    outputs.append(info("num_detections", TensorProto.FLOAT, ["n"]))
    image = info("image_tensor", TensorProto.UINT8, ["n", "height", "width", 3])
    model = helper.make_model(g.graph("tf2onnx", [image], outputs), ir_version=8,
                              opset_imports=[helper.make_opsetid("", 13)])
    onnx.checker.check_model(model)
    return model


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("-o", "--output", required=True, metavar="FILE.onnx")
    parser.add_argument("--classes", type=int, default=90)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--threshold", type=float, default=0.3, help="of scores")
    parser.add_argument("--iou", type=float, default=0.6)
    arguments = parser.parse_args()
    model = build(arguments.classes, arguments.seed, arguments.threshold, arguments.iou)
    temporary = arguments.output + ".part"
    onnx.save(model, temporary)
    os.replace(temporary, arguments.output)
    print(f"{arguments.output}: {len(model.graph.node)} nodes, opset 13")
    return 0


if __name__ == "__main__":
    sys.exit(main())
