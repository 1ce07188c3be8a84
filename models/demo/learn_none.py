"""Learns to tell pictures of none of the classes, and gives demo.onnx an output for it.

    python3 learn_none.py --cache /tmp/kinglet-demo

The network stays as it is: two small layers read the means of its feature maps, from the first, which
see edges and grain, to the last, which see things. They are learnt from drawn pictures and those of
outliers.py. The limit is the measure that all but SHARE of the validation pictures keep to.
"""

import argparse
import multiprocessing
import pathlib
import random

import numpy
import onnx
import onnxruntime
from onnx import helper, numpy_helper

import dataset
import draw
import outliers

HERE = pathlib.Path(__file__).resolve().parent
TAPS = [0, 4, 8, 12, 22, 26]  # numbers of the convolutions whose outputs are averaged
HIDDEN = 32
SHARE = 0.017
EPOCHS, BATCH, RATE, WEIGHT_DECAY, DROP = 15, 128, 2e-3, 0.02, 0.2
# Pictures of each kind of a list of outliers in each split, and the list.
OUTLIERS = {
    "none": (240, outliers.LIKE_PHOTOGRAPHS + outliers.LIKE_DRAWINGS),
    "none_heldout": (30, outliers.LIKE_PHOTOGRAPHS + outliers.LIKE_DRAWINGS),
    "none_unseen": (100, outliers.UNSEEN),
}


def _one(job):
    split, kind, index = job
    rng = random.Random(dataset.seed_of(split, kind, index))
    picture = outliers.draw_outlier(getattr(outliers, kind), rng)
    return (dataset.resize(numpy.asarray(picture)) + 0.5).astype(numpy.uint8)


def load_outliers(split, cache, processes=2):
    """(pictures N x SIZE x SIZE x 3 uint8, name of the kind of each), from the cache or drawn."""
    count, kinds = OUTLIERS[split]
    jobs = [(split, kind.__name__, i * len(kinds) + k) for i in range(count) for k, kind in enumerate(kinds)]
    names = numpy.array([job[1] for job in jobs])
    path = pathlib.Path(cache) / f"{split}_{dataset.SIZE}_{dataset.SEED}_{len(jobs)}.npy"
    if path.exists():
        return numpy.load(path), names
    with multiprocessing.Pool(processes) as pool:
        pictures = numpy.stack(list(pool.imap(_one, jobs, chunksize=20)))
    path.parent.mkdir(parents=True, exist_ok=True)
    numpy.save(path, pictures)
    return pictures, names


def tap_name(k):
    return f"/0/features/features.{k}/features.{k}.2/Clip_output_0"


def bare(model):
    """The model without the output that this script adds."""
    graph = model.graph
    nodes = [node for node in graph.node if not node.name.startswith("none/")]
    weights = [w for w in graph.initializer if not w.name.startswith("none/")]
    for field, kept in ((graph.node, nodes), (graph.initializer, weights), (graph.output, graph.output[:1])):
        kept = list(kept)
        del field[:]
        field.extend(kept)
    return model


def with_means(model):
    """Adds the nodes that average the feature maps; returns the model. Their output: none/means."""
    parts = []
    for k in TAPS:
        pooled, flat = f"none/{k}/mean", f"none/{k}/flat"
        model.graph.node.extend(
            [
                helper.make_node("GlobalAveragePool", [tap_name(k)], [pooled], name=pooled),
                helper.make_node("Flatten", [pooled], [flat], name=flat),
            ]
        )
        parts.append(flat)
    model.graph.node.append(helper.make_node("Concat", parts, ["none/means"], name="none/means", axis=1))
    return model


def attach(model, layers):
    """Adds the learnt layers [(weights, biases), (weights, biases)] and the output `none` N x 1."""
    graph = with_means(bare(model)).graph
    for k, (weights, biases) in enumerate(layers):
        graph.initializer.append(numpy_helper.from_array(weights.T.astype(numpy.float32).copy(), f"none/w{k}"))
        graph.initializer.append(numpy_helper.from_array(biases.astype(numpy.float32), f"none/b{k}"))
    gemm = dict(op_type="Gemm", transB=1)
    graph.node.extend(
        [
            helper.make_node(inputs=["none/means", "none/w0", "none/b0"], outputs=["none/sums"], name="none/sums", **gemm),
            helper.make_node("Relu", ["none/sums"], ["none/hidden"], name="none/relu"),
            helper.make_node(inputs=["none/hidden", "none/w1", "none/b1"], outputs=["none"], name="none/measure", **gemm),
        ]
    )
    batch = graph.output[0].type.tensor_type.shape.dim[0].dim_param
    graph.output.append(helper.make_tensor_value_info("none", onnx.TensorProto.FLOAT, [batch, 1]))
    onnx.checker.check_model(model)
    return model


def outputs_of(model, name, pictures):
    """An output of the model for pictures N x SIZE x SIZE x 3 in 0..255."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return dataset.run(session, pictures, name)


def means_of(model, pictures):
    probe = with_means(bare(onnx.ModelProto.FromString(model.SerializeToString())))
    probe.graph.output.append(helper.make_tensor_value_info("none/means", onnx.TensorProto.FLOAT, None))
    return outputs_of(probe, "none/means", pictures)


def learn(known, none, seed=dataset.SEED):
    """Two layers whose output is high on rows of `none` and low on those of `known`."""
    noise = numpy.random.default_rng(seed)
    mean, spread = known.mean(0), known.std(0) + 0.02
    x = numpy.concatenate([known, none])
    x = ((x - mean) / spread).clip(-8, 8)
    truth = numpy.repeat([0.0, 1.0], [len(known), len(none)]).astype(numpy.float32)
    weight = numpy.where(truth > 0, 0.5 / truth.mean(), 0.5 / (1 - truth.mean())).astype(numpy.float32)
    shapes = [(x.shape[1], HIDDEN), (HIDDEN,), (HIDDEN, 1), (1,)]
    values = [noise.normal(0, s[0] ** -0.5, s).astype(numpy.float32) if len(s) > 1 else numpy.zeros(s, numpy.float32) for s in shapes]
    first = [numpy.zeros_like(v) for v in values]
    second = [numpy.zeros_like(v) for v in values]
    step, steps = 0, EPOCHS * (len(x) // BATCH)
    for _ in range(EPOCHS):
        order = noise.permutation(len(x))
        for at in range(0, len(x) - BATCH + 1, BATCH):
            rows = order[at : at + BATCH]
            kept = (noise.random((BATCH, x.shape[1])) >= DROP).astype(numpy.float32) / (1 - DROP)
            a = x[rows] * kept
            sums = a @ values[0] + values[1]
            hidden = numpy.maximum(sums, 0)
            score = (hidden @ values[2] + values[3])[:, 0]
            slope = ((1 / (1 + numpy.exp(-score)) - truth[rows]) * weight[rows] / BATCH)[:, None]
            back = (slope @ values[2].T) * (sums > 0)
            slopes = [a.T @ back, back.sum(0), hidden.T @ slope, slope.sum(0)]
            step += 1
            rate = RATE * (1 - step / steps)
            for k, g in enumerate(slopes):
                first[k] += 0.1 * (g - first[k])
                second[k] += 0.001 * (g * g - second[k])
                change = first[k] / (1 - 0.9**step) / (numpy.sqrt(second[k] / (1 - 0.999**step)) + 1e-8)
                values[k] -= rate * (change + (WEIGHT_DECAY if values[k].ndim > 1 else 0) * values[k])
    weights = values[0] / spread[:, None]
    return [(weights, values[1] - mean @ weights), (values[2], values[3])]


def measure(layers, means):
    (w0, b0), (w1, b1) = layers
    return (numpy.maximum(means @ w0 + b0, 0) @ w1 + b1)[:, 0]


def limit_of(measures, share=SHARE):
    """The least of the measures that all but that share of them keep to."""
    return float(numpy.sort(measures)[len(measures) - 1 - int(share * len(measures))])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cache", default="/tmp/kinglet-demo")
    parser.add_argument("--model", default=str(HERE / "demo.onnx"))
    parser.add_argument("--output", default=str(HERE / "demo.onnx"))
    parser.add_argument("--quantised", default=str(HERE / "demo_int8.onnx"), help="gets them, too")
    args = parser.parse_args()
    model = onnx.load(args.model)
    known, _ = dataset.load("known", args.cache, 2)
    none, kinds = load_outliers("none", args.cache)
    none = none[numpy.isin(kinds, [kind.__name__ for kind in outliers.LIKE_PHOTOGRAPHS])]
    layers = learn(means_of(model, known), means_of(model, none))
    validation, _ = dataset.load("validation", args.cache, 2)
    limit = limit_of(measure(layers, means_of(model, validation)))
    unseen, kinds = load_outliers("none_unseen", args.cache)
    taken = measure(layers, means_of(model, unseen)) <= limit
    for kind in sorted(set(kinds)):
        print(f"{kind}, never seen: {100 * taken[kinds == kind].mean():.1f} % taken for a drawn thing")
    onnx.save(attach(model, layers), args.output)
    onnx.save(attach(onnx.load(args.quantised), layers), args.quantised)
    print(f"limit {limit:.2f}")


if __name__ == "__main__":
    main()
