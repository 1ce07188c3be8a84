"""Models of one operator, in shapes that vision networks have."""
import dataclasses

import numpy as np


@dataclasses.dataclass
class Free:
    """An input that is given when the model runs."""
    shape: list
    type: type = np.float32


@dataclasses.dataclass
class Case:
    label: str  # the operator, then what is special
    inputs: list  # Free, a constant, or None for one left out
    outputs: list = dataclasses.field(default_factory=lambda: [np.float32])  # their types
    attributes: dict = dataclasses.field(default_factory=dict)
    opset: int = 21
    domain: str = ""

    @property
    def operator(self):
        return self.label.split()[0]


def free(*shape, type=np.float32):
    return Free(list(shape), type)


def constant(*shape, seed=1):
    random = np.random.default_rng(seed)
    return random.uniform(-1, 1, shape).astype(np.float32)


def whole(low, high, *shape, seed=1, type=np.int64):
    """Constant integers in [low, high)."""
    return np.random.default_rng(seed).integers(low, high, shape).astype(type)


def ints(*values, type=np.int64):
    return np.array(values, type)


MAPS = (1, 64, 56, 56)  # of a residual network
TOKENS = (1, 197, 768)  # of a vision transformer


def unary_cases():
    plain = ("Abs Acos Asin Atan Ceil Cos Cosh Elu Erf Exp Floor HardSigmoid HardSwish LeakyRelu Neg "
             "Relu Round Selu Sigmoid Sign Sin Sinh Softplus Softsign Tan Tanh ThresholdedRelu Mish "
             "Celu Shrink Asinh Identity Reciprocal").split()
    cases = [Case(f"{name}", [free(*MAPS)]) for name in plain]
    cases += [Case(f"{name} 1000", [free(1, 1000)]) for name in ("Sigmoid", "Exp", "Relu")]
    for label, shape in (("maps", MAPS), ("tokens", (1, 197, 3072)), ("small", (1, 1000))):
        cases += [
            Case(f"Gelu {label}", [free(*shape)]),
            Case(f"Gelu tanh, {label}", [free(*shape)], attributes={"approximate": "tanh"}),
            Case(f"Gelu com.microsoft, {label}", [free(*shape)], domain="com.microsoft"),
        ]
    cases += [
        Case("BiasGelu tokens", [free(1, 197, 3072), constant(3072)], domain="com.microsoft"),
        Case("FastGelu tokens", [free(1, 197, 3072), constant(3072)], domain="com.microsoft"),
        Case("QuickGelu tokens", [free(1, 197, 3072)], domain="com.microsoft",
             attributes={"alpha": 1.702}),
        Case("Not", [free(*MAPS, type=np.bool_)], [np.bool_]),
        Case("IsNaN", [free(*MAPS)], [np.bool_]),
        Case("IsInf", [free(*MAPS)], [np.bool_]),
        Case("Clip", [free(*MAPS), np.float32(-0.5), np.float32(0.5)]),
        Case("Clip int64", [free(*MAPS, type=np.int64), np.int64(-3), np.int64(3)], [np.int64]),
        Case("BitwiseNot int32", [free(*MAPS, type=np.int32)], [np.int32]),
    ]
    return cases


def cast_cases():
    def cast(source, target, *shape):
        from onnx import helper
        to = helper.np_dtype_to_tensor_dtype(np.dtype(target))
        size = "" if shape == MAPS else f" {shape[-1]}"
        return Case(f"Cast {np.dtype(source)} to {np.dtype(target)}{size}",
                    [free(*shape, type=source)], [target], {"to": to})

    pairs = [(np.float32, np.float16), (np.float16, np.float32), (np.float32, np.uint8),
             (np.uint8, np.float32), (np.float32, np.int64), (np.int64, np.float32),
             (np.float32, np.int32), (np.int32, np.float32), (np.int64, np.int32),
             (np.int32, np.int64), (np.float32, np.bool_), (np.bool_, np.float32),
             (np.float32, np.float64), (np.float64, np.float32), (np.float32, np.int8),
             (np.bool_, np.int64)]
    cases = [cast(source, target, *MAPS) for source, target in pairs]
    return cases + [cast(np.float32, np.float16, 1, 3, 640, 640),
                    cast(np.float32, np.float16, 1, 1000),
                    cast(np.float16, np.float32, 1, 3, 640, 640)]


def binary_cases():
    cases = []
    for name in ("Add", "Sub", "Mul", "Div", "Pow", "Max", "Min"):
        cases.append(Case(f"{name} maps", [free(*MAPS), free(*MAPS)]))
        cases.append(Case(f"{name} by channel", [free(*MAPS), constant(1, 64, 1, 1)]))
        cases.append(Case(f"{name} tokens by a row", [free(*TOKENS), free(768)]))
    for name in ("Greater", "Less", "Equal", "GreaterOrEqual", "LessOrEqual"):
        cases.append(Case(f"{name} maps", [free(*MAPS), free(*MAPS)], [np.bool_]))
    cases += [Case(f"Greater by a number", [free(*MAPS), np.float32(0.1)], [np.bool_]),
              Case("Equal int64", [free(*MAPS, type=np.int64), np.int64(3)], [np.bool_])]
    for name in ("And", "Or", "Xor"):
        cases.append(Case(f"{name}", [free(*MAPS, type=np.bool_)] * 2, [np.bool_]))
    for type in (np.int32, np.int64, np.uint8):
        for name in ("Add", "Mul"):
            cases.append(Case(f"{name} {np.dtype(type)}", [free(*MAPS, type=type)] * 2, [type]))
        divisor = whole(1, 100, *MAPS, type=type)
        cases.append(Case(f"Div {np.dtype(type)}", [free(*MAPS, type=type), divisor], [type]))
        cases.append(Case(f"Mod {np.dtype(type)}", [free(*MAPS, type=type), divisor], [type]))
        cases.append(Case(f"Mod {np.dtype(type)} by a number",
                          [free(*MAPS, type=type), np.array(7, type)], [type]))
    for label, shape in (("maps", MAPS), ("small", (1, 1000)), ("picture", (1, 3, 640, 640))):
        cases.append(Case(f"Mod fmod, {label}", [free(*shape), np.float32(0.3)],
                          attributes={"fmod": 1}))
    cases += [
        Case("Mod fmod, arrays", [free(*MAPS), constant(*MAPS)], attributes={"fmod": 1}),
        Case("BitwiseAnd int32", [free(*MAPS, type=np.int32)] * 2, [np.int32]),
        Case("BitShift uint32", [free(*MAPS, type=np.uint32), np.uint32(3)], [np.uint32],
             {"direction": "LEFT"}),
        Case("PRelu", [free(*MAPS), constant(64, 1, 1)]),
        Case("Sum of three", [free(*MAPS)] * 3),
        Case("Mean of three", [free(*MAPS)] * 3),
        Case("Max of three", [free(*MAPS)] * 3),
        Case("Where", [free(*MAPS, type=np.bool_), free(*MAPS), free(*MAPS)]),
        Case("Where by a number", [free(*MAPS, type=np.bool_), free(*MAPS), np.float32(0)]),
        Case("Where mask of rows", [free(1, 1, 197, 197, type=np.bool_), free(1, 12, 197, 197),
                                    np.float32(-1e9)]),
    ]
    return cases


def attention_cases():
    cases = []
    for heads, size, tokens in ((4, 8, 49), (3, 32, 49), (12, 16, 196), (8, 32, 400), (6, 64, 197),
                                (12, 64, 197), (16, 64, 577), (4, 32, 64)):
        shape = (1, heads, tokens, size)
        cases.append(Case(f"Attention {heads} heads of {size}, {tokens} tokens",
                          [free(*shape)] * 3, opset=23))
    cases += [
        Case("Attention windows, 3 heads of 32", [free(64, 3, 49, 32)] * 3, opset=23),
        Case("Attention three axes, 12 heads of 64", [free(1, 197, 768)] * 3,
             attributes={"q_num_heads": 12, "kv_num_heads": 12}, opset=23),
        Case("Attention causal, 8 heads of 64", [free(1, 8, 128, 64)] * 3,
             attributes={"is_causal": 1}, opset=23),
        Case("Attention masked, 8 heads of 32", [free(1, 8, 100, 32)] * 3 + [free(100, 100)],
             opset=23),
        Case("MatMul scores of 12 heads", [free(1, 12, 197, 64), free(1, 12, 64, 197)]),
        Case("MatMul values of 12 heads", [free(1, 12, 197, 197), free(1, 12, 197, 64)]),
        Case("MatMul windows", [free(64, 3, 49, 32), free(64, 3, 32, 49)]),
        Case("MatMul weights", [free(*TOKENS), constant(768, 768)]),
        Case("MatMul vector", [free(1, 768), constant(768, 1000)]),
        Case("MatMul narrow heads", [free(1, 8, 400, 8), free(1, 8, 8, 400)]),
        Case("Gemm classifier", [free(1, 2048), constant(1000, 2048), constant(1000)],
             attributes={"transB": 1}),
        Case("Gemm batch of 32", [free(32, 512), constant(512, 512), constant(512)]),
    ]
    return cases


def conv_cases():
    def conv(label, x, w, kind="Conv", **attributes):
        return Case(f"{kind} {label}", [free(*x), constant(*w), constant(
            w[0] if kind == "Conv" else w[1] * attributes.get("group", 1))],
            attributes={"kernel_shape": list(w[2:]), **attributes})

    same = {"pads": [1, 1, 1, 1]}
    return [
        conv("3x3", (1, 64, 56, 56), (64, 64, 3, 3), **same),
        conv("1x1", (1, 64, 56, 56), (256, 64, 1, 1)),
        conv("4 groups of 24", (1, 96, 28, 28), (96, 24, 3, 3), group=4, **same),
        conv("4 groups of 24, large", (1, 96, 80, 80), (96, 24, 3, 3), group=4, **same),
        conv("4 groups of 24, small", (1, 96, 7, 7), (96, 24, 3, 3), group=4, **same),
        conv("32 groups of 4", (1, 128, 56, 56), (128, 4, 3, 3), group=32, **same),
        conv("32 groups of 8", (1, 256, 28, 28), (256, 8, 3, 3), group=32, **same),
        conv("8 groups of 20", (1, 160, 28, 28), (160, 20, 3, 3), group=8, **same),
        conv("3 groups of 1x1", (1, 240, 28, 28), (240, 80, 1, 1), group=3),
        conv("depthwise 3x3", (1, 96, 56, 56), (96, 1, 3, 3), group=96, **same),
        conv("depthwise 7x7", (1, 96, 56, 56), (96, 1, 7, 7), group=96, pads=[3, 3, 3, 3]),
        conv("4x4 stride 4", (1, 3, 224, 224), (96, 3, 4, 4), strides=[4, 4]),
        conv("4x4 stride 4, large", (1, 3, 512, 512), (96, 3, 4, 4), strides=[4, 4]),
        conv("4x4 stride 4, small", (1, 3, 64, 64), (32, 3, 4, 4), strides=[4, 4]),
        conv("16x16 stride 16", (1, 3, 224, 224), (768, 3, 16, 16), strides=[16, 16]),
        conv("2x2 stride 2", (1, 96, 56, 56), (192, 96, 2, 2), strides=[2, 2]),
        conv("first 7x7", (1, 3, 224, 224), (64, 3, 7, 7), strides=[2, 2], pads=[3, 3, 3, 3]),
        conv("1-D", (1, 64, 400), (64, 64, 3), pads=[1, 1]),
        conv("3-D", (1, 16, 8, 28, 28), (32, 16, 3, 3, 3), pads=[1] * 6),
        conv("dilated", (1, 256, 33, 33), (256, 256, 3, 3), pads=[12] * 4, dilations=[12, 12]),
        conv("2x2 stride 2", (1, 128, 28, 28), (128, 64, 2, 2), "ConvTranspose", strides=[2, 2]),
        conv("4x4 stride 2", (1, 128, 28, 28), (128, 64, 4, 4), "ConvTranspose", strides=[2, 2],
             pads=[1] * 4),
        conv("3x3 stride 2", (1, 64, 28, 28), (64, 32, 3, 3), "ConvTranspose", strides=[2, 2],
             pads=[1] * 4, output_padding=[1, 1]),
        conv("64x64 stride 32", (1, 21, 16, 16), (21, 21, 64, 64), "ConvTranspose",
             strides=[32, 32]),
        conv("64x64 stride 32, small", (1, 21, 7, 7), (21, 21, 64, 64), "ConvTranspose",
             strides=[32, 32]),
        conv("16x16 stride 8", (1, 21, 64, 64), (21, 21, 16, 16), "ConvTranspose",
             strides=[8, 8], pads=[4] * 4),
        conv("depthwise 4x4 stride 2", (1, 64, 28, 28), (64, 1, 4, 4), "ConvTranspose",
             strides=[2, 2], pads=[1] * 4, group=64),
    ]


def pool_cases():
    def pool(name, label, shape, kernel, outputs=1, **attributes):
        types = [np.float32, np.int64][:outputs]
        return Case(f"{name} {label}", [free(*shape)], types,
                    {"kernel_shape": kernel, **attributes})

    cases = []
    for label, shape in (("", (1, 64, 112, 112)), (", small", (1, 512, 7, 7)),
                         (", large", (1, 64, 256, 256))):
        cases.append(pool("MaxPool", f"2x2 with indices{label}", shape, [2, 2], 2, strides=[2, 2]))
        cases.append(pool("MaxPool", f"3x3{label}", shape, [3, 3], strides=[2, 2], pads=[1] * 4))
        cases.append(pool("AveragePool", f"2x2{label}", shape, [2, 2], strides=[2, 2]))
    cases += [
        pool("MaxPool", "3x3 with indices", (1, 64, 112, 112), [3, 3], 2, strides=[2, 2],
             pads=[1] * 4),
        pool("MaxPool", "5x5 stride 1", (1, 256, 20, 20), [5, 5], pads=[2] * 4),
        pool("MaxPool", "3-D", (1, 16, 16, 28, 28), [2, 2, 2], strides=[2, 2, 2]),
        pool("MaxPool", "1-D", (1, 64, 400), [2], strides=[2]),
        pool("LpPool", "2x2", (1, 64, 56, 56), [2, 2], strides=[2, 2]),
        Case("GlobalAveragePool", [free(1, 512, 7, 7)]),
        Case("GlobalAveragePool large", [free(1, 64, 112, 112)]),
        Case("GlobalMaxPool", [free(1, 512, 7, 7)]),
        Case("GlobalLpPool", [free(1, 512, 7, 7)]),
        Case("MaxUnpool", [free(1, 64, 56, 56), np.arange(64 * 56 * 56).reshape(1, 64, 56, 56) * 4],
             attributes={"kernel_shape": [2, 2], "strides": [2, 2]}),
        Case("LRN", [free(1, 64, 56, 56)], attributes={"size": 5}),
    ]
    return cases


def einsum_cases():
    def einsum(equation, *inputs):
        return Case(f"Einsum {equation.replace(' ', '')} {'x'.join(map(str, inputs[0].shape))}",
                    list(inputs), attributes={"equation": equation})

    return [
        einsum("i,ij->j", free(768), free(768, 1000)),
        einsum("i,ij->j", free(64), free(64, 64)),
        einsum("i,ij->j", free(2048), free(2048, 2048)),
        einsum("ij,j->i", free(1000, 768), free(768)),
        einsum("ij,jk->ik", free(197, 64), free(64, 197)),
        einsum("bhid,bhjd->bhij", free(1, 12, 197, 64), free(1, 12, 197, 64)),
        einsum("bhij,bhjd->bhid", free(1, 12, 197, 197), free(1, 12, 197, 64)),
        einsum("bchw,bnc->bnhw", free(1, 64, 56, 56), free(1, 21, 64)),
        einsum("nctv,vw->nctw", free(1, 64, 50, 25), free(25, 25)),
        einsum("bhwc,hkc->bhwk", free(8, 14, 14, 64), free(14, 14, 64)),
        einsum("ij->ji", free(512, 512)),
        einsum("ii->i", free(512, 512)),
        einsum("bij->bi", free(8, 64, 512)),
        einsum("i,j->ij", free(512), free(512)),
        einsum("bi,bi->b", free(64, 512), free(64, 512)),
    ]


def shape_cases():
    def pad(label, shape, pads, mode="constant"):
        return Case(f"Pad {mode}, {label}", [free(*shape), ints(*pads)], attributes={"mode": mode})

    image = [0, 0, 1, 1, 0, 0, 1, 1]
    cases = []
    for mode in ("constant", "edge", "reflect", "wrap"):
        cases += [pad("maps", MAPS, image, mode),
                  pad("picture", (1, 3, 640, 640), [0, 0, 3, 3, 0, 0, 3, 3], mode),
                  pad("small", (1, 16, 14, 14), image, mode)]
    cases += [
        pad("bottom and right", (1, 64, 57, 57), [0, 0, 0, 0, 0, 0, 1, 1]),
        Case("Transpose to channels last", [free(*MAPS)], attributes={"perm": [0, 2, 3, 1]}),
        Case("Transpose to channels first", [free(1, 56, 56, 64)],
             attributes={"perm": [0, 3, 1, 2]}),
        Case("Transpose heads", [free(1, 197, 12, 64)], attributes={"perm": [0, 2, 1, 3]}),
        Case("Transpose keys", [free(1, 12, 197, 64)], attributes={"perm": [0, 1, 3, 2]}),
        Case("Transpose picture", [free(1, 640, 640, 3)], attributes={"perm": [0, 3, 1, 2]}),
        Case("Transpose windows", [free(1, 8, 7, 8, 7, 96)],
             attributes={"perm": [0, 1, 3, 2, 4, 5]}),
        Case("Concat channels", [free(*MAPS), free(*MAPS)], attributes={"axis": 1}),
        Case("Concat last axis", [free(1, 64, 56, 28), free(1, 64, 56, 28)],
             attributes={"axis": 3}),
        Case("Concat tokens", [free(1, 1, 768), free(1, 196, 768)], attributes={"axis": 1}),
        Case("Split channels", [free(*MAPS)], [np.float32] * 2, {"axis": 1, "num_outputs": 2}),
        Case("Split last axis", [free(1, 197, 2304)], [np.float32] * 3,
             {"axis": 2, "num_outputs": 3}),
        Case("Slice rows and columns", [free(*MAPS), ints(4, 4), ints(52, 52), ints(2, 3)]),
        Case("Slice every second", [free(1, 3, 640, 640), ints(0, 0), ints(640, 640), ints(2, 3),
                                    ints(2, 2)]),
        Case("Slice last axis", [free(1, 8400, 85), ints(0), ints(4), ints(2)]),
        Case("Slice backwards", [free(1, 3, 640, 640), ints(-1), ints(-10000), ints(3),
                                 ints(-1)]),
        Case("Expand", [free(1, 64, 1, 1), ints(1, 64, 56, 56)]),
        Case("Expand rows", [free(1, 1, 768), ints(1, 197, 768)]),
        Case("Tile", [free(1, 64, 28, 28), ints(1, 1, 2, 2)]),
        Case("Gather rows", [free(1000, 768), whole(0, 1000, 197)]),
        Case("Gather columns", [free(1, 64, 3136), whole(0, 3136, 1000)], attributes={"axis": 2}),
        Case("Gather window bias", [free(169, 3), whole(0, 169, 49 * 49)]),
        Case("GatherElements columns", [free(1, 8400, 80), whole(0, 8400, 1, 300, 80)],
             attributes={"axis": 1}),
        Case("GatherElements last axis", [free(64, 8400), whole(0, 8400, 64, 300)],
             attributes={"axis": 1}),
        Case("GatherElements large", [free(1, 64, 56, 56), whole(0, 56, *MAPS)],
             attributes={"axis": 3}),
        Case("GatherND", [free(1, 56, 56, 64), whole(0, 1, 300, 3)]),
        Case("DepthToSpace", [free(1, 64, 56, 56)], attributes={"blocksize": 2}),
        Case("DepthToSpace CRD", [free(1, 64, 56, 56)],
             attributes={"blocksize": 2, "mode": "CRD"}),
        Case("SpaceToDepth", [free(1, 16, 112, 112)], attributes={"blocksize": 2}),
        Case("CenterCropPad", [free(*MAPS), ints(48, 64)], attributes={"axes": [2, 3]}),
        Case("Trilu", [free(1, 12, 197, 197)], attributes={"upper": 0}),
        Case("EyeLike", [free(512, 512)]),
        Case("OneHot", [whole(0, 21, 1, 128, 128), ints(21), np.array([0, 1], np.float32)],
             attributes={"axis": 1}),
        Case("OneHot of a free map", [free(1, 128, 128, type=np.int64), ints(21),
                                      np.array([0, 1], np.float32)], attributes={"axis": 1}),
        Case("ReverseSequence", [free(50, 8, 256), whole(1, 51, 8)]),
        Case("NonZero", [free(64, 512)], [np.int64]),
        Case("Compress", [free(1000, 256), whole(0, 2, 1000).astype(np.bool_)],
             attributes={"axis": 0}),
        Case("CumSum last axis", [free(64, 3136), ints(1)[0]]),
        Case("CumSum rows", [free(1, 56, 56, 64), ints(1)[0]]),
    ]
    for label, shape in (("", (1, 27, 784)), (", large", (1, 576, 3136)), (", small", (1, 9, 196))):
        side = {784: 28, 3136: 56, 196: 14}[shape[2]]
        cases.append(Case(f"Col2Im 3x3{label}", [free(*shape), ints(side, side), ints(3, 3)],
                          attributes={"pads": [1, 1, 1, 1]}))
    cases += [Case("Col2Im 2x2 stride 2", [free(1, 256, 784), ints(56, 56), ints(2, 2)],
                   attributes={"strides": [2, 2]}),
              Case("Col2Im 4x4 stride 2", [free(1, 512, 784), ints(56, 56), ints(4, 4)],
                   attributes={"strides": [2, 2], "pads": [1] * 4})]
    return cases


def scatter_cases():
    cases = []
    for label, data, indices, axis in (("rows", (1, 8400, 80), (1, 300, 80), 1),
                                       ("last axis", (64, 8400), (64, 300), 1),
                                       ("every element", MAPS, MAPS, 3),
                                       ("small", (1, 1000), (1, 100), 1)):
        index = np.argsort(constant(*data), axis=axis).take(range(indices[axis]), axis)
        for reduction in ("none", "add", "max"):
            cases.append(Case(f"ScatterElements {reduction}, {label}",
                              [free(*data), index, free(*indices)],
                              attributes={"axis": axis, "reduction": reduction}))
    rows = np.random.default_rng(1).permutation(3136)[:1000].reshape(1000, 1)
    for reduction in ("none", "add"):
        cases.append(Case(f"ScatterND {reduction}, rows", [free(3136, 64), rows, free(1000, 64)],
                          attributes={"reduction": reduction}))
    pixels = np.random.default_rng(1).permutation(3136)[:2000]
    index = np.stack([np.zeros(2000, np.int64), pixels // 56, pixels % 56], 1)
    cases.append(Case("ScatterND pixels", [free(1, 56, 56), index, free(2000)]))
    return cases


def reduce_cases():
    cases = []
    for name in ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceL2", "ReduceL1",
                 "ReduceProd", "ReduceSumSquare", "ReduceLogSumExp"):
        cases.append(Case(f"{name} pixels", [free(*MAPS), ints(2, 3)]))
        cases.append(Case(f"{name} last axis", [free(*TOKENS), ints(2)]))
    cases += [Case("ReduceMean channels", [free(*MAPS), ints(1)]),
              Case("ReduceMax channels", [free(*MAPS), ints(1)]),
              Case("ReduceSum all", [free(*MAPS), ints(0, 1, 2, 3)]),
              Case("ReduceMean tokens", [free(*TOKENS), ints(1)])]
    for name in ("ArgMax", "ArgMin"):
        cases += [Case(f"{name} channels", [free(1, 21, 128, 128)], [np.int64], {"axis": 1}),
                  Case(f"{name} last axis", [free(1, 8400, 80)], [np.int64], {"axis": 2})]
    for name in ("Softmax", "LogSoftmax", "Hardmax"):
        cases += [Case(f"{name} scores", [free(1, 12, 197, 197)], attributes={"axis": -1}),
                  Case(f"{name} channels", [free(1, 21, 128, 128)], attributes={"axis": 1}),
                  Case(f"{name} rows of 21", [free(8400, 21)], attributes={"axis": -1}),
                  Case(f"{name} classes", [free(1, 1000)], attributes={"axis": -1})]
    for rows, size, k in ((1, 1000, 5), (8400, 80, 1), (8400, 80, 5), (1000, 16, 4), (1, 8400, 300),
                          (64, 1000, 10), (3136, 9, 2), (1, 200000, 1000)):
        cases.append(Case(f"TopK {k} of {rows}x{size}", [free(rows, size), ints(k)],
                          [np.float32, np.int64]))
    cases += [Case("TopK smallest 5 of 8400x80", [free(8400, 80), ints(5)], [np.float32, np.int64],
                   {"largest": 0}),
              Case("TopK over channels", [free(1, 21, 56, 56), ints(3)], [np.float32, np.int64],
                   {"axis": 1}),
              Case("TopK int64 of 1000x16", [free(1000, 16, type=np.int64), ints(4)],
                   [np.int64, np.int64]),
              Case("Unique", [free(10000)], [np.float32])]
    return cases


def normalize_cases():
    scale, shift = constant(64), constant(64)
    return [
        Case("BatchNormalization maps", [free(*MAPS), scale, shift, constant(64), np.abs(scale)]),
        Case("BatchNormalization rows", [free(64, 512), constant(512), constant(512), constant(512),
                                         np.abs(constant(512))]),
        Case("InstanceNormalization", [free(*MAPS), scale, shift]),
        Case("InstanceNormalization large", [free(1, 32, 256, 256), constant(32), constant(32)]),
        Case("GroupNormalization", [free(*MAPS), scale, shift], attributes={"num_groups": 8}),
        Case("LayerNormalization tokens", [free(*TOKENS), constant(768), constant(768)]),
        Case("LayerNormalization short", [free(1, 3136, 96), constant(96), constant(96)]),
        Case("RMSNormalization tokens", [free(*TOKENS), constant(768)], opset=23),
        Case("MeanVarianceNormalization", [free(*MAPS)]),
        Case("LpNormalization", [free(*TOKENS)]),
        Case("SkipLayerNormalization", [free(*TOKENS), free(*TOKENS), constant(768),
                                        constant(768)], domain="com.microsoft"),
        Case("RotaryEmbedding", [free(1, 8, 128, 64), free(1, 128, 32), free(1, 128, 32)],
             opset=23),
        Case("Dropout", [free(*MAPS)]),
    ]


def sample_cases():
    def resize(label, mode, shape, scales, **attributes):
        return Case(f"Resize {mode}, {label}",
                    [free(*shape), None, np.array([1, 1, *scales], np.float32)],
                    attributes={"mode": mode, **attributes})

    half = {"coordinate_transformation_mode": "half_pixel"}
    floor = {"coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    cases = [
        resize("twice", "nearest", (1, 64, 28, 28), (2, 2), **floor),
        resize("twice", "linear", (1, 64, 28, 28), (2, 2), **half),
        resize("twice, aligned corners", "linear", (1, 64, 28, 28), (2, 2),
               coordinate_transformation_mode="align_corners"),
        resize("eight times", "linear", (1, 21, 64, 64), (8, 8), **half),
        resize("half", "linear", (1, 3, 640, 640), (0.5, 0.5), **half),
        resize("twice", "cubic", (1, 64, 28, 28), (2, 2), **half),
        resize("to 0.35", "linear", (1, 3, 640, 640), (0.35, 0.35), antialias=1, **half),
        Case("AffineGrid", [free(1, 2, 3), ints(1, 3, 224, 224)], opset=20),
        Case("AffineGrid small", [free(8, 2, 3), ints(8, 16, 14, 14)], opset=20),
        Case("AffineGrid large", [free(1, 2, 3), ints(1, 3, 640, 640)], opset=20),
        Case("AffineGrid volume", [free(1, 3, 4), ints(1, 3, 32, 64, 64)], opset=20),
        Case("RoiAlign", [free(1, 256, 50, 50),
                          (np.abs(constant(100, 4)) * 10 + np.array([0, 0, 200, 300]))
                          .astype(np.float32), whole(0, 1, 100)],
             attributes={"output_height": 7, "output_width": 7, "spatial_scale": 0.0625,
                         "sampling_ratio": 2}),
        Case("DeformConv", [free(1, 64, 28, 28), constant(64, 64, 3, 3), free(1, 18, 28, 28)],
             attributes={"kernel_shape": [3, 3], "pads": [1] * 4}, opset=22),
        Case("DFT", [free(1, 64, 256, 1), None, ints(-2)[0]], opset=20),
    ]
    for mode in ("linear", "nearest", "cubic"):
        cases.append(Case(f"GridSample {mode}", [free(1, 64, 56, 56), free(1, 56, 56, 2)],
                          attributes={"mode": mode}, opset=20))
    return cases


def other_cases():
    boxes = np.abs(constant(1, 1000, 4)) * 100
    boxes[..., 2:] += boxes[..., :2]
    scale, zero = np.float32(0.02), np.uint8(128)
    cases = [
        Case("NonMaxSuppression", [boxes, free(1, 1, 1000), ints(100)[0], np.float32(0.5),
                                   np.float32(0.1)], [np.int64]),
        Case("QuantizeLinear", [free(*MAPS), scale, zero], [np.uint8]),
        Case("DequantizeLinear", [free(*MAPS, type=np.uint8), scale, zero]),
        Case("DynamicQuantizeLinear", [free(*MAPS)], [np.uint8, np.float32, np.uint8]),
        Case("MatMulInteger", [free(197, 768, type=np.uint8), whole(0, 255, 768, 768,
                                                                    type=np.uint8)], [np.int32]),
        Case("RandomUniformLike", [free(*MAPS)]),
        Case("RandomNormalLike", [free(*MAPS)]),
        Case("LSTM", [free(50, 1, 128), constant(1, 1024, 128), constant(1, 1024, 256),
                      constant(1, 2048)], attributes={"hidden_size": 256}),
        Case("LSTM both ways, small", [free(25, 1, 64), constant(2, 256, 64), constant(2, 256, 64),
                                       constant(2, 512)],
             attributes={"hidden_size": 64, "direction": "bidirectional"}),
        Case("GRU", [free(50, 1, 128), constant(1, 768, 128), constant(1, 768, 256),
                     constant(1, 1536)],
             attributes={"hidden_size": 256, "linear_before_reset": 1}),
        Case("Det", [free(1000, 3, 3)]),
        Case("Range", [np.float32(0), free(type=np.float32), np.float32(0.0001)]),
    ]
    return [case for case in cases if case.operator != "Range"]


def all_cases():
    return [case for make in (attention_cases, conv_cases, pool_cases, einsum_cases, unary_cases,
                              cast_cases, binary_cases, shape_cases, scatter_cases, reduce_cases,
                              normalize_cases, sample_cases, other_cases) for case in make()]
