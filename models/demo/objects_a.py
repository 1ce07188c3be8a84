"""Things to draw, first half. Each function draws one thing with `pen` in object coordinates."""

import math

from pen import darker, hsv, lighter, mirrored, mix, ring, smooth

WHITE = (250, 250, 248)
BLACK = (32, 28, 36)


def paint(rng, hues=None, saturation=(0.55, 0.95), value=(0.6, 0.98)):
    """A colour near one of the natural hues (in turns), or any hue where there are none."""
    hue = rng.random() if not hues else rng.choice(hues) + rng.uniform(-0.03, 0.03)
    return hsv(hue, rng.uniform(*saturation), rng.uniform(*value))


def usually(rng, natural, surprise=0.2):
    """The natural hues, or now and then None (any hue)."""
    return None if rng.random() < surprise else natural


def face(pen, rng, x, y, size, fill=BLACK):
    """Two eyes and a smile."""
    for side in (-1, 1):
        pen.ellipse(
            x + side * 0.4 * size,
            y - 0.2 * size,
            0.11 * size,
            0.16 * size,
            fill,
            outline=False,
            ball=False,
        )
    pen.line(ring(x, y, 0.5 * size, 0.5 * size, 25, 155), 0.1 * size, fill, outline=False)


def apple(pen, rng):
    skin = paint(rng, usually(rng, [0.0, 0.98, 0.02, 0.25, 0.3, 0.13]))
    wide = rng.uniform(0.72, 0.9)
    dip = rng.uniform(0.42, 0.52)
    half = [(0.0, -dip), (0.35, -0.64), (0.8, -0.5), (0.98, -0.02), (0.78, 0.55)]
    half += [(0.42, 0.9), (0.16, 0.88)]
    half = [(x * wide, y) for x, y in half]
    outline = half + [(0.0, 0.8)] + mirrored(half[:0:-1])
    lean = rng.uniform(-0.2, 0.3)
    stem = smooth([(0.0, -dip + 0.06), (0.04, -0.7), (lean, -0.98)], closed=False)
    pen.curve(outline, skin, ball=True)
    if rng.random() < 0.35:
        blush = paint(rng, [0.0, 0.1, 0.25])
        pen.gloss(ring(wide * 0.4, 0.15, 0.3, 0.5, angle=12), 0.3, blush)
    pen.line(stem, rng.uniform(0.06, 0.1), (104, 66, 36))
    if rng.random() < 0.85:
        side = rng.choice((-1, 1))
        leaf = [(0.02, -0.66), (0.2, -0.92), (0.5, -0.98), (0.62, -0.92), (0.4, -0.7)]
        pen.curve([(side * x, y) for x, y in leaf], paint(rng, [0.28, 0.34]))
    if rng.random() < 0.8:
        pen.gloss(ring(-wide * 0.5, -0.2, 0.12, 0.26, angle=18), rng.uniform(0.3, 0.7))


def butterfly(pen, rng):
    wing, spot = paint(rng), paint(rng)
    low = wing if rng.random() < 0.4 else paint(rng)
    tall, out = rng.uniform(0.75, 0.95), rng.uniform(0.85, 1.0)
    upper = [(0.05, -0.1), (0.3, -0.72 * tall), (0.72 * out, -0.98 * tall)]
    upper += [(0.98 * out, -0.72 * tall), (0.84 * out, -0.18), (0.4, 0.06)]
    tail = rng.uniform(0.75, 0.98)
    lower = [(0.05, 0.05), (0.45, 0.02), (0.76 * out, 0.25), (0.7 * out, 0.66 * tail)]
    lower += [(0.42, 0.9 * tail), (0.16, 0.55)]
    rim = rng.random() < 0.5
    dots = rng.randint(0, 3)
    inner = rng.uniform(0.55, 0.72)
    for flip in (False, True):
        turn = mirrored if flip else list
        sign = -1 if flip else 1
        for points, colour, (mx, my) in (
            (lower, low, (0.42, 0.4)),
            (upper, wing, (0.5 * out, -0.45 * tall)),
        ):
            pen.curve(turn(points), darker(colour, 0.7) if rim else colour)
            if rim or rng.random() < 0.6:
                small = [(mx + (x - mx) * inner, my + (y - my) * inner) for x, y in points]
                pen.curve(turn(small), colour if rim else spot, outline=False)
        for i in range(dots):
            x, y = 0.45 + 0.14 * i, -0.38 - 0.12 * i
            pen.ellipse(sign * x * out, y, 0.07, 0.07, lighter(spot, 0.5))
        pen.ellipse(sign * 0.45, 0.42, 0.1, 0.12, lighter(spot, 0.2))
    body = rng.choice([BLACK, (70, 46, 36), darker(wing, 0.75)])
    for sign in (-1, 1):
        feeler = [(0.0, -0.42), (sign * 0.1, -0.7), (sign * 0.28, -0.86)]
        pen.line(smooth(feeler, closed=False), 0.035, body, outline=False)
        pen.ellipse(sign * 0.28, -0.86, 0.045, 0.045, body)
    pen.ellipse(0, 0.06, rng.uniform(0.07, 0.11), rng.uniform(0.42, 0.55), body)
    pen.ellipse(0, -0.42, 0.1, 0.11, body)


def _wheel(pen, x, y, r, rng, hub):
    pen.ellipse(x, y, r, r, (38, 36, 42))
    pen.ellipse(x, y, r * 0.58, r * 0.58, hub)
    pen.ellipse(x, y, r * 0.2, r * 0.2, darker(hub, 0.5), outline=False)


def car(pen, rng):
    body, glass = paint(rng), mix((168, 214, 240), WHITE, rng.uniform(0, 0.5))
    if rng.random() < 0.15:
        body = hsv(0, 0, rng.uniform(0.25, 0.95))
    kind = rng.choice(["saloon", "saloon", "beetle", "van", "pickup"])
    roof = {
        "saloon": [(-0.62, -0.08), (-0.4, -0.5), (0.22, -0.5), (0.52, -0.08)],
        "beetle": ring(-0.05, -0.02, 0.6, 0.58, 180, 360),
        "van": [(-0.92, 0.0), (-0.9, -0.6), (0.42, -0.6), (0.68, -0.05)],
        "pickup": [(-0.15, -0.05), (-0.05, -0.52), (0.3, -0.52), (0.56, -0.05)],
    }[kind]
    low = 0.36
    hood = rng.uniform(0.0, 0.06)
    sides = [(-0.96, low), (-1.0, 0.08), (-0.9, -0.08), (0.56, -0.08 + hood)]
    sides += [(0.9, 0.02 + hood), (1.0, 0.16), (1.0, low)]
    pen.union([roof, sides], body)
    mx = sum(p[0] for p in roof) / len(roof)
    my = min(p[1] for p in roof) * 0.52
    pane = [(mx + (x - mx) * 0.8, my + (y - my) * 0.68) for x, y in roof]
    pen.shape(pane, glass)
    if kind != "pickup":
        pen.line([(mx, my * 1.6), (mx, -0.05)], 0.06, body, outline=False)
    if rng.random() < 0.7:
        door = [(mx, 0.0), (mx, 0.28), (mx - 0.42, 0.28), (mx - 0.42, 0.0)]
        pen.line(door, 0.015, darker(body, 0.4), outline=False)
    pen.line([(mx - 0.1, 0.06), (mx - 0.02, 0.06)], 0.035, WHITE, outline=False)
    if rng.random() < 0.4:
        pen.line([(-0.94, 0.16), (0.94, 0.16)], 0.05, paint(rng), outline=False)
    pen.ellipse(0.92, 0.12 + hood, 0.06, 0.07, (255, 236, 140))
    pen.rect(-1.0, 0.04, -0.93, 0.16, (220, 40, 36), outline=False)
    pen.rect(-1.03, 0.28, 1.03, 0.4, hsv(0, 0, rng.uniform(0.3, 0.8)), 0.05)
    r = rng.uniform(0.2, 0.27)
    hub = hsv(0, 0, rng.uniform(0.7, 0.95))
    for x in (-0.55, 0.55):
        pen.ellipse(x, 0.36, r * 1.18, r * 1.18, darker(body, 0.55), outline=False)
        _wheel(pen, x, 0.4, r, rng, hub)


def clock(pen, rng):
    rim = paint(rng, None, (0.3, 0.95), (0.35, 0.95))
    dial = mix(WHITE, paint(rng), rng.choice([0.0, 0.06, 0.2]))
    hand = BLACK if rng.random() < 0.7 else darker(rim, 0.5)
    alarm = rng.random() < 0.4
    square = not alarm and rng.random() < 0.25
    r = 0.8 if alarm else 0.95
    if alarm:
        for sign in (-1, 1):
            pen.line([(sign * 0.4, 0.6), (sign * 0.6, 0.95)], 0.12, rim)
            bell = ring(sign * 0.52, -0.7, 0.3, 0.24, 180, 360, angle=sign * 38)
            pen.shape(bell, lighter(rim, 0.15))
        pen.line([(0, -0.7), (0, -0.95)], 0.08, rim)
    edge = rng.uniform(0.76, 0.88)
    if square:
        pen.rect(-r, -r, r, r, rim, 0.25)
        pen.rect(-r * edge, -r * edge, r * edge, r * edge, dial, 0.15)
    else:
        pen.ellipse(0, 0, r, r, rim)
        pen.ellipse(0, 0, r * edge, r * edge, dial)
    ticks = rng.choice([12, 12, 12, 4])
    length = rng.uniform(0.08, 0.16)
    for i in range(ticks):
        a = 2 * math.pi * i / ticks
        x, y = math.sin(a) * r * edge, -math.cos(a) * r * edge
        main = i % (ticks // 4) == 0
        inner = 0.92 - length * (1.6 if main else 1.0)
        pen.line(
            [(x * 0.92, y * 0.92), (x * inner, y * inner)],
            0.06 if main else 0.035,
            hand,
            outline=False,
        )
    minute = rng.randrange(60)
    hour = rng.randrange(12) + minute / 60
    for turns, reach, width in ((hour / 12, 0.45, 0.09), (minute / 60, 0.68, 0.06)):
        a = 2 * math.pi * turns
        tip = (math.sin(a) * reach * r * edge, -math.cos(a) * reach * r * edge)
        pen.line([(-tip[0] * 0.15, -tip[1] * 0.15), tip], width, hand, outline=False)
    if rng.random() < 0.4:
        a = rng.uniform(0, 2 * math.pi)
        tip = (math.sin(a) * 0.62 * r, -math.cos(a) * 0.62 * r)
        pen.line([(0, 0), tip], 0.025, (214, 40, 40), outline=False)
    pen.ellipse(0, 0, 0.06, 0.06, rim if rng.random() < 0.5 else hand)


def cup(pen, rng):
    clay = paint(rng) if rng.random() < 0.8 else mix(WHITE, paint(rng), 0.08)
    drink = rng.choice([(92, 54, 30), (140, 88, 44), (176, 92, 32), (120, 150, 60)])
    top, base = rng.uniform(0.56, 0.66), rng.uniform(0.36, 0.62)
    high, low = rng.uniform(-0.45, -0.3), rng.uniform(0.6, 0.78)
    rim = rng.uniform(0.1, 0.16)
    side = rng.choice((-1, 1))
    if rng.random() < 0.45:
        pen.ellipse(0, low + 0.06, 0.98, 0.17, lighter(clay, 0.3))
        pen.ellipse(0, low + 0.04, 0.62, 0.09, darker(clay, 0.15), outline=False)
    grip = ring(side * 0.6, (high + low) / 2 - 0.06, 0.34, rng.uniform(0.26, 0.34))
    pen.line(grip + grip[:1], rng.uniform(0.1, 0.15), darker(clay, 0.08))
    side_curve = smooth([(top, high), (top * 0.98, high + 0.4), (base, low)], closed=False)
    bottom = ring(0, low, base, 0.08, 0, 180)
    wall = side_curve + bottom[1:-1] + mirrored(side_curve[::-1])
    pen.shape(wall, clay)
    motif = rng.random()
    if motif < 0.25:
        y = (high + low) / 2
        band = [(-top * 0.95, y - 0.12), (top * 0.95, y - 0.12)]
        pen.line(band, 0.09, paint(rng), outline=False)
    elif motif < 0.45:
        y = (high + low) / 2 + 0.05
        heart = [(0, y - 0.1), (0.12, y - 0.2), (0.24, y - 0.08), (0, y + 0.2)]
        heart += [(-0.24, y - 0.08), (-0.12, y - 0.2)]
        pen.curve(heart, paint(rng), outline=False)
    elif motif < 0.65:
        dots = paint(rng)
        for i in range(9):
            x, y = -0.3 + 0.3 * (i % 3), high + 0.28 + 0.2 * (i // 3)
            pen.ellipse(x, y, 0.05, 0.05, dots, outline=False)
    pen.ellipse(0, high, top, rim, lighter(clay, 0.25), ball=False)
    pen.ellipse(0, high + 0.015, top * 0.88, rim * 0.75, drink, outline=False)
    if rng.random() < 0.6:
        mist = rng.choice([(235, 238, 242), (200, 204, 212)])
        for i in range(rng.randint(2, 3)):
            x = -0.28 + 0.28 * i
            wave = [(x, -0.5), (x + 0.08, -0.64), (x - 0.06, -0.8), (x + 0.04, -0.97)]
            pen.line(smooth(wave, closed=False), 0.06, mist, outline=False)
    pen.gloss(ring(-side * top * 0.62, (high + low) / 2, 0.07, 0.3, angle=0), 0.35)


def fish(pen, rng):
    skin, fin = paint(rng), paint(rng)
    if rng.random() < 0.5:
        fin = darker(skin, 0.2)
    tall = rng.uniform(0.34, 0.58)
    back = rng.uniform(0.5, 0.72)
    tail = [(-0.42, 0.0), (-0.95, -back * 0.9), (-0.82, 0.0), (-0.95, back * 0.9)]
    pen.curve(tail, fin)
    top = [(-0.3, -tall * 0.6), (-0.05, -tall - 0.3), (0.42, -tall * 0.75)]
    pen.curve(top + [(0.2, -tall * 0.4)], fin)
    belly = [(-0.1, tall * 0.8), (-0.2, tall + 0.2), (0.2, tall * 0.85)]
    pen.curve(belly, fin)
    shape = [(0.96, 0.02), (0.62, -tall * 0.8), (0.1, -tall), (-0.36, -tall * 0.62)]
    shape += [(-0.62, -0.06), (-0.62, 0.06), (-0.36, tall * 0.62), (0.1, tall)]
    shape += [(0.62, tall * 0.8)]
    pen.curve(shape, skin)
    pattern = rng.random()
    if pattern < 0.35:
        stripe = rng.choice([WHITE, BLACK, paint(rng)])
        for x in (-0.25, 0.02, 0.29)[: rng.randint(2, 3)]:
            h = tall * (0.86 - 0.5 * abs(x))
            band = ring(x, 0, 0.07, h)
            pen.shape(band, stripe, outline=False)
    elif pattern < 0.65:
        scale = darker(skin, 0.3)
        for i in range(3):
            for j in range(-1, 2):
                x, y = -0.3 + 0.22 * i, j * tall * 0.45
                pen.line(ring(x, y, 0.1, 0.12, -80, 80), 0.025, scale, outline=False)
    elif pattern < 0.8:
        pen.gloss(ring(0.1, tall * 0.55, 0.55, tall * 0.32), 0.55)
    if rng.random() < 0.8:
        flap = [(0.2, 0.08), (-0.12, 0.02), (-0.2, 0.26), (0.05, 0.3)]
        pen.curve(flap, darker(fin, 0.12))
    gill = ring(0.28, 0, 0.14, tall * 0.62, -60, 60)
    pen.line(gill, 0.03, darker(skin, 0.4), outline=False)
    eye = rng.uniform(0.09, 0.13)
    pen.ellipse(0.62, -tall * 0.28, eye, eye, WHITE)
    pen.ellipse(0.65, -tall * 0.28, eye * 0.55, eye * 0.55, BLACK, outline=False)
    mouth = ring(0.84, 0.08, 0.13, 0.1, 30, 150)
    pen.line(mouth, 0.03, darker(skin, 0.6), outline=False)
    if rng.random() < 0.3:
        for i in range(3):
            r = 0.04 + 0.02 * i
            pen.ellipse(0.9 + 0.05 * (i % 2), -0.45 - 0.2 * i, r, r, (210, 236, 250))


def _tulip(pen, rng, y):
    petal = paint(rng, usually(rng, [0.97, 0.0, 0.13, 0.8, 0.9]))
    cup_shape = [(-0.42, y - 0.36), (-0.46, y + 0.1), (-0.2, y + 0.42)]
    cup_shape += [(0.2, y + 0.42), (0.46, y + 0.1), (0.42, y - 0.36)]
    for x in (-0.24, 0.24):
        pen.curve(
            [(x, y + 0.4), (x * 1.9, y), (x * 1.7, y - 0.42), (0, y)],
            darker(petal, 0.12),
        )
    pen.curve([(0, y + 0.42), (-0.3, y + 0.1), (0, y - 0.48), (0.3, y + 0.1)], petal)


def flower(pen, rng):
    green = paint(rng, [0.3, 0.35], value=(0.4, 0.75))
    stem = rng.random() < 0.85
    tulip = stem and rng.random() < 0.2
    y = rng.uniform(-0.45, -0.35) if stem else 0.0
    if stem:
        bend = rng.uniform(-0.15, 0.15)
        stalk = smooth([(bend, 0.98), (bend * 1.3, 0.4), (0, y)], closed=False)
        pen.line(stalk, rng.uniform(0.06, 0.1), green)
        for side in (-1, 1)[: rng.randint(1, 2)]:
            leaf = [(bend, 0.85), (bend + side * 0.2, 0.5), (bend + side * 0.55, 0.35)]
            pen.curve(leaf + [(bend + side * 0.4, 0.7)], green)
    if tulip:
        _tulip(pen, rng, y)
        return
    petal = paint(rng) if rng.random() < 0.8 else WHITE
    heart = paint(rng, usually(rng, [0.12, 0.14, 0.08]))
    count = rng.randint(5, 10)
    reach = 0.54 if stem else 0.95
    wide = reach * rng.uniform(1.7, 2.3) / count
    turn = rng.uniform(0, 360)
    rows = [(1.0, petal)]
    if rng.random() < 0.25:
        rows.append((0.7, lighter(petal, 0.3)))
    for length, colour in rows:
        for i in range(count):
            a = turn + 360.0 * i / count + (0 if length == 1.0 else 180.0 / count)
            r = reach * length * 0.62
            cx, cy = r * math.cos(math.radians(a)), r * math.sin(math.radians(a))
            pen.ellipse(cx, y + cy, reach * length * 0.42, wide * 0.62, colour, angle=a)
    core = reach * rng.uniform(0.25, 0.38)
    pen.ellipse(0, y, core, core, heart)
    if rng.random() < 0.4:
        face(pen, rng, 0, y, core * 0.9)


def house(pen, rng):
    wall = paint(rng, None, (0.1, 0.6), (0.7, 0.98))
    roof = paint(rng, usually(rng, [0.0, 0.03, 0.06, 0.6]), value=(0.4, 0.85))
    trim = WHITE if rng.random() < 0.6 else darker(wall, 0.5)
    w, eave = rng.uniform(0.6, 0.8), rng.uniform(-0.25, 0.02)
    peak = rng.uniform(-0.98, -0.75)
    over = rng.uniform(0.1, 0.2)
    if rng.random() < 0.7:
        x = rng.choice((-1, 1)) * rng.uniform(0.32, 0.48)
        brick = paint(rng, [0.02, 0.05], (0.4, 0.7), (0.5, 0.8))
        pen.rect(x - 0.09, peak + 0.02, x + 0.09, eave, brick)
        pen.rect(x - 0.12, peak - 0.02, x + 0.12, peak + 0.07, darker(brick, 0.2))
        if rng.random() < 0.4:
            for i in range(3):
                r = 0.05 + 0.03 * i
                puff = (x + 0.07 * i, peak - 0.08 - 0.1 * i)
                pen.ellipse(*puff, r, r, (228, 230, 234), outline=False)
    pen.rect(-w, eave, w, 0.92, wall)
    if rng.random() < 0.3:
        for i in range(1, 6):
            y = eave + (0.92 - eave) * i / 6
            pen.line([(-w, y), (w, y)], 0.015, darker(wall, 0.2), outline=False)
    top = 0.0 if rng.random() < 0.75 else rng.uniform(0.25, 0.45)
    gable = [(-w - over, eave + 0.04), (-top, peak), (top, peak), (w + over, eave + 0.04)]
    pen.shape(gable, roof)
    if top == 0.0 and rng.random() < 0.45:
        pen.ellipse(0, (eave + peak) / 2 + 0.1, 0.12, 0.12, trim)
        pen.ellipse(0, (eave + peak) / 2 + 0.1, 0.075, 0.075, (150, 200, 232))
    door_x = rng.choice([0.0, -0.3, 0.3])
    door = paint(rng, None, value=(0.35, 0.8))
    tall = rng.uniform(0.3, 0.42)
    pen.rect(door_x - 0.15, tall, door_x + 0.15, 0.92, door)
    pen.ellipse(door_x + 0.08, (tall + 0.92) / 2, 0.03, 0.03, (250, 220, 90))
    pane = (255, 236, 150) if rng.random() < 0.35 else (164, 212, 238)
    for x in (-0.45, 0.0, 0.45):
        if abs(x - door_x) < 0.35 or abs(x) + 0.17 > w:
            continue
        y = rng.choice([0.3, 0.3, 0.34])
        pen.rect(x - 0.15, y - 0.15, x + 0.15, y + 0.15, trim)
        pen.rect(x - 0.115, y - 0.115, x + 0.115, y + 0.115, pane, outline=False)
        pen.line([(x, y - 0.11), (x, y + 0.11)], 0.03, trim, outline=False)
        pen.line([(x - 0.11, y), (x + 0.11, y)], 0.03, trim, outline=False)
