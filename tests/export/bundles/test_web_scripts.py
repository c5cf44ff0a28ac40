"""The page's scripts give what Python gives, byte for byte: pixels, orientation, golden samples, scores."""

import random
import struct
import zlib

import cv2
import numpy as np
import pytest
from edgecls_device.exif import turn_upright
from edgecls_device.golden import golden_inputs
from edgecls_device.images import decode_image
from edgecls_device.postprocessing import UNKNOWN_LABEL, shown_scores
from edgecls_device.preprocessing import resize
from edgecls_device.records import encode
from edgecls_device.spec import Group, Preprocessing

from tests.device.tiny_models import tiny_spec
from tests.device.web.browser import browsing, missing_program
from tests.export.bundles.web_page import ask, serving, tiny_folder

pytestmark = pytest.mark.skipif(bool(missing_program()), reason=f"needs {missing_program()}")

RULES = ("crop", "stretch", "letterbox")
SIZES = [(1, 1), (1, 9), (64, 2), (8, 8), (16, 16), (17, 33), (31, 64), (224, 224), (300, 453)]
TIFFS = {
    "little": lambda value: (
        b"II*\0\x08\0\0\0\x01\0" + struct.pack("<HHIHH", 0x0112, 3, 1, value, 0) + bytes(4)
    ),
    "big": lambda value: (
        b"MM\0*\0\0\0\x08\0\x01" + struct.pack(">HHIHH", 0x0112, 3, 1, value, 0) + bytes(4)
    ),
}


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A browser at the address of a folder, whose scripts can be imported."""
    folder = tiny_folder(tmp_path_factory.mktemp("web") / "out", tiny_spec())
    profile = tmp_path_factory.mktemp("profile")
    with serving(folder) as url, browsing(profile) as browser:
        browser.open(url + "README.txt")
        yield browser


def rgba(pixels):
    return np.dstack([pixels, np.full(pixels.shape[:2], 255, np.uint8)]).tobytes()


def resized(page, pixels, rule):
    height, width = pixels.shape[:2]
    picture = "{pixels: given[0], height: given[1], width: given[2]}"
    out = ask(
        page,
        "pixels",
        f"module.resize({picture}, given[3])",
        rgba(pixels),
        height,
        width,
        encode(rule),
    )
    return np.frombuffer(out, np.uint8).reshape(rule.height, rule.width, 3)


def in_python(pixels, rule):
    return resize(np.ascontiguousarray(pixels[:, :, ::-1]), rule)


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("size", SIZES, ids=str)
def test_pixels_are_the_same_bytes(page, size, rule, interpolation):
    rng = np.random.default_rng(size[0] * 10_000 + size[1])
    pixels = rng.integers(0, 256, (*size, 3), np.uint8)
    for height, width in ((64, 64), (12, 18)):
        wanted = Preprocessing(height=height, width=width, resize=rule, interpolation=interpolation)
        assert (resized(page, pixels, wanted) == in_python(pixels, wanted)).all()


@pytest.mark.parametrize("interpolation", ["bilinear", "nearest"])
def test_places_on_the_border_between_two_pixels_go_to_the_same_one(page, interpolation):
    """``1 / (to / from)`` and ``from / to`` differ in the last bit, which decides here."""
    for size, target in (((6, 9), (34, 51)), ((3, 5), (17, 37)), ((9, 6), (111, 94))):
        pixels = np.random.default_rng(6).integers(0, 256, (*size, 3), np.uint8)
        rule = Preprocessing(
            height=target[0], width=target[1], resize="stretch", interpolation=interpolation
        )
        assert (resized(page, pixels, rule) == in_python(pixels, rule)).all(), (size, target)


def test_pixels_of_a_large_photo_are_the_same_bytes(page):
    pixels = np.random.default_rng(9).integers(0, 256, (1080, 1919, 3), np.uint8)
    rule = Preprocessing(height=224, width=224)
    assert (resized(page, pixels, rule) == in_python(pixels, rule)).all()


def test_pixels_are_the_same_bytes_for_any_sizes(page):
    chance = random.Random(8)
    rng = np.random.default_rng(8)
    for _ in range(60):
        size = chance.randint(1, 200), chance.randint(1, 200)
        rule = Preprocessing(
            height=chance.randint(1, 96),
            width=chance.randint(1, 96),
            resize=chance.choice(RULES),
            crop_fraction=chance.choice([1.0, 0.875, chance.uniform(0.01, 1)]),
            interpolation=chance.choice(["bilinear", "bilinear", "nearest"]),
        )
        pixels = rng.integers(0, 256, (*size, 3), np.uint8)
        assert (resized(page, pixels, rule) == in_python(pixels, rule)).all(), (size, rule)


@pytest.mark.parametrize("seed", [0, 7, 2**40])
def test_golden_inputs_are_the_same_bytes(page, seed):
    height, width = 61, 48
    wanted = golden_inputs(seed, height, width, count=8)
    inputs = "[...Array(8).keys()].map((i) => module.goldenInput(given[0], i, given[1], given[2]))"
    assert ask(page, "golden", inputs, seed, height, width) == [w.tobytes() for w in wanted]


def in_jpeg(data, tiff):
    body = b"Exif\0\0" + tiff
    return data[:2] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[2:]


def in_png(data, tiff):
    body = b"eXIf" + tiff
    return (
        data[:33]
        + struct.pack(">I", len(tiff))
        + body
        + struct.pack(">I", zlib.crc32(body))
        + data[33:]
    )


def in_webp(data, tiff):
    """An extended WebP (VP8X) around a simple one."""
    width, height = 24, 16
    flags = (
        struct.pack("<I", 0x08)
        + (width - 1).to_bytes(3, "little")
        + (height - 1).to_bytes(3, "little")
    )
    chunks = [b"VP8X" + struct.pack("<I", 10) + flags, data[12:]]
    chunks.append(b"EXIF" + struct.pack("<I", len(tiff)) + tiff + bytes(len(tiff) % 2))
    body = b"WEBP" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body


FORMATS = {
    ".png": (in_png, []),
    ".webp": (in_webp, [cv2.IMWRITE_WEBP_QUALITY, 101]),  # 101: lossless
    ".jpg": (in_jpeg, []),
}


def decoded(page, data):
    shape = ask(
        page, "upright", "module.decode(given[0]).then((p) => [p.height, p.width, p.pixels])", data
    )
    return np.frombuffer(shape[2], np.uint8).reshape(*shape[:2], 4)[:, :, :3]


@pytest.mark.parametrize("order", TIFFS)
@pytest.mark.parametrize("suffix", FORMATS)
def test_photos_are_upright_as_exif_says(page, suffix, order):
    rng = np.random.default_rng(3)
    image = cv2.resize(rng.integers(0, 256, (4, 6, 3), np.uint8), (24, 16))
    put_in, options = FORMATS[suffix]
    plain = cv2.imencode(suffix, image, options)[1].tobytes()
    stored = decode_image(plain)
    for value in range(1, 9):
        data = put_in(plain, TIFFS[order](value))
        assert ask(page, "upright", "module.orientation(given[0])", data) == value
        wanted = decode_image(data)
        assert (wanted == turn_upright(stored, value)).all()
        assert (decoded(page, data) == wanted[:, :, ::-1]).all(), value


def profile_with_swapped_colors():
    """An ICC profile (ICC.1:2010) of the kind that phones write, but with red and blue swapped."""
    primaries = {
        "rXYZ": (0.143, 0.061, 0.714),
        "gXYZ": (0.385, 0.717, 0.097),
        "bXYZ": (0.436, 0.222, 0.014),
    }
    white = {"wtpt": (0.9642, 1.0, 0.8249)}

    def xyz(values):
        return b"XYZ " + bytes(4) + struct.pack(">3i", *(round(65536 * value) for value in values))

    curve = b"curv" + bytes(4) + struct.pack(">IH", 1, 0x0233) + bytes(2)  # a gamma of 2.2
    tags = {name: xyz(values) for name, values in (white | primaries).items()}
    tags |= dict.fromkeys(("rTRC", "gTRC", "bTRC"), curve)
    tags["desc"] = b"desc" + bytes(4) + struct.pack(">I", 2) + b"x\0" + bytes(78)
    tags["cprt"] = b"text" + bytes(4) + b"none\0" + bytes(3)
    table, data, start = b"", b"", 128 + 4 + 12 * len(tags)
    for name, content in tags.items():
        table += name.encode() + struct.pack(">2I", start + len(data), len(content))
        data += content + bytes(-len(content) % 4)
    size = start + len(data)
    header = struct.pack(">I4sI4s4s4s", size, bytes(4), 0x02100000, b"mntr", b"RGB ", b"XYZ ")
    header += bytes(12) + b"acsp" + bytes(28) + struct.pack(">3i", 63190, 65536, 54061)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + data


def test_colors_are_taken_as_they_are_stored(page):
    """Phones write colour profiles; neither OpenCV nor the page applies them."""
    plain = cv2.imencode(".jpg", np.full((16, 16, 3), (0, 0, 200), np.uint8))[1].tobytes()
    body = b"ICC_PROFILE\0\x01\x01" + profile_with_swapped_colors()
    data = plain[:2] + b"\xff\xe2" + struct.pack(">H", len(body) + 2) + body + plain[2:]
    applied = ask(
        page,
        "upright",
        "createImageBitmap(new Blob([given[0]])).then((bitmap) => module.pixelsOf(bitmap).pixels.slice(0, 3))",
        data,
    )
    assert applied[2] > applied[0]  # the profile is one that a browser understands
    assert (decoded(page, data) == decode_image(data)[:, :, ::-1]).all()


def test_transparent_pixels_are_laid_on_white(page):
    image = np.zeros((4, 4, 4), np.uint8)
    image[:, :2, 3], image[:, 2:, 3] = 0, 128
    data = cv2.imencode(".png", image)[1].tobytes()
    assert np.abs(decoded(page, data).astype(int) - decode_image(data)).max() <= 1


@pytest.mark.parametrize("suffix", FORMATS)
def test_photos_that_are_cut_off_are_refused(page, suffix):
    rng = np.random.default_rng(3)
    data = cv2.imencode(suffix, rng.integers(0, 256, (64, 64, 3), np.uint8))[1].tobytes()
    said = "module.decode(given[0]).then(() => 'decoded', (error) => error.message)"
    assert ask(page, "upright", said, data) == "decoded"
    assert "is cut off" in ask(page, "upright", said, data[: len(data) // 2])
    assert (
        ask(page, "upright", said, b"no picture")
        == "This browser cannot decode the file as a picture."
    )
    assert ask(page, "upright", said, b"") == "The file is empty."


SPECS = {
    "plain": tiny_spec(),
    "softened": tiny_spec(temperature=1.7, unknown_threshold=0.6),
    "sharpened": tiny_spec(temperature=0.4, unknown_threshold=0.8),
    "grouped": tiny_spec(
        groups=(Group(label="warm", members=(0, 1)), Group(label="cold", members=(2,))),
        temperature=1.3,
        unknown_threshold=0.7,
    ),
    "partly": tiny_spec(groups=(Group(label="blue", members=(2,)),), unknown_threshold=0.5),
}


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_scores_and_labels_are_the_same(page, spec):
    rng = np.random.default_rng(4)
    rows = rng.dirichlet([0.5] * 3, 40).astype(np.float32)
    rows[0] = [0.5, 0.5, 0.0]  # a tie goes to the first
    kinds = set()
    plain = "(all) => ({...all, scores: [...all.scores]})"
    decided = f"given[0].map((row) => module.decide(row, given[1])).map({plain})"
    for row, got in zip(
        rows, ask(page, "scores", decided, rows.tolist(), encode(spec)), strict=True
    ):
        wanted = shown_scores(row, spec)
        best = float(wanted.max())
        assert got["scores"] == pytest.approx(wanted.tolist(), abs=1e-6)
        assert got["top"][0]["label"] == spec.output_labels[int(wanted.argmax())]
        if abs(best - spec.unknown_threshold) > 1e-6:
            assert got["isUnknown"] == (best < spec.unknown_threshold)
        assert got["label"] == (UNKNOWN_LABEL if got["isUnknown"] else got["top"][0]["label"])
        kinds.add(got["isUnknown"])
    assert kinds == ({False} if not spec.unknown_threshold else {False, True})
