"""Draws pictures of everyday things. All of it follows from the random generator passed in.

`draw_object` puts one thing on a picture and returns its box, so that a scene of several things
with known boxes is a loop over it; `draw_picture` makes a whole picture of one thing.
"""

import io
import math
from dataclasses import dataclass

import numpy
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter

import backgrounds
import objects_a
import objects_b
from pen import Pen, Style, darker, hsv

OBJECTS = {
    "apple": objects_a.apple,
    "butterfly": objects_a.butterfly,
    "car": objects_a.car,
    "clock": objects_a.clock,
    "cup": objects_a.cup,
    "fish": objects_a.fish,
    "flower": objects_a.flower,
    "house": objects_a.house,
    "key": objects_b.key,
    "mushroom": objects_b.mushroom,
    "sailboat": objects_b.sailboat,
    "snowman": objects_b.snowman,
    "star": objects_b.star,
    "sun": objects_b.sun,
    "tree": objects_b.tree,
    "umbrella": objects_b.umbrella,
}
LABELS = list(OBJECTS)

# Largest turn from upright in degrees; a key or a star may lie any way round.
_TURN = {
    "key": 180,
    "star": 180,
    "sun": 180,
    "butterfly": 70,
    "flower": 30,
    "fish": 30,
    "umbrella": 35,
}
_USUAL_TURN = 18
# Half the side of a layer in object units: a unit square turned by any angle fits.
_REACH = 1.45


@dataclass
class Placement:
    """Where an object goes: centre and size (pixels across two object units), turn in degrees."""

    x: float
    y: float
    size: float
    turn: float = 0.0
    flip: bool = False
    stretch: float = 1.0  # width over height
    shear: float = 0.0


def random_style(rng):
    """Flat or shaded, with or without outlines, now and then a line drawing or one colour."""
    style = Style(shade=rng.choice([0.0, rng.uniform(0.3, 1.0)]))
    style.outline = rng.choice(
        [None, None, "tone", "tone", (24, 20, 34), (24, 20, 34), (250, 250, 250)]
    )
    style.outline_width = rng.uniform(0.015, 0.055)
    unusual = rng.random()
    if unusual < 0.07:
        style.ink = hsv(rng.random(), rng.uniform(0, 0.15), rng.uniform(0.9, 1.0))
        style.outline = darker(hsv(rng.random(), rng.uniform(0, 1), 0.5), rng.uniform(0.4, 0.9))
        style.shade = 0.0
    elif unusual < 0.13:
        style.tint = hsv(rng.random(), rng.uniform(0.3, 0.9), rng.uniform(0.5, 0.9))
    return style


def random_placement(name, size, rng, smallest=0.36, largest=0.95, wild=1.0):
    """A place for the object on a picture of that size: most of it is inside."""
    w, h = size
    across = rng.uniform(smallest, largest) * min(w, h)
    # Up to about a seventh of a big object may stick out of the picture.
    margin_x = min(w / 2, across * rng.uniform(0.36, 0.5))
    margin_y = min(h / 2, across * rng.uniform(0.36, 0.5))
    turn = min(180, wild * _TURN.get(name, _USUAL_TURN))
    return Placement(
        x=rng.uniform(margin_x, w - margin_x),
        y=rng.uniform(margin_y, h - margin_y),
        size=across,
        turn=rng.uniform(-turn, turn),
        flip=rng.random() < 0.5,
        stretch=math.exp(rng.uniform(-0.18, 0.18)),
        shear=rng.uniform(-0.1, 0.1) * wild,
    )


def _render(name, place, style, rng):
    """RGBA layer of the object at its final size, centred."""
    fine = 2 if place.size >= 110 else 3
    side = math.ceil(2 * _REACH * place.size / 2) + 2
    layer = Image.new("RGBA", (side * fine, side * fine), (0, 0, 0, 0))
    unit = place.size * fine / 2
    sx = unit * math.sqrt(place.stretch) * (-1 if place.flip else 1)
    sy = unit / math.sqrt(place.stretch)
    c, s = math.cos(math.radians(place.turn)), math.sin(math.radians(place.turn))
    middle = side * fine / 2
    a, b = c * sx, -s * sy + place.shear * c * sy
    d, e = s * sx, c * sy + place.shear * s * sy
    OBJECTS[name](Pen(layer, (a, b, middle, d, e, middle), style), rng)
    return layer.reduce(fine)


def _grown(alpha, radius):
    return alpha.filter(ImageFilter.GaussianBlur(radius)).point(lambda v: min(255, v * 8))


def _blends_in(picture, layer, corner):
    """Whether object and background have about the same mean colour."""
    w, h = layer.size
    mask = layer.getchannel("A").resize((24, 24), Image.BOX)
    alpha = numpy.asarray(mask, numpy.float32)[..., None] / 255
    here = picture.crop((corner[0], corner[1], corner[0] + w, corner[1] + h)).resize((24, 24))
    over = numpy.asarray(layer.convert("RGB").resize((24, 24), Image.BOX), numpy.float32)
    gap = (numpy.asarray(here, numpy.float32) - over) * alpha
    return float(numpy.abs(gap).sum() / max(alpha.sum() * 3, 1.0)) < 38


def draw_object(picture, name, place, rng, style=None, shadow=None, sticker=None):
    """Draws one thing on an RGB picture. Returns its tight box (x0, y0, x1, y1) in pixels, ends
    excluded, cut at the picture's edges, or None where nothing of it is inside."""
    style = style or random_style(rng)
    layer = _render(name, place, style, rng)
    corner = (round(place.x - layer.width / 2), round(place.y - layer.height / 2))
    alpha = layer.getchannel("A")
    faint = style.outline is None and _blends_in(picture, layer, corner)
    if shadow is None:
        shadow = rng.random() < 0.3
    if sticker is None:
        sticker = faint or rng.random() < 0.12
    if shadow:
        small = alpha.resize((max(1, alpha.width // 4), max(1, alpha.height // 4)), Image.BOX)
        soft = small.filter(ImageFilter.GaussianBlur(place.size * 0.008 + 0.5)).resize(alpha.size)
        shift = place.size * rng.uniform(0.015, 0.05)
        strength = rng.uniform(0.25, 0.55)
        at = (corner[0] + int(shift), corner[1] + int(shift))
        picture.paste((12, 10, 24), at, soft.point(lambda v: int(v * strength)))
    if sticker:
        rim = _grown(alpha, place.size * 0.018 + 0.6)
        dark = faint and sum(picture.resize((1, 1)).getpixel((0, 0))) > 480
        picture.paste((34, 30, 44) if dark else (252, 252, 250), corner, rim)
        alpha_box = rim
    else:
        alpha_box = alpha
    picture.paste(layer.convert("RGB"), corner, alpha)
    box = alpha_box.point(lambda v: 255 if v >= 96 else 0).getbbox()
    if box is None:
        return None
    box = (
        max(0, box[0] + corner[0]),
        max(0, box[1] + corner[1]),
        min(picture.width, box[2] + corner[0]),
        min(picture.height, box[3] + corner[1]),
    )
    return box if box[0] < box[2] and box[1] < box[3] else None


def occlude(picture, box, rng, share):
    """Hides about that share of the box behind something."""
    x0, y0, x1, y1 = box
    w, h = x1 - x0, y1 - y0
    draw = ImageDraw.Draw(picture)
    colour = hsv(rng.random(), rng.uniform(0.1, 0.8), rng.uniform(0.2, 0.95))
    kind = rng.random()
    if kind < 0.35:  # a bar from one side
        depth = share * rng.uniform(0.8, 1.2)
        sides = {
            "left": (x0 - w * 0.1, y0 - h * 0.1, x0 + w * depth, y1 + h * 0.1),
            "right": (x1 - w * depth, y0 - h * 0.1, x1 + w * 0.1, y1 + h * 0.1),
            "bottom": (x0 - w * 0.1, y1 - h * depth, x1 + w * 0.1, y1 + h * 0.1),
        }
        draw.rectangle(rng.choice(list(sides.values())), fill=colour)
    elif kind < 0.75:  # a disc or a box somewhere on it
        rx, ry = w * math.sqrt(share) * 0.55, h * math.sqrt(share) * 0.55
        cx, cy = rng.uniform(x0, x1), rng.uniform(y0, y1)
        shape = draw.ellipse if kind < 0.55 else draw.rectangle
        shape([cx - rx, cy - ry, cx + rx, cy + ry], fill=colour)
    else:  # bars in front, as of a fence or grass
        count = rng.randint(2, 5)
        thick = max(2, int(share * w / count))
        lean = rng.uniform(-0.3, 0.3) * w
        for i in range(count):
            x = x0 + w * (i + rng.random()) / count
            draw.line([(x, y0 - h * 0.1), (x + lean, y1 + h * 0.1)], fill=colour, width=thick)


def degrade(picture, rng, strength=1.0):
    """What cameras, scanners and the web do: light, blur, noise, JPEG."""
    if rng.random() < 0.5:
        picture = ImageEnhance.Brightness(picture).enhance(
            math.exp(rng.uniform(-0.4, 0.25) * strength)
        )
    if rng.random() < 0.4:
        picture = ImageEnhance.Contrast(picture).enhance(
            math.exp(rng.uniform(-0.5, 0.3) * strength)
        )
    if rng.random() < 0.3:
        picture = ImageEnhance.Color(picture).enhance(rng.uniform(0.0, 1.5))
    if rng.random() < 0.35 * strength:
        radius = rng.uniform(0.3, 1.0) * strength * max(picture.size) / 200
        picture = picture.filter(ImageFilter.GaussianBlur(radius))
    if rng.random() < 0.4 * strength:
        noise = numpy.random.default_rng(rng.getrandbits(32))
        grain = noise.normal(0, rng.uniform(3, 20) * strength, (picture.height, picture.width, 1))
        noisy = numpy.asarray(picture, numpy.float32) + grain.astype(numpy.float32)
        picture = Image.fromarray(noisy.clip(0, 255).astype(numpy.uint8))
    if rng.random() < 0.5:
        data = io.BytesIO()
        picture.save(data, "JPEG", quality=int(rng.uniform(25, 90) / strength))
        picture = Image.open(data).convert("RGB")
    return picture


def draw_picture(name, rng, hard=False):
    """One thing on some background. Returns (RGB picture, box). `hard` pictures have backgrounds
    that the others never have, and smaller, more turned, more hidden, blurred and noisy things."""
    long_side = rng.randint(200, 640)
    short_side = int(long_side * rng.uniform(0.6, 1.0))
    size = (long_side, short_side) if rng.random() < 0.65 else (short_side, long_side)
    if hard and rng.random() < 0.5:
        ground = rng.choice(backgrounds.HELD_OUT)
    else:
        ground = rng.choice(backgrounds.USUAL)
    picture = ground(size, rng)
    if hard:
        place = random_placement(name, size, rng, smallest=0.3, wild=1.25)
    else:
        place = random_placement(name, size, rng)
    box = draw_object(picture, name, place, rng)
    if rng.random() < (0.35 if hard else 0.2):
        occlude(picture, box, rng, rng.uniform(0.05, 0.25 if hard else 0.2))
    return degrade(picture, rng, 1.2 if hard else 1.0), box
