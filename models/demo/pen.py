"""A pen that draws shaded, outlined shapes in the coordinates of the object being drawn.

Object coordinates run from -1 to 1 (x to the right, y down). An affine map takes them to the
pixels of an RGBA layer, which is drawn larger than it is used so that its edges are smooth.
"""

import colorsys
import math
from dataclasses import dataclass

from PIL import Image, ImageDraw, ImageOps


@dataclass
class Style:
    """How every shape of one object looks."""

    outline: object = None  # None, an RGB triple, or "tone": a darker tone of each fill
    outline_width: float = 0.03  # object units
    shade: float = 0.0  # 0 is flat; 1 runs from a light to a dark tone within each shape
    ink: object = None  # None, or an RGB paper colour: a line drawing on it
    tint: object = None  # None, or an RGB colour: everything in tones of it


def hsv(hue, saturation, value):
    """RGB triple (0..255) of hue (turns), saturation and value (0..1)."""
    return tuple(int(255 * c + 0.5) for c in colorsys.hsv_to_rgb(hue % 1.0, saturation, value))


def mix(a, b, t):
    """Colour between a (t = 0) and b (t = 1)."""
    return tuple(int(x + (y - x) * t + 0.5) for x, y in zip(a, b))


def darker(colour, amount=0.45):
    return mix(colour, (10, 8, 24), amount)


def lighter(colour, amount=0.4):
    return mix(colour, (255, 255, 250), amount)


def ring(cx, cy, rx, ry, start=0.0, end=360.0, angle=0.0, count=48):
    """Points on an ellipse, `start` to `end` degrees (clockwise, 0 is right), turned by `angle`."""
    n = max(6, int(count * abs(end - start) / 360.0))
    turn = math.radians(angle)
    points = []
    for i in range(n + (0 if abs(end - start) >= 360 else 1)):
        a = math.radians(start + (end - start) * i / n)
        x, y = rx * math.cos(a), ry * math.sin(a)
        points.append(
            (
                cx + x * math.cos(turn) - y * math.sin(turn),
                cy + x * math.sin(turn) + y * math.cos(turn),
            )
        )
    return points


def smooth(points, closed=True, steps=8):
    """Catmull-Rom curve through the points."""
    n = len(points)
    out = []
    for i in range(n if closed else n - 1):
        if closed:
            p = [points[(i + k) % n] for k in (-1, 0, 1, 2)]
        else:
            p = [points[min(max(i + k, 0), n - 1)] for k in (-1, 0, 1, 2)]
        for s in range(steps):
            t = s / steps
            out.append(
                tuple(
                    0.5
                    * (
                        2 * b
                        + (c - a) * t
                        + (2 * a - 5 * b + 4 * c - d) * t * t
                        + (3 * b - a - 3 * c + d) * t * t * t
                    )
                    for a, b, c, d in zip(*p)
                )
            )
    if not closed:
        out.append(points[-1])
    return out


def mirrored(points):
    return [(-x, y) for x, y in points]


class Pen:
    """Draws on `layer` (RGBA). `matrix` is (a, b, c, d, e, f) of x' = a x + b y + c and
    y' = d x + e y + f."""

    def __init__(self, layer, matrix, style):
        self.layer = layer
        self.draw = ImageDraw.Draw(layer)
        self.matrix = matrix
        self.style = style
        a, b, _, d, e, _ = matrix
        self.scale = math.sqrt(abs(a * e - b * d))

    def _map(self, points):
        a, b, c, d, e, f = self.matrix
        return [(a * x + b * y + c, d * x + e * y + f) for x, y in points]

    def _colour(self, fill):
        style = self.style
        if style.ink is not None:
            dark = sum(fill) < 200
            return mix(style.ink, fill, 0.75 if dark else 0.06)
        if style.tint is not None:
            grey = (fill[0] * 3 + fill[1] * 6 + fill[2]) / 2550.0
            tone = mix(darker(style.tint, 0.8), style.tint, min(1.0, grey * 2))
            return mix(tone, (255, 255, 255), max(0.0, grey * 2 - 1))
        return fill

    def _outline_of(self, fill):
        outline = self.style.outline
        return darker(fill) if outline == "tone" else outline

    def _shaded(self, pixels, fill, ball):
        xs, ys = [p[0] for p in pixels], [p[1] for p in pixels]
        x0, y0 = math.floor(min(xs)), math.floor(min(ys))
        w, h = math.ceil(max(xs)) - x0 + 1, math.ceil(max(ys)) - y0 + 1
        if w < 4 or h < 4:
            self.draw.polygon(pixels, fill=fill)
            return
        shade = self.style.shade
        if ball:
            ramp = Image.radial_gradient("L").crop((40, 52, 248, 260)).resize((48, 48))
        else:
            ramp = Image.linear_gradient("L").resize((2, 48))
        ramp = ImageOps.colorize(ramp, lighter(fill, 0.38 * shade), darker(fill, 0.34 * shade))
        mask = Image.new("L", (w, h), 0)
        ImageDraw.Draw(mask).polygon([(x - x0, y - y0) for x, y in pixels], fill=255)
        self.layer.paste(ramp.resize((w, h), Image.BILINEAR), (x0, y0), mask)

    def _edge(self, pixels, colour, width, closed=True):
        w = max(1, round(width * self.scale))
        path = pixels + pixels[:2] if closed else pixels
        self.draw.line(path, fill=colour + (255,), width=w, joint="curve")

    def shape(self, points, fill, outline=True, ball=False):
        """A filled polygon. `ball` shades it like a sphere."""
        fill = self._colour(fill)
        pixels = self._map(points)
        if self.style.shade > 0 and self.style.ink is None:
            self._shaded(pixels, fill, ball)
        else:
            self.draw.polygon(pixels, fill=fill + (255,))
        edge = self._outline_of(fill)
        if outline and edge is not None:
            self._edge(pixels, edge, self.style.outline_width)

    def curve(self, points, fill, outline=True, ball=False):
        """A filled smooth closed curve through the points."""
        self.shape(smooth(points), fill, outline, ball)

    def ellipse(self, cx, cy, rx, ry, fill, angle=0.0, outline=True, ball=True):
        self.shape(ring(cx, cy, rx, ry, angle=angle), fill, outline, ball)

    def rect(self, x0, y0, x1, y1, fill, radius=0.0, outline=True):
        if radius <= 0:
            points = [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]
        else:
            r = min(radius, (x1 - x0) / 2, (y1 - y0) / 2)
            points = (
                ring(x1 - r, y0 + r, r, r, -90, 0)
                + ring(x1 - r, y1 - r, r, r, 0, 90)
                + ring(x0 + r, y1 - r, r, r, 90, 180)
                + ring(x0 + r, y0 + r, r, r, 180, 270)
            )
        self.shape(points, fill, outline)

    def union(self, shapes, fill):
        """Several polygons with one common outline."""
        colour = self._colour(fill)
        edge = self._outline_of(colour)
        if edge is not None:
            for points in shapes:
                self._edge(self._map(points), edge, 2 * self.style.outline_width)
        for points in shapes:
            self.shape(points, fill, outline=False, ball=True)

    def line(self, points, width, fill, outline=True):
        """A stroke with round ends; `width` in object units."""
        fill = self._colour(fill)
        pixels = self._map(points)
        edge = self._outline_of(fill) if outline else None
        passes = [(fill, width)]
        if edge is not None:
            passes.insert(0, (edge, width + self.style.outline_width))
        for colour, w in passes:
            self._edge(pixels, colour, w, closed=False)
            r = max(0.5, w * self.scale / 2)
            for x, y in (pixels[0], pixels[-1]):
                self.draw.ellipse([x - r, y - r, x + r, y + r], fill=colour + (255,))

    def gloss(self, points, alpha=0.35, colour=(255, 255, 255)):
        """A translucent shape over what is there already."""
        if self.style.ink is not None:
            return
        pixels = self._map(points)
        xs, ys = [p[0] for p in pixels], [p[1] for p in pixels]
        x0, y0 = math.floor(min(xs)), math.floor(min(ys))
        size = (math.ceil(max(xs)) - x0 + 1, math.ceil(max(ys)) - y0 + 1)
        mask = Image.new("L", size, 0)
        ImageDraw.Draw(mask).polygon([(x - x0, y - y0) for x, y in pixels], fill=int(255 * alpha))
        self.layer.paste(colour + (255,), (x0, y0, x0 + size[0], y0 + size[1]), mask)

    def hole(self, points):
        """Cuts the polygon out of everything drawn so far."""
        pixels = self._map(points)
        self.draw.polygon(pixels, fill=(0, 0, 0, 0))
        if self.style.outline is not None:
            edge = self._outline_of(self._colour((128, 128, 128)))
            self._edge(pixels, edge, self.style.outline_width)
