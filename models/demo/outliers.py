"""Pictures of none of the sixteen things: what the demo network should not name.

`draw_outlier(kind, rng)` draws one; all of it follows from the random generator passed in. No
photograph goes into them. Photographs are imitated by what is known of their statistics: spectra that
fall with a power of the frequency (Field 1987), and shapes of all sizes that cover one another (the
dead leaves model: Matheron 1968; Lee, Mumford and Huang 2001).
"""

import math

import numpy
from PIL import Image, ImageDraw, ImageFilter, ImageFont

import backgrounds
import draw
from pen import Pen, hsv, ring, smooth


def _size(rng):
    long_side = rng.randint(180, 420)
    short_side = int(long_side * rng.uniform(0.6, 1.0))
    return (long_side, short_side) if rng.random() < 0.65 else (short_side, long_side)


def _generator(rng):
    return numpy.random.default_rng(rng.getrandbits(32))


def _field(size, rng, slope):
    """Grey noise whose amplitude falls with frequency ** slope; mean 0, deviation 1 (H x W)."""
    w, h = size
    white = numpy.fft.rfft2(_generator(rng).standard_normal((h, w), dtype=numpy.float32))
    fy, fx = numpy.fft.fftfreq(h)[:, None] * h, numpy.fft.rfftfreq(w)[None, :] * w
    stretch = math.exp(rng.uniform(-0.5, 0.5))
    frequency = numpy.sqrt((fy * stretch) ** 2 + (fx / stretch) ** 2)
    frequency[0, 0] = 1
    white /= frequency**slope
    white[0, 0] = 0
    field = numpy.fft.irfft2(white, (h, w)).astype(numpy.float32)
    return field / max(float(field.std()), 1e-6)


def _picture(pixels):
    return Image.fromarray((pixels + 0.5).clip(0, 255).astype(numpy.uint8))


def _pixels(picture):
    return numpy.asarray(picture.convert("RGB"), numpy.float32)


def _earthy(rng):
    """Colours of the world outdoors: mostly dull, seldom strong."""
    hue = rng.choice([0.06, 0.09, 0.12, 0.25, 0.33, 0.55, 0.6, rng.random()])
    saturation = rng.uniform(0, 0.45) if rng.random() < 0.8 else rng.uniform(0.4, 0.95)
    return hsv(hue + rng.uniform(-0.04, 0.04), saturation, rng.uniform(0.1, 0.95))


def spectrum(size, rng):
    """Coloured noise; most of its contrast is common to the three colours, as in photographs."""
    slope = rng.uniform(0.7, 2.0)
    common, mixing = _field(size, rng, slope), _generator(rng)
    other = numpy.stack([_field(size, rng, slope + 0.2) for _ in range(2)], -1)
    colour = other @ mixing.normal(0, rng.uniform(2, 22), (2, 3)).astype(numpy.float32)
    mean = numpy.array(_earthy(rng), numpy.float32)
    return _picture(mean + common[..., None] * rng.uniform(15, 60) + colour)


def _textured(picture, rng):
    """Every surface of the picture with some grain and uneven light."""
    grain = _field(picture.size, rng, rng.uniform(0.2, 1.0)) * rng.uniform(0.02, 0.16)
    light = _field(picture.size, rng, rng.uniform(1.5, 2.2)) * rng.uniform(0.05, 0.35)
    return _picture(_pixels(picture) * numpy.exp(grain + light)[..., None])


def leaves(size, rng):
    """Shapes of all sizes, the next over the last; colours of neighbours go together."""
    w, h = size
    paint = spectrum(size, rng).filter(ImageFilter.GaussianBlur(6)).load()
    picture = spectrum(size, rng)
    pen = ImageDraw.Draw(picture)
    smallest, largest = rng.uniform(0.008, 0.04), rng.uniform(0.15, 0.5)
    straight, spread = rng.random(), rng.uniform(5, 50)
    for _ in range(rng.randint(80, 500)):
        u = rng.random()
        r = max(w, h) / math.sqrt(u / largest**2 + (1 - u) / smallest**2)
        x, y = rng.uniform(0, w), rng.uniform(0, h)
        base = paint[min(w - 1, int(x)), min(h - 1, int(y))]
        tone = rng.gauss(0, spread)
        colour = tuple(int(min(255, max(0, c + tone + rng.gauss(0, 6)))) for c in base)
        count, turn = rng.randint(3, 9), rng.uniform(0, 6.28)
        flat = rng.uniform(0.2, 1.0)
        points = []
        for k in range(count):
            a, reach = 6.28 * k / count, r * rng.uniform(0.6, 1.2)
            px, py = reach * math.cos(a), reach * math.sin(a) * flat
            points.append(
                (
                    x + px * math.cos(turn) - py * math.sin(turn),
                    y + px * math.sin(turn) + py * math.cos(turn),
                )
            )
        pen.polygon(points if rng.random() < straight else smooth(points, steps=4), fill=colour)
    return _textured(picture, rng)


def _light(height, rng, strength):
    """Brightness of a surface of that height under a lamp from some side."""
    dy, dx = numpy.gradient(height)
    a = rng.uniform(0, 6.28)
    slope = (dx * math.cos(a) + dy * math.sin(a)) * strength
    return 1 + slope / numpy.sqrt(1 + slope * slope)


def subject(size, rng):
    """One or two bodies with form, light and texture before something out of focus, or nothing."""
    w, h = size
    behind = rng.choice([spectrum, leaves, backgrounds.plain, backgrounds.gradient])(size, rng)
    if rng.random() < 0.3:
        behind = Image.new("RGB", size, hsv(rng.random(), rng.uniform(0, 0.08), rng.uniform(0.75, 1)))
    behind = behind.filter(ImageFilter.GaussianBlur(rng.uniform(1, 14)))
    behind = _pixels(behind) * (1 + 0.15 * _field(size, rng, 2)[..., None] * rng.random())
    y, x = numpy.mgrid[0:h, 0:w].astype(numpy.float32)
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        cx, cy = rng.uniform(0.3, 0.7) * w, rng.uniform(0.3, 0.75) * h
        rx, ry = rng.uniform(0.15, 0.5) * w, rng.uniform(0.15, 0.5) * h
        turn = rng.uniform(-0.8, 0.8)
        u = ((x - cx) * math.cos(turn) + (y - cy) * math.sin(turn)) / rx
        v = ((y - cy) * math.cos(turn) - (x - cx) * math.sin(turn)) / ry
        power = rng.choice([2, 2, 3, 6])
        form = 1 - (abs(u) ** power + abs(v) ** power) ** (1 / power)
        form += _field(size, rng, rng.uniform(1.6, 2.6)) * rng.uniform(0.02, 0.35)
        mask = 1 / (1 + numpy.exp(-form.clip(-0.4, 0.4) * rng.uniform(20, 90)))
        surface = _pixels(_textured(rng.choice([spectrum, leaves])(size, rng), rng))
        if rng.random() < 0.5:
            plain = numpy.array(_earthy(rng), numpy.float32)
            surface = plain + (surface - surface.mean((0, 1))) * rng.uniform(0.1, 0.6)
        body = numpy.sqrt(form.clip(0.0, 1.0)) * min(w, h) * 0.3
        body += _field(size, rng, 1.8) * rng.uniform(0, 3)
        surface = surface * _light(body, rng, rng.uniform(0.3, 1.0))[..., None]
        if rng.random() < 0.5:  # a shadow on what it stands on
            shadow = 1 - rng.uniform(0.2, 0.6) * numpy.exp(-((u - 0.1) ** 2) * 2 - (v - 0.9) ** 2 * 12)
            behind = behind * shadow[..., None]
        behind = behind * (1 - mask[..., None]) + surface * mask[..., None]
    return _picture(behind)


def fur(size, rng):
    """Thin strokes along a field of directions, as hair, grass or bark."""
    w, h = size
    picture = spectrum(size, rng).filter(ImageFilter.GaussianBlur(5))
    paint, pen = picture.copy().load(), ImageDraw.Draw(picture)
    angle = _field(size, rng, 2.2) * rng.uniform(0.2, 1.2) + rng.uniform(0, 6.28)
    length = rng.uniform(0.015, 0.08) * max(size)
    for _ in range(rng.randint(1500, 5000)):
        x, y = rng.randrange(w), rng.randrange(h)
        tone = rng.gauss(0, 26)
        colour = tuple(int(min(255, max(0, c + tone))) for c in paint[x, y])
        dx, dy = length * math.cos(angle[y, x]), length * math.sin(angle[y, x])
        pen.line([(x, y), (x + dx, y + dy)], fill=colour, width=rng.choice([1, 1, 2]))
    return picture


def relief(size, rng):
    """Rocks, sand and crumpled paper: a rough surface under a lamp."""
    light = _light(_field(size, rng, rng.uniform(1.1, 2.0)) * rng.uniform(3, 20), rng, 1.0)
    colour = numpy.array(_earthy(rng), numpy.float32)
    tint = _field(size, rng, 1.8)[..., None] * numpy.array(_earthy(rng), numpy.float32)
    return _picture((colour + 0.15 * tint) * light[..., None])


def static(size, rng):
    """Noise of points or blocks, grey or coloured."""
    cells = rng.choice([(8, 6), (24, 18), (64, 48), size])
    noise = _generator(rng).random((cells[1], cells[0], rng.choice([1, 3])), dtype=numpy.float32)
    grey = numpy.broadcast_to(255 * noise, noise.shape[:2] + (3,))
    return _picture(grey).resize(size, rng.choice([Image.NEAREST, Image.BICUBIC]))


def _drawn(rng):
    return draw.draw_picture(rng.choice(draw.LABELS), rng)[0]


def scramble(size, rng):
    """A drawing cut into tiles that lie in another order."""
    count = rng.choice([3, 4, 5, 6])
    side = max(size) // count
    source = _drawn(rng).resize((side * count, side * count), Image.BILINEAR)
    places = [(x * side, y * side) for x in range(count) for y in range(count)]
    picture = Image.new("RGB", source.size)
    for place, (x, y) in zip(places, rng.sample(places, len(places))):
        tile = source.crop((x, y, x + side, y + side)).rotate(rng.choice([0, 90, 180, 270]))
        picture.paste(tile, place)
    return picture


def blend(size, rng):
    """Two drawings, one through the other, with something of neither over them."""
    a, b = (_drawn(rng).resize(size, Image.BILINEAR) for _ in range(2))
    picture = Image.blend(a, b, rng.uniform(0.4, 0.6))
    return Image.blend(picture, spectrum(size, rng), rng.uniform(0.1, 0.4))


def scenery(size, rng):
    """A background with nothing before it."""
    picture = rng.choice(backgrounds.USUAL)(size, rng)
    return _textured(picture, rng) if rng.random() < 0.5 else picture


def nonsense(size, rng):
    """A thing that is no thing: some shapes in the style of the drawings, on their backgrounds."""
    picture = rng.choice(backgrounds.USUAL)(size, rng)
    place = draw.random_placement("", size, rng)
    unit = place.size / 2
    pen = Pen(picture, (unit, 0, place.x, 0, unit, place.y), draw.random_style(rng))
    for _ in range(rng.randint(3, 9)):
        colour = hsv(rng.random(), rng.uniform(0.2, 0.9), rng.uniform(0.2, 0.95))
        x, y = rng.uniform(-0.6, 0.6), rng.uniform(-0.6, 0.6)
        r, turn = rng.uniform(0.1, 0.5), rng.uniform(0, 180)
        corners = ring(x, y, r, r * rng.uniform(0.3, 1), angle=turn, count=rng.randint(6, 9))
        kind = rng.randrange(4)
        if kind == 0:
            pen.line(corners[: rng.randint(2, 5)], rng.uniform(0.03, 0.15), colour)
        elif kind == 1:
            pen.rect(x - r, y - r * 0.5, x + r, y + r * 0.5, colour)
        else:
            jagged = [(px + rng.uniform(-r, r) / 2, py + rng.uniform(-r, r) / 2) for px, py in corners]
            (pen.curve if kind == 2 else pen.shape)(jagged, colour)
    return picture


def writing(size, rng):
    """Letters and digits, large or in lines."""
    picture = rng.choice([backgrounds.plain, backgrounds.gradient, backgrounds.marble])(size, rng)
    lines = rng.randint(1, 8)
    mask = Image.new("L", (rng.randint(1, 20) * 6 + 4, 12 * lines + 4), 0)
    pen, font = ImageDraw.Draw(mask), ImageFont.load_default()
    for k in range(lines):
        text = "".join(rng.choice("abcdefghkmnprstuvwxyz 0123456789ABCDEFGHKLMNPRSTUVXYZ") for _ in range(20))
        pen.text((2, 2 + 12 * k), text, fill=255, font=font)
    mask = mask.resize(size, Image.BICUBIC)
    picture.paste(_earthy(rng), (0, 0) + size, mask)
    return picture


# Kinds that the measure of "none of these" is learnt from, with their shares; kinds made of drawings,
# which cost too many of the drawings themselves to be learnt from; and kinds that it never sees, on
# which it is chosen.
LIKE_PHOTOGRAPHS = [spectrum, leaves, leaves, leaves, subject, subject, subject, subject, static]
LIKE_DRAWINGS = [scramble, blend, scenery, nonsense]
UNSEEN = [fur, relief, writing]


def draw_outlier(kind, rng):
    """A picture by one of the functions above, or by one and then what cameras and the web do."""
    picture = kind(_size(rng), rng)
    if rng.random() < 0.3:
        picture = picture.filter(ImageFilter.GaussianBlur(rng.uniform(0.4, 1.6)))
    return draw.degrade(picture, rng) if rng.random() < 0.6 else picture
