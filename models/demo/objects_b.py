"""Things to draw, second half."""

import math

from objects_a import BLACK, WHITE, face, paint, usually
from pen import darker, lighter, mirrored, mix, ring, smooth


def key(pen, rng):
    metal = paint(rng, usually(rng, [0.12, 0.13, 0.1], 0.3), (0.1, 0.85), (0.55, 0.95))
    bow = rng.choice(["ring", "ring", "clover", "square", "heart"])
    shaft = rng.uniform(0.12, 0.17)
    side = rng.choice((-1, 1))
    teeth = [(0.9, 0.34), (0.68, 0.28)]
    if rng.random() < 0.5:
        teeth = [(0.92, 0.3), (0.76, 0.22), (0.6, 0.3)]
    parts = [[(-0.4, -shaft / 2), (0.97, -shaft / 2), (0.97, shaft / 2), (-0.4, shaft / 2)]]
    for x, depth in teeth:
        y0, y1 = sorted((0.0, side * (depth + shaft / 2)))
        parts.append([(x - 0.07, y0), (x + 0.05, y0), (x + 0.05, y1), (x - 0.07, y1)])
    if rng.random() < 0.6:
        parts.append([(-0.22, -0.14), (-0.12, -0.14), (-0.12, 0.14), (-0.22, 0.14)])
    holes = [ring(-0.62, 0, 0.19, 0.19)]
    if bow == "ring":
        parts.append(ring(-0.62, 0, 0.38, rng.uniform(0.34, 0.44)))
        inner = rng.uniform(0.18, 0.25)
        holes = [ring(-0.62, 0, inner, inner)]
    elif bow == "clover":
        spots = [(-0.8, 0.0), (-0.56, -0.2), (-0.56, 0.2)]
        parts += [ring(x, y, 0.22, 0.22) for x, y in spots]
        holes = [ring(x, y, 0.11, 0.11) for x, y in spots]
    elif bow == "square":
        parts.append([(-0.98, -0.34), (-0.32, -0.34), (-0.32, 0.34), (-0.98, 0.34)])
    else:
        heart = [(-0.3, 0), (-0.6, -0.36), (-0.88, -0.38), (-0.98, -0.16), (-0.84, 0)]
        heart += [(x, -y) for x, y in heart[-2:0:-1]]
        parts.append(smooth(heart))
        holes = [ring(-0.64, 0, 0.15, 0.17)]
    pen.union(parts, metal)
    pen.gloss([(-0.3, -0.03), (0.85, -0.03), (0.85, 0.005), (-0.3, 0.005)], 0.5)
    for points in holes:
        pen.hole(points)


def mushroom(pen, rng):
    cap = paint(rng, usually(rng, [0.0, 0.02, 0.98, 0.06, 0.08]), value=(0.5, 0.95))
    stem = mix((244, 232, 206), paint(rng), rng.uniform(0, 0.15))
    edge, peak = rng.uniform(0.02, 0.2), rng.uniform(-0.92, -0.7)
    thin, foot = rng.uniform(0.2, 0.32), rng.uniform(0.3, 0.44)
    half = [(thin, edge - 0.05), (thin * 0.95, 0.45), (foot, 0.85), (foot * 0.6, 0.97)]
    pen.curve(half + mirrored(half[::-1]), stem)
    if rng.random() < 0.4:
        skirt = [(-thin - 0.1, edge + 0.32), (thin + 0.1, edge + 0.32)]
        pen.curve([(-thin, edge + 0.15)] + skirt + [(thin, edge + 0.15)], stem)
    wide = rng.uniform(0.8, 0.98)
    pen.ellipse(0, edge, wide * 0.9, 0.16, mix(stem, (150, 110, 80), 0.35))
    dome = ring(0, edge, wide, edge - peak, 180, 360)
    if rng.random() < 0.3:
        dome = smooth([(-wide, edge), (-wide * 0.6, peak * 0.55), (0, peak)], False)
        dome = dome + mirrored(dome[::-1])
    rim = ring(0, edge, wide, rng.uniform(0.06, 0.14), 0, 180)
    pen.shape(dome + rim[1:-1], cap, ball=True)
    if rng.random() < 0.75:
        dots = WHITE if rng.random() < 0.75 else lighter(cap, 0.6)
        size = rng.uniform(0.08, 0.14)
        spots = [(0, 0.68), (-0.42, 0.42), (0.4, 0.46), (-0.05, 0.22), (-0.72, 0.16)]
        spots += [(0.7, 0.14), (0.34, 0.1)]
        for x, h in spots[: rng.randint(4, 7)]:
            r = size * rng.uniform(0.7, 1.15) * (1.15 - abs(x) * 0.6)
            y = edge - h * (edge - peak)
            pen.ellipse(x * wide, y, r, r * 0.85, dots, outline=False, ball=False)
    if rng.random() < 0.15:
        face(pen, rng, 0, edge + 0.38, thin * 0.8)


def sailboat(pen, rng):
    hull, mast = paint(rng), rng.choice([(120, 78, 44), (90, 60, 40), (220, 214, 200)])
    main = WHITE if rng.random() < 0.5 else paint(rng, None, (0.2, 0.9), (0.75, 1.0))
    jib = main if rng.random() < 0.5 else paint(rng, None, (0.2, 0.9), (0.75, 1.0))
    deck, keel = rng.uniform(0.42, 0.52), rng.uniform(0.82, 0.95)
    x = rng.uniform(-0.12, 0.12)
    top = rng.uniform(-0.98, -0.85)
    pen.line([(x, deck + 0.05), (x, top)], rng.uniform(0.04, 0.07), mast)
    low = deck - rng.uniform(0.06, 0.14)
    belly = rng.uniform(0.0, 0.12)
    leech = smooth([(x + 0.05, top + 0.1), (x + 0.5 + belly, -0.1), (x + 0.78, low)], closed=False)
    pen.shape([(x + 0.05, low)] + leech, main)
    if rng.random() < 0.35:
        stripe = paint(rng)
        for t in (0.45, 0.65):
            a, b = (x + 0.06, top + (low - top) * t), leech[int(t * (len(leech) - 1))]
            pen.line([a, (b[0] - 0.03, a[1] + 0.05)], 0.06, stripe, outline=False)
    if rng.random() < 0.85:
        luff = smooth([(x - 0.05, top + 0.22), (x - 0.3 - belly, 0.0), (x - 0.68, low)], False)
        pen.shape([(x - 0.05, low)] + luff, jib)
    if rng.random() < 0.5:
        way = rng.choice((-1, 1))
        flag = [(x, top - 0.02), (x + way * 0.24, top + 0.05), (x, top + 0.12)]
        pen.shape(flag, paint(rng))
    stern = rng.uniform(0.75, 0.95)
    side = smooth([(0.98, deck), (0.8, keel - 0.12), (0.5, keel)], closed=False)
    pen.shape([(-stern, deck)] + side + [(-stern + 0.2, keel)], hull)
    if rng.random() < 0.6:
        y = deck + (keel - deck) * 0.3
        pen.line([(-stern + 0.08, y), (0.86, y)], 0.06, lighter(hull, 0.7), outline=False)
    if rng.random() < 0.3:
        for i in range(3):
            pen.ellipse(-0.35 + 0.3 * i, (deck + keel) / 2 + 0.05, 0.06, 0.06, WHITE)


def snowman(pen, rng):
    snow = mix((250, 252, 255), (190, 215, 240), rng.uniform(0, 0.4))
    three = rng.random() < 0.6
    if three:
        balls = [(0.6, 0.38), (0.06, 0.29), (-0.4, 0.22)]
    else:
        balls = [(0.46, 0.5), (-0.24, 0.34)]
    head_y, head = balls[-1]
    mid_y, mid = balls[1] if three else balls[0]
    if rng.random() < 0.65:
        twig = (104, 72, 48)
        for sign in (-1, 1):
            lift = rng.uniform(-0.35, 0.05)
            hand = (sign * 0.82, mid_y + lift)
            pen.line([(sign * mid * 0.85, mid_y - 0.05), hand], 0.05, twig)
            for dx, dy in ((0.1, -0.12), (0.13, 0.02)):
                finger = [hand, (hand[0] + sign * dx, hand[1] + dy)]
                pen.line(finger, 0.035, twig, outline=False)
    wide = rng.uniform(0.98, 1.15)
    for y, r in balls:
        pen.ellipse(0, y, r * wide, r, snow)
    for i in range(rng.randint(2, 3)):
        pen.ellipse(0, mid_y - mid * 0.35 + 0.16 * i, 0.04, 0.04, BLACK, outline=False)
    if rng.random() < 0.75:
        cloth = paint(rng)
        y = head_y + head * 0.86
        tail = rng.choice((-1, 1)) * head * 0.5
        pen.line([(tail, y), (tail * 1.4, y + 0.3)], 0.13, darker(cloth, 0.15))
        pen.line(ring(0, y - 0.1, head * 0.85, 0.13, 5, 175), 0.13, cloth)
    for sign in (-1, 1):
        eye = (sign * head * 0.36, head_y - head * 0.2)
        pen.ellipse(*eye, 0.04, 0.045, BLACK, outline=False)
    side = rng.choice((-1, 1))
    nose = [(0, head_y - 0.03), (side * head * 1.1, head_y + 0.06), (0, head_y + 0.08)]
    pen.shape(nose, (240, 128, 36))
    for i in range(5):
        a = math.radians(40 + 25 * i)
        spot = (head * 0.6 * math.cos(a), head_y + head * 0.6 * math.sin(a))
        pen.ellipse(*spot, 0.02, 0.02, BLACK, outline=False)
    hat = rng.random()
    y = head_y - head * 0.78
    if hat < 0.55:
        felt = BLACK if rng.random() < 0.6 else paint(rng, value=(0.3, 0.6))
        tall = min(0.4, y + 0.98)
        pen.rect(-head * 0.72, y - tall, head * 0.72, y, felt)
        pen.rect(-head * 0.72, y - 0.12, head * 0.72, y - 0.02, paint(rng), outline=False)
        pen.rect(-head * 1.25, y - 0.03, head * 1.25, y + 0.06, felt, 0.04)
    elif hat < 0.85:
        wool = paint(rng)
        pen.shape(ring(0, y + 0.05, head * 0.88, head, 180, 360), wool)
        pen.rect(-head * 0.95, y - 0.02, head * 0.95, y + 0.12, lighter(wool, 0.5), 0.06)
        pen.ellipse(0, y - head * 0.95, 0.09, 0.09, lighter(wool, 0.6))


def star(pen, rng):
    gold = paint(rng, usually(rng, [0.13, 0.14, 0.12], 0.45), (0.6, 1.0), (0.8, 1.0))
    points = 5 if rng.random() < 0.85 else 6
    depth = rng.uniform(0.4, 0.52) if points == 5 else rng.uniform(0.5, 0.6)

    def outline(scale):
        corners = []
        for i in range(2 * points):
            a = math.pi * i / points
            r = scale * (1.0 if i % 2 == 0 else depth)
            corners.append((r * math.sin(a), 0.05 - r * math.cos(a)))
        return corners

    shape = outline(0.98)
    rounded = rng.random() < 0.35
    if rounded:
        soft = []
        for i, (x, y) in enumerate(shape):
            if i % 2 == 1:
                soft.append((x, y))
                continue
            before, after = shape[i - 1], shape[(i + 1) % len(shape)]
            for end in (before, after):
                soft.append((x + (end[0] - x) * 0.2, y + (end[1] - y) * 0.2))
        shape = smooth(soft, steps=4)
    pen.shape(shape, gold)
    extra = rng.random()
    if extra < 0.25:
        pen.shape(outline(rng.uniform(0.5, 0.68)), lighter(gold, 0.45), outline=False)
    elif extra < 0.5:
        corners = outline(0.98)
        for i in range(0, 2 * points, 2):
            facet = [(0, 0.05), corners[i], corners[i + 1]]
            pen.shape(facet, darker(gold, 0.22), outline=False)
    elif extra < 0.75:
        face(pen, rng, 0, 0.1, 0.42)


def sun(pen, rng):
    gold = paint(rng, usually(rng, [0.1, 0.13, 0.15, 0.08], 0.12), (0.65, 1.0), (0.85, 1.0))
    ray = gold if rng.random() < 0.4 else paint(rng, [0.07, 0.1, 0.13, 0.03], value=(0.8, 1.0))
    count = rng.randint(9, 18)
    core = rng.uniform(0.48, 0.62)
    gap = rng.uniform(0.0, 0.1)
    kind = rng.choice(["triangle", "triangle", "line", "wave"])
    turn = rng.uniform(0, 2 * math.pi)
    for i in range(count):
        a = turn + 2 * math.pi * i / count
        reach = 0.98 if i % 2 == 0 or count % 2 else rng.uniform(0.8, 0.98)
        c, s = math.cos(a), math.sin(a)
        if kind == "line":
            base = core + gap + 0.04
            pen.line([(c * base, s * base), (c * reach, s * reach)], 0.085, ray)
            continue
        half = math.pi / count * 0.82
        base = core + gap if gap > 0.03 else core * 0.9
        skew = 0.12 if kind == "wave" else 0.0
        tip = (reach * math.cos(a + skew), reach * math.sin(a + skew))
        corners = [(base * math.cos(a + k * half), base * math.sin(a + k * half)) for k in (-1, 1)]
        pen.shape([corners[0], tip, corners[1]], ray)
    pen.ellipse(0, 0, core, core, gold)
    if rng.random() < 0.5:
        face(pen, rng, 0, 0, core * 0.75)
        if rng.random() < 0.5:
            for sign in (-1, 1):
                cheek = ring(sign * core * 0.55, core * 0.18, core * 0.14, core * 0.1)
                pen.gloss(cheek, 0.5, (250, 110, 90))


def _conifer(pen, rng, trunk):
    leaf = paint(rng, usually(rng, [0.33, 0.38, 0.42], 0.1), value=(0.3, 0.7))
    pen.rect(-0.1, 0.55, 0.1, 0.97, trunk)
    tiers = rng.randint(2, 4)
    wide = rng.uniform(0.5, 0.72)
    for i in range(tiers):
        low = 0.7 - 1.2 * i / (tiers + 0.5)
        high = max(-0.98, low - 2.1 / (tiers + 0.4))
        w = wide * (1 - 0.72 * i / tiers)
        sag = rng.uniform(0.02, 0.08)
        tier = [(-w, low), (0, high), (w, low), (0, low + sag)]
        pen.shape(tier, lighter(leaf, 0.08 * i))
        if rng.random() < 0.2:
            cap = [(-w * 0.35, high + (low - high) * 0.35), (0, high)]
            pen.shape(cap + [(w * 0.35, cap[0][1])], WHITE, outline=False)


def tree(pen, rng):
    trunk = paint(rng, [0.06, 0.08], (0.4, 0.7), (0.3, 0.55))
    if rng.random() < 0.38:
        _conifer(pen, rng, trunk)
        return
    leaf = paint(rng, usually(rng, [0.25, 0.3, 0.35, 0.3, 0.08, 0.03], 0.1), value=(0.45, 0.85))
    thin = rng.uniform(0.08, 0.14)
    flare = thin * rng.uniform(1.3, 2.2)
    pen.curve(
        [(-thin, -0.1), (-thin, 0.5), (-flare, 0.97), (flare, 0.97), (thin, 0.5), (thin, -0.1)],
        trunk,
    )
    for sign in (-1, 1):
        branch = [(0, 0.35), (sign * 0.28, 0.02)]
        pen.line(branch, thin * 0.7, trunk, outline=False)
    crown = []
    middle = rng.uniform(-0.4, -0.3)
    if rng.random() < 0.3:
        crown.append(ring(0, middle, rng.uniform(0.5, 0.75), 0.56))
    else:
        count = rng.randint(5, 7)
        for i in range(count):
            a = 2 * math.pi * i / count + rng.uniform(-0.2, 0.2)
            r = rng.uniform(0.28, 0.36)
            crown.append(ring(0.42 * math.cos(a), middle + 0.26 * math.sin(a), r, r))
        crown.append(ring(0, middle, 0.4, 0.36))
    pen.union(crown, leaf)
    for _ in range(rng.choice([0, 3, 6])):
        x, y = rng.uniform(-0.4, 0.4), middle + rng.uniform(-0.3, 0.3)
        pen.line(ring(x, y, 0.1, 0.08, 200, 340), 0.03, darker(leaf, 0.25), outline=False)
    if rng.random() < 0.25:
        fruit = paint(rng, [0.0, 0.08, 0.95])
        for _ in range(rng.randint(4, 8)):
            a, r = rng.uniform(0, 6.28), rng.uniform(0.1, 0.45)
            pen.ellipse(r * math.cos(a), middle + 0.8 * r * math.sin(a), 0.055, 0.055, fruit)


def umbrella(pen, rng):
    cloth = paint(rng)
    other = cloth if rng.random() < 0.35 else (WHITE if rng.random() < 0.4 else paint(rng))
    stick = rng.choice([(110, 70, 42), (70, 70, 78), (180, 140, 70)])
    side = rng.choice((-1, 1))
    edge, peak = rng.uniform(-0.05, 0.1), rng.uniform(-0.88, -0.72)
    hook = rng.uniform(0.14, 0.2)
    pen.line([(0, peak - 0.1), (0, edge)], 0.05, stick)
    start = 180 if side > 0 else 0
    handle = [(0, edge - 0.1), (0, 0.82)]
    handle += ring(side * hook, 0.8, hook, 0.17, start, 180 - start)[1:]
    pen.line(handle, rng.uniform(0.05, 0.08), stick)
    panels = rng.choice([4, 5, 6, 6])
    wide = rng.uniform(0.85, 0.98)
    drop = rng.uniform(0.06, 0.14)
    xs = [-wide * math.cos(math.pi * i / panels) for i in range(panels + 1)]
    for i in range(panels):
        a, b = xs[i], xs[i + 1]
        left = [
            (
                a * math.sin(t * math.pi / 2 / 8),
                edge + (peak - edge) * math.cos(t * math.pi / 2 / 8),
            )
            for t in range(9)
        ]
        right = [
            (
                b * math.sin(t * math.pi / 2 / 8),
                edge + (peak - edge) * math.cos(t * math.pi / 2 / 8),
            )
            for t in range(9)
        ]
        scallop = ring((a + b) / 2, edge, (b - a) / 2, drop, 180, 360)
        pen.shape(left + scallop[1:-1] + right[::-1], cloth if i % 2 == 0 else other)
    pen.gloss(ring(-wide * 0.45, (edge + peak) / 2, 0.08, 0.24, angle=32), 0.25)
    if rng.random() < 0.2:
        dots = lighter(cloth, 0.6)
        for x, h in ((-0.5, 0.4), (-0.1, 0.7), (0.3, 0.45), (0.55, 0.3), (0.0, 0.3)):
            pen.ellipse(x * wide, edge + (peak - edge) * h, 0.06, 0.06, dots, outline=False)
