"""Backgrounds: what lies behind the things in a picture."""

import math

import numpy
from PIL import Image, ImageDraw, ImageFilter, ImageOps

from pen import darker, hsv, lighter, mix


def _soft_colour(rng):
    return hsv(rng.random(), rng.uniform(0.05, 0.75), rng.uniform(0.3, 1.0))


def _pair(rng):
    """Two colours that go together: one and a tone of it, or two at random."""
    first = _soft_colour(rng)
    if rng.random() < 0.6:
        second = lighter(first, rng.uniform(0.1, 0.5))
        if rng.random() < 0.5:
            second = darker(first, rng.uniform(0.08, 0.35))
        return first, second
    return first, _soft_colour(rng)


def _ramp(size, a, b, angle=0):
    ramp = Image.linear_gradient("L").rotate(angle, Image.BILINEAR, fillcolor=128)
    if angle % 180:
        ramp = ramp.crop((38, 38, 218, 218))
    return ImageOps.colorize(ramp.resize((64, 64)), a, b).resize(size, Image.BILINEAR)


def plain(size, rng):
    return Image.new("RGB", size, _soft_colour(rng))


def gradient(size, rng):
    a, b = _pair(rng)
    return _ramp(size, a, b, rng.uniform(0, 360))


def glow(size, rng):
    a, b = _pair(rng)
    ramp = Image.radial_gradient("L").resize((64, 64))
    return ImageOps.colorize(ramp, a, b).resize(size, Image.BILINEAR)


def _clouds(draw, size, rng, colour):
    w, h = size
    for _ in range(rng.randint(0, 4)):
        x, y, r = rng.uniform(0, w), rng.uniform(0, h * 0.4), rng.uniform(0.03, 0.07) * w
        for k in range(4):
            cx, q = x + (k - 1.5) * r * 0.9, r * (1.0 if k in (1, 2) else 0.7)
            draw.ellipse([cx - q, y - q * 0.7, cx + q, y + q * 0.7], fill=colour)


def meadow(size, rng):
    w, h = size
    sky = hsv(rng.uniform(0.5, 0.62), rng.uniform(0.2, 0.6), rng.uniform(0.8, 1.0))
    picture = _ramp(size, sky, lighter(sky, 0.6))
    draw = ImageDraw.Draw(picture)
    _clouds(draw, size, rng, lighter(sky, 0.85))
    grass = hsv(rng.uniform(0.2, 0.38), rng.uniform(0.4, 0.8), rng.uniform(0.4, 0.85))
    if rng.random() < 0.25:
        grass = hsv(rng.uniform(0.55, 0.62), 0.08, rng.uniform(0.88, 1.0))
    horizon = rng.uniform(0.5, 0.85) * h
    for i in range(rng.randint(1, 3)):
        lift, phase = h * rng.uniform(0.02, 0.1), rng.uniform(0, 6.28)
        wave = w * rng.uniform(0.4, 1.2)
        y = horizon + i * h * 0.1
        ridge = [(x, y + lift * math.sin(phase + x / wave * 6.28)) for x in range(0, w + 12, 12)]
        draw.polygon(ridge + [(w, h), (0, h)], fill=darker(grass, 0.12 * i))
    return picture


def sea(size, rng):
    w, h = size
    sky = hsv(rng.choice([0.55, 0.58, 0.06, 0.95]), rng.uniform(0.15, 0.5), rng.uniform(0.85, 1.0))
    picture = _ramp(size, sky, lighter(sky, 0.5))
    draw = ImageDraw.Draw(picture)
    _clouds(draw, size, rng, lighter(sky, 0.8))
    water = hsv(rng.uniform(0.5, 0.64), rng.uniform(0.4, 0.85), rng.uniform(0.45, 0.85))
    y = rng.uniform(0.45, 0.75) * h
    draw.rectangle([0, y, w, h], fill=water)
    step = h * rng.uniform(0.06, 0.12)
    while y < h:
        offset = rng.uniform(0, 40)
        for x in range(-40, w, rng.randint(50, 110)):
            box = [x + offset, y + step * 0.4, x + offset + 36, y + step * 0.4 + 8]
            draw.arc(box, 20, 160, fill=lighter(water, 0.35), width=2)
        y += step
    return picture


def room(size, rng):
    w, h = size
    picture = rng.choice([plain, gradient, stripes, dots])(size, rng)
    picture = Image.blend(picture, Image.new("RGB", size, _soft_colour(rng)), 0.6)
    wood = hsv(rng.uniform(0.04, 0.1), rng.uniform(0.3, 0.7), rng.uniform(0.35, 0.8))
    y = int(rng.uniform(0.6, 0.85) * h)
    picture.paste(_ramp((w, h - y), lighter(wood, 0.2), darker(wood, 0.2)), (0, y))
    draw = ImageDraw.Draw(picture)
    for _ in range(rng.randint(0, 5)):
        line_y = rng.uniform(y, h)
        draw.line([(0, line_y), (w, line_y)], fill=darker(wood, 0.25), width=2)
    return picture


def _turned(size, rng, paint):
    """A pattern painted on a larger square, turned and cropped."""
    side = int(math.hypot(*size)) + 4
    tile = Image.new("RGB", (side, side))
    paint(ImageDraw.Draw(tile), side)
    tile = tile.rotate(rng.choice([0, 45, rng.uniform(0, 180)]), Image.BILINEAR)
    x, y = (side - size[0]) // 2, (side - size[1]) // 2
    return tile.crop((x, y, x + size[0], y + size[1]))


def stripes(size, rng):
    a, b = _pair(rng)
    step = rng.uniform(0.03, 0.14) * max(size)

    def paint(draw, side):
        draw.rectangle([0, 0, side, side], fill=a)
        for i in range(0, int(side / step) + 1, 2):
            draw.rectangle([i * step, 0, (i + 1) * step, side], fill=b)

    return _turned(size, rng, paint)


def checker(size, rng):
    a, b = _pair(rng)
    step = rng.uniform(0.04, 0.16) * max(size)

    def paint(draw, side):
        draw.rectangle([0, 0, side, side], fill=a)
        cells = int(side / step) + 1
        for i in range(cells):
            for j in range(i % 2, cells, 2):
                draw.rectangle([i * step, j * step, (i + 1) * step, (j + 1) * step], fill=b)

    return _turned(size, rng, paint)


def dots(size, rng):
    a, b = _pair(rng)
    step = rng.uniform(0.05, 0.14) * max(size)
    r = step * rng.uniform(0.12, 0.35)

    def paint(draw, side):
        draw.rectangle([0, 0, side, side], fill=a)
        for i in range(int(side / step) + 1):
            for j in range(int(side / step) + 1):
                x, y = (i + 0.5 * (j % 2)) * step, j * step
                draw.ellipse([x - r, y - r, x + r, y + r], fill=b)

    return _turned(size, rng, paint)


def marble(size, rng):
    """Smooth noise in two or three colours, some of it coarse and some fine."""
    noise = numpy.random.default_rng(rng.getrandbits(32))
    total = numpy.zeros((48, 48), numpy.float32)
    for cells, weight in ((3, 1.0), (6, 0.6), (12, 0.4), (24, rng.uniform(0.0, 0.5))):
        grid = Image.fromarray(noise.random((cells, cells), dtype=numpy.float32))
        total += weight * numpy.asarray(grid.resize((48, 48), Image.BICUBIC))
    total = (total - total.min()) / max(float(numpy.ptp(total)), 1e-6)
    grey = Image.fromarray((255 * total).astype(numpy.uint8))
    a, b = _pair(rng)
    return ImageOps.colorize(grey, a, b, mid=mix(a, b, rng.random())).resize(size, Image.BICUBIC)


def clutter(size, rng):
    """Many plain shapes: discs, boxes, triangles, strokes."""
    w, h = size
    picture = rng.choice([plain, gradient, marble])(size, rng)
    draw = ImageDraw.Draw(picture)
    for _ in range(rng.randint(6, 28)):
        colour, r = _soft_colour(rng), rng.uniform(0.015, 0.09) * max(size)
        x, y = rng.uniform(0, w), rng.uniform(0, h)
        kind = rng.randrange(4)
        if kind == 0:
            draw.ellipse([x - r, y - r, x + r, y + r], fill=colour)
        elif kind == 1:
            draw.rectangle([x - r, y - r * rng.uniform(0.3, 1), x + r, y + r], fill=colour)
        elif kind == 2:
            turn = rng.uniform(0, 6.28)
            corners = [turn + 2.1 * k for k in range(3)]
            draw.polygon([(x + r * math.cos(a), y + r * math.sin(a)) for a in corners], fill=colour)
        else:
            end = (x + rng.uniform(-4, 4) * r, y + rng.uniform(-4, 4) * r)
            draw.line([(x, y), end], fill=colour, width=max(1, int(r * 0.3)))
    return picture


def lights(size, rng):
    """Discs of light out of focus on a dark ground."""
    small = (max(8, size[0] // 3), max(8, size[1] // 3))
    base = hsv(rng.random(), rng.uniform(0.2, 0.8), rng.uniform(0.1, 0.4))
    picture = Image.new("RGB", small, base)
    draw = ImageDraw.Draw(picture)
    for _ in range(rng.randint(8, 30)):
        x, y, r = rng.uniform(0, small[0]), rng.uniform(0, small[1]), rng.uniform(2, 14)
        draw.ellipse(
            [x - r, y - r, x + r, y + r], fill=mix(base, _soft_colour(rng), rng.uniform(0.2, 0.7))
        )
    return picture.filter(ImageFilter.GaussianBlur(1.5)).resize(size, Image.BILINEAR)


def bricks(size, rng):
    a, b = _pair(rng)
    high = rng.uniform(0.05, 0.1) * max(size)

    def paint(draw, side):
        draw.rectangle([0, 0, side, side], fill=b)
        for j in range(int(side / high) + 1):
            x = -high * (j % 2)
            while x < side:
                tone = darker(a, rng.uniform(0, 0.18))
                draw.rectangle(
                    [x + 2, j * high + 2, x + 2 * high - 2, (j + 1) * high - 2], fill=tone
                )
                x += 2 * high

    return _turned(size, rng, paint)


def zigzag(size, rng):
    a, b = _pair(rng)
    step = rng.uniform(0.05, 0.12) * max(size)

    def paint(draw, side):
        draw.rectangle([0, 0, side, side], fill=a)
        for j in range(-1, int(side / step) + 2):
            points = [(i * step, (j + 0.5 * (i % 2)) * step) for i in range(int(side / step) + 2)]
            draw.line(points, fill=b, width=max(2, int(step * 0.3)), joint="curve")

    return _turned(size, rng, paint)


def confetti(size, rng):
    picture = glow(size, rng)
    draw = ImageDraw.Draw(picture)
    for _ in range(rng.randint(60, 160)):
        x, y, r = (
            rng.uniform(0, size[0]),
            rng.uniform(0, size[1]),
            rng.uniform(0.005, 0.018) * max(size),
        )
        a = rng.uniform(0, 3.14)
        dx, dy = r * math.cos(a), r * math.sin(a)
        draw.line(
            [(x - dx, y - dy), (x + dx, y + dy)], fill=_soft_colour(rng), width=max(2, int(r * 0.7))
        )
    return picture


USUAL = [plain, gradient, gradient, glow, meadow, meadow, sea, room, room, stripes, checker, dots]
USUAL += [marble, marble, clutter, clutter, clutter, lights]
# Seen by no training picture: the held-out set has them.
HELD_OUT = [bricks, zigzag, confetti]
