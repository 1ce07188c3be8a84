"""Draws the sample pictures in images/ and expected.json.

python3 samples.py
"""

import json
import pathlib
import random

import backgrounds
import draw
from pen import Style

HERE = pathlib.Path(__file__).resolve().parent
DARK = (30, 24, 40)

# File, background, size, place (centre and size as shares of width and height, turn), style, seed.
SAMPLES = [
    ("sailboat.jpg", "sea", (480, 360), (0.52, 0.52, 0.72, -4), "tone", 27),
    ("house.png", "meadow", (480, 360), (0.5, 0.55, 0.66, 0), "tone", 25),
    ("butterfly.jpg", "meadow", (480, 360), (0.5, 0.48, 0.74, 18), "tone", 23),
    ("umbrella.jpg", "gradient", (360, 480), (0.5, 0.5, 0.86, 16), "tone", 20),
    ("fish.bmp", "glow", (192, 144), (0.5, 0.5, 0.8, -6), "tone", 21),
    ("mushroom.png", "meadow", (400, 400), (0.5, 0.54, 0.7, 3), "dark", 21),
    ("cup.jpg", "room", (480, 360), (0.48, 0.52, 0.76, 0), "tone", 24),
    ("snowman.jpg", "lights", (360, 480), (0.5, 0.52, 0.9, 0), "tone", 26),
    ("car.png", "meadow", (480, 320), (0.5, 0.62, 0.98, 0), "dark", 26),
    ("clock.jpg", "stripes", (480, 360), (0.5, 0.5, 0.8, 0), "tone", 27),
]


def sample(name, ground, size, place, outline, seed):
    label = name.split(".")[0]
    rng = random.Random(f"sample/{label}/{seed}")
    picture = getattr(backgrounds, ground)(size, rng)
    x, y, across, turn = place
    where = draw.Placement(x * size[0], y * size[1], across * min(size), turn)
    style = Style(outline="tone" if outline == "tone" else DARK, outline_width=0.022, shade=0.75)
    draw.draw_object(picture, label, where, rng, style=style, shadow=True, sticker=False)
    return picture


def main():
    folder = HERE / "images"
    folder.mkdir(exist_ok=True)
    expected = {}
    for name, *rest in SAMPLES:
        picture = sample(name, *rest)
        options = {"quality": 90} if name.endswith(".jpg") else {}
        if name.endswith(".png"):
            options["optimize"] = True
        picture.save(folder / name, **options)
        expected[name] = name.split(".")[0]
    (HERE / "expected.json").write_text(json.dumps(expected, indent=2) + "\n")


if __name__ == "__main__":
    main()
