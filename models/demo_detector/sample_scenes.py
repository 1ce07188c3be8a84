"""Draws the sample pictures in images/ and expected.json, the names of the things in each.

python3 sample_scenes.py
"""

import json
import pathlib
import random

import scenes  # noqa: F401  (finds ../demo)
import backgrounds
import draw
from pen import Style

HERE = pathlib.Path(__file__).resolve().parent
SIZE = (640, 480)

# File, background, seed, things from back to front: name, centre as shares of width and height, size
# as a share of the height, turn in degrees.
SAMPLES = [
    (
        "garden.jpg",
        "meadow",
        3,
        [
            ("sun", 0.86, 0.17, 0.28, 10),
            ("tree", 0.15, 0.47, 0.56, 0),
            ("house", 0.40, 0.50, 0.46, 0),
            ("car", 0.72, 0.67, 0.40, 0),
            ("flower", 0.30, 0.80, 0.30, -8),
            ("mushroom", 0.50, 0.84, 0.24, 4),
            ("butterfly", 0.60, 0.24, 0.26, 20),
        ],
    ),
    (
        "table.jpg",
        "room",
        12,
        [
            ("clock", 0.24, 0.30, 0.42, 0),
            ("umbrella", 0.78, 0.36, 0.50, 14),
            ("cup", 0.44, 0.70, 0.38, 0),
            ("apple", 0.66, 0.78, 0.28, 0),
            ("key", 0.20, 0.82, 0.28, 70),
        ],
    ),
    (
        "bay.png",
        "sea",
        5,
        [
            ("sailboat", 0.28, 0.48, 0.62, -3),
            ("sailboat", 0.74, 0.42, 0.36, 4),
            ("fish", 0.66, 0.80, 0.30, -8),
            ("star", 0.52, 0.20, 0.22, 10),
        ],
    ),
]


def sample(ground, seed, things):
    rng = random.Random(f"scene/{seed}")
    picture = getattr(backgrounds, ground)(SIZE, rng)
    style = Style(outline="tone", outline_width=0.022, shade=0.75)
    for name, x, y, share, turn in things:
        place = draw.Placement(x * SIZE[0], y * SIZE[1], share * SIZE[1], turn)
        draw.draw_object(picture, name, place, rng, style=style, shadow=True, sticker=False)
    return picture


def main():
    folder = HERE / "images"
    folder.mkdir(exist_ok=True)
    expected = {}
    for name, ground, seed, things in SAMPLES:
        picture = sample(ground, seed, things)
        options = {"quality": 88} if name.endswith(".jpg") else {"optimize": True}
        picture.save(folder / name, **options)
        expected[name] = sorted(thing[0] for thing in things)
    (HERE / "expected.json").write_text(json.dumps(expected, indent=2) + "\n")


if __name__ == "__main__":
    main()
