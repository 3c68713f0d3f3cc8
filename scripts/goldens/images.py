"""Small images of every kind that decoders meet, and what Pillow makes of each.

Writes test/golden/images/* and images.json: per case the file, the short side asked for (null: full size),
and either the upright size with the SHA-256 of the RGB pixels, or the code of the expected error.
Run: /usr/bin/python3 scripts/goldens/images.py
"""
import hashlib
import io
import json
import pathlib
import struct
import zlib

import numpy as np
import PIL
from PIL import Image, ImageOps

OUT = pathlib.Path(__file__).resolve().parents[2] / "test/golden/images"
ORIENTATION = 0x0112
cases = []


def picture(width, height, channels=3, seed=1):
    """Smooth colours with some noise, so that codecs have both to do: uint8 [height, width, channels]."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width]
    waves = [128 + 100 * np.sin(x / (7 + 5 * c) + c) * np.cos(y / (9 + 4 * c)) for c in range(channels)]
    noise = random.normal(scale=9, size=(height, width, channels))
    return np.clip(np.stack(waves, -1) + noise, 0, 255).astype(np.uint8)


def image(width, height, mode="RGB", seed=1):
    channels = len(Image.new(mode, (1, 1)).getbands())
    pixels = picture(width, height, channels, seed)
    return Image.fromarray(pixels[..., 0] if channels == 1 else pixels, mode)


def encode(source, file_format, **options):
    buffer = io.BytesIO()
    source.save(buffer, file_format, **options)
    return buffer.getvalue()


def exif(orientation, big_endian=True):
    order, code = (">", b"MM") if big_endian else ("<", b"II")
    entry = struct.pack(order + "HHIHH", ORIENTATION, 3, 1, orientation, 0)
    return code + struct.pack(order + "HIH", 42, 8, 1) + entry + bytes(4)


# What is expected.


def to_rgb(opened):
    """Upright, 8 bits, over white: the contract of core/image.ts."""
    opened = ImageOps.exif_transpose(opened)
    if opened.mode.startswith("I"):
        opened = Image.fromarray((np.asarray(opened) >> 8).astype(np.uint8), "L")
    if opened.mode in ("LA", "PA", "RGBA") or "transparency" in opened.info:
        rgba = opened.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB")
    return opened.convert("RGB")


def add(name, data, file=None, expected=None, short_side=None, error=None):
    """`expected` is a Pillow image where Pillow itself does not read the file as the contract says."""
    file = file or name
    path = OUT / file
    if not path.exists() or path.read_bytes() != data:
        path.write_bytes(data)
    case = {"name": name, "file": file, "shortSide": short_side}
    if error is not None:
        cases.append({**case, "error": error})
        return data
    if expected is None:
        expected = Image.open(io.BytesIO(data))
        if short_side is not None:
            expected.draft(expected.mode, scaled_size(*expected.size, short_side))
        expected = to_rgb(expected)
    digest = hashlib.sha256(expected.tobytes()).hexdigest()
    cases.append({**case, "width": expected.width, "height": expected.height, "sha256": digest})
    return data


def scaled_size(width, height, short_side):
    """core/jpeg-scale.ts."""
    short = min(width, height)
    scale = next((s for s in (8, 4, 2) if -(-short // s) >= 2 * short_side), 1)
    return width // scale, height // scale


# JPEG.


def jpegs():
    photo = image(200, 151)
    kinds = {
        "420": dict(subsampling=2),
        "422": dict(subsampling=1),
        "444": dict(subsampling=0),
        "progressive": dict(progressive=True, subsampling=2),
        "progressive-444": dict(progressive=True, subsampling=0),
    }
    for name, options in kinds.items():
        data = encode(photo, "JPEG", quality=60, **options)
        add(f"{name}.jpg", data)
        for short_side in (37, 18, 9):
            add(f"{name}.jpg for short side {short_side}", data, file=f"{name}.jpg", short_side=short_side)
    grey = encode(image(200, 151, "L"), "JPEG", quality=80)
    add("grey.jpg", grey)
    add("grey.jpg for short side 18", grey, file="grey.jpg", short_side=18)
    cmyk = encode(image(120, 90, "CMYK"), "JPEG", quality=80)
    add("cmyk.jpg", cmyk)
    add("cmyk.jpg for short side 11", cmyk, file="cmyk.jpg", short_side=11)
    add("1x1.jpg", encode(image(1, 1), "JPEG"))
    add("1x300.jpg", encode(image(1, 300), "JPEG"))
    add("17x3.jpg", encode(image(17, 3), "JPEG"))

    small = encode(image(40, 24), "JPEG", quality=80)
    for orientation in range(1, 9):
        block = b"Exif\0\0" + exif(orientation, big_endian=orientation % 2 == 0)
        add(f"orientation-{orientation}.jpg", with_segment(small, 0xE1, block))
    add("orientation-9.jpg", with_segment(small, 0xE1, b"Exif\0\0" + exif(9)), expected=open_rgb(small))
    add("damaged-exif.jpg", with_segment(small, 0xE1, b"Exif\0\0MM\0\x2a\xff"), expected=open_rgb(small))

    photo = image(64, 49)
    plain = encode(photo, "JPEG", quality=80, subsampling=2)
    scan = plain.index(b"\xff\xda")
    half = scan + (len(plain) - scan) // 2
    add("trailing-bytes.jpg", plain + b"after the end", expected=open_rgb(plain))
    add("stray-bytes.jpg", plain[:scan] + b"stray" + plain[scan:], expected=open_rgb(plain))
    add("truncated.jpg", plain[:half], error="invalid_image")
    add("truncated-with-end.jpg", plain[:half] + b"\xff\xd9", error="invalid_image")
    add("without-end.jpg", plain[:-2], error="invalid_image")
    add("only-header.jpg", plain[:scan], error="invalid_image")
    damaged = bytearray(plain)
    damaged[half : half + 8] = b"\xff\x00" * 4  # 32 ones are no Huffman code
    add("damaged.jpg", bytes(damaged), error="invalid_image")
    progressive = encode(photo, "JPEG", quality=80, progressive=True)
    add("truncated-progressive.jpg", progressive[: len(progressive) // 2], error="invalid_image")
    frame = plain.index(b"\xff\xc0")
    add("arithmetic.jpg", plain[:frame] + b"\xff\xc9" + plain[frame + 2 :], error="unsupported_image")
    huge = plain[: frame + 5] + struct.pack(">HH", 65500, 65500) + plain[frame + 9 :]
    add("huge.jpg", huge, error="image_too_large")


def with_segment(data, marker, content):
    return data[:2] + struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content + data[2:]


def open_rgb(data):
    return Image.open(io.BytesIO(data)).convert("RGB")


# PNG: written here, because Pillow writes neither interlaced nor 16-bit RGB files.


def chunk(kind, data):
    body = kind + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def png(samples, depth, color_type, interlaced=False, before=b"", after=b"", size=None, stream=None):
    """`samples`: integers [height, width, samples per pixel]; `before` and `after` the picture data."""
    height, width, _ = samples.shape
    passes = [(0, 0, 1, 1)]
    if interlaced:
        passes = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
    raw = b"".join(filtered(samples[y::dy, x::dx], depth) for x, y, dx, dy in passes)
    packed = zlib.compress(raw) if stream is None else stream(raw)
    header = struct.pack(">IIBBBBB", *(size or (width, height)), depth, color_type, 0, 0, int(interlaced))
    # Two pieces, so that the data is never all in one chunk.
    idat = chunk(b"IDAT", packed[:20]) + chunk(b"IDAT", packed[20:])
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + before + idat + after + chunk(b"IEND", b"")


def filtered(samples, depth):
    """Rows with filter types 0…4 in turn."""
    height, width, count = samples.shape
    if height == 0 or width == 0:
        return b""
    if depth == 16:
        rows = samples.astype(">u2").reshape(height, -1).view(np.uint8)
    elif depth == 8:
        rows = samples.astype(np.uint8).reshape(height, -1)
    else:
        bits = (samples.reshape(height, -1, 1) >> np.arange(depth)[::-1]) & 1
        rows = np.packbits(bits.reshape(height, -1).astype(np.uint8), axis=1)
    bpp = max(depth * count // 8, 1)
    above = np.zeros_like(rows[0])
    out = []
    for index, row in enumerate(rows):
        kind = index % 5
        left = np.concatenate([np.zeros(bpp, np.uint8), row[:-bpp]]) if len(row) > bpp else np.zeros_like(row)
        corner = np.concatenate([np.zeros(bpp, np.uint8), above[:-bpp]]) if len(row) > bpp else np.zeros_like(row)
        a, b, c = left.astype(int), above.astype(int), corner.astype(int)
        distances = np.stack([abs(b - c), abs(a - c), abs(a + b - 2 * c)])
        paeth = np.choose(distances.argmin(axis=0), [a, b, c])
        prediction = [0 * a, a, b, (a + b) // 2, paeth][kind]
        out.append(bytes([kind]) + ((row - prediction) & 255).astype(np.uint8).tobytes())
        above = row
    return b"".join(out)


def pngs():
    width, height = 45, 33
    wide = lambda count, depth, seed=1: picture(width, height, count, seed).astype(int) * (2**depth - 1) // 255
    palette = picture(16, 16, 3, seed=7).reshape(-1, 3)
    for interlaced in (False, True):
        suffix = "-interlaced" if interlaced else ""
        for depth in (1, 2, 4, 8, 16):
            add(f"grey-{depth}{suffix}.png", png(wide(1, depth), depth, 0, interlaced))
        for depth in (1, 2, 4, 8):
            plte = chunk(b"PLTE", palette[: 2**depth].tobytes())
            add(f"palette-{depth}{suffix}.png", png(wide(1, depth), depth, 3, interlaced, before=plte))
        for depth in (8, 16):
            add(f"rgb-{depth}{suffix}.png", png(wide(3, depth), depth, 2, interlaced))
            add(f"grey-alpha-{depth}{suffix}.png", png(wide(2, depth), depth, 4, interlaced))
            add(f"rgba-{depth}{suffix}.png", png(wide(4, depth), depth, 6, interlaced))

    plte = chunk(b"PLTE", palette.tobytes())
    alphas = chunk(b"tRNS", bytes(range(0, 200)))
    add("palette-alpha.png", png(wide(1, 8), 8, 3, before=plte + alphas))
    short = chunk(b"PLTE", palette[:100].tobytes())
    black = np.concatenate([palette[:100], np.zeros((156, 3), np.uint8)])[wide(1, 8)[..., 0]]
    add("palette-short.png", png(wide(1, 8), 8, 3, before=short), expected=Image.fromarray(black, "RGB"))
    key = int(wide(1, 8)[5, 5, 0])
    add("grey-key.png", png(wide(1, 8), 8, 0, before=chunk(b"tRNS", struct.pack(">H", key))))
    few = picture(width, height, 3) // 64 * 64
    add("rgb-key.png", png(few.astype(int), 8, 2, before=chunk(b"tRNS", struct.pack(">HHH", *few[5, 5].tolist()))))
    # Equal in the high bytes only is not transparent.
    deep = few.astype(int) * 256
    deep[::2, :, 2] += 1
    shown = np.where((deep == deep[5, 5]).all(axis=-1, keepdims=True), 255, deep >> 8).astype(np.uint8)
    transparent = chunk(b"tRNS", struct.pack(">HHH", *deep[5, 5].tolist()))
    add("rgb-16-key.png", png(deep, 16, 2, before=transparent), expected=Image.fromarray(shown, "RGB"))

    rgb = wide(3, 8)
    add("exif-6.png", png(rgb, 8, 2, before=chunk(b"eXIf", exif(6))))
    add("exif-after-picture.png", png(rgb, 8, 2, after=chunk(b"eXIf", exif(8))), expected=to_rgb_turned(rgb, 8))
    add("1x1.png", png(rgb[:1, :1], 8, 2))
    add("1x1-interlaced.png", png(rgb[:1, :1], 8, 2, interlaced=True))
    add("3x5-interlaced.png", png(rgb[:5, :3], 8, 2, interlaced=True))
    add("wrong-extension.jpg", png(rgb[:8, :8], 8, 2))
    bad_text = bytearray(chunk(b"tEXt", b"Comment\0text"))
    bad_text[-1] ^= 1
    add("damaged-comment.png", png(rgb, 8, 2, before=bytes(bad_text)), expected=Image.fromarray(rgb.astype(np.uint8)))

    plain = png(rgb, 8, 2)
    add("truncated.png", plain[: len(plain) // 2], error="invalid_image")
    add("without-end.png", plain[:-12], error="invalid_image")
    add("damaged-header.png", plain[:20] + b"\x01" + plain[21:], error="invalid_image")
    add("wrong-checksum.png", png(rgb, 8, 2, stream=lambda raw: zlib.compress(raw)[:-1] + b"\0"), error="invalid_image")
    add("too-few-rows.png", png(rgb, 8, 2, stream=lambda raw: zlib.compress(raw[:-500])), error="invalid_image")
    add("too-many-rows.png", png(rgb, 8, 2, stream=lambda raw: zlib.compress(raw + bytes(500))), expected=Image.fromarray(rgb.astype(np.uint8)))
    add("wrong-filter.png", png(rgb, 8, 2, stream=lambda raw: zlib.compress(b"\5" + raw[1:])), error="invalid_image")
    add("without-palette.png", png(wide(1, 8), 8, 3), error="invalid_image")
    add("without-picture.png", plain[:33] + chunk(b"IEND", b""), error="invalid_image")
    add("wrong-depth.png", png(rgb, 8, 7), error="invalid_image")
    add("huge.png", png(rgb, 8, 2, size=(60000, 60000)), error="image_too_large")
    # A bomb: 5 MB of zeros in 5 kB behind a header that asks for 128 bytes. Only those are inflated.
    bomb = lambda raw: zlib.compress(bytes(5_000_000), 9)
    add("bomb.png", png(rgb[:8, :5], 8, 2, stream=bomb), expected=Image.new("RGB", (5, 8)))


def to_rgb_turned(samples, orientation):
    upright = Image.fromarray(samples.astype(np.uint8), "RGB")
    upright.getexif()[ORIENTATION] = orientation
    return ImageOps.exif_transpose(upright)


# WebP.


def webps():
    photo = image(100, 75)
    cut_out = image(100, 75, "RGBA")
    add("lossy.webp", encode(photo, "WEBP", quality=80))
    add("lossless.webp", encode(image(50, 37), "WEBP", lossless=True))
    add("alpha.webp", encode(cut_out, "WEBP", quality=80))
    add("alpha-lossless.webp", encode(image(50, 37, "RGBA"), "WEBP", lossless=True))
    add("1x1.webp", encode(image(1, 1), "WEBP"))
    add("exif-6.webp", encode(photo, "WEBP", quality=80, exif=exif(6)))
    add("exif-5-prefixed.webp", encode(photo, "WEBP", quality=80, exif=b"Exif\0\0" + exif(5, big_endian=False)))

    plain = encode(photo, "WEBP", quality=80)
    add("truncated.webp", plain[: len(plain) // 2], error="invalid_image")
    cut = plain[: len(plain) // 2 & ~1]
    consistent = b"RIFF" + struct.pack("<I", len(cut) - 8) + cut[8:16] + struct.pack("<I", len(cut) - 20) + cut[20:]
    add("truncated-consistent.webp", consistent, error="invalid_image")
    extended = bytearray(encode(photo, "WEBP", quality=80, exif=exif(1)))
    extended[24] += 1
    add("wrong-canvas.webp", bytes(extended), error="invalid_image")
    lossless = bytearray(encode(photo.resize((50, 37)), "WEBP", lossless=True))
    lossless[21:25] = struct.pack("<I", 16383 | 16383 << 14)
    add("huge.webp", bytes(lossless), error="image_too_large")
    frames = [image(20, 15, seed=seed) for seed in (1, 2)]
    moving = encode(frames[0], "WEBP", save_all=True, append_images=frames[1:])
    add("animated.webp", moving, error="unsupported_image")


def others():
    add("zeros.jpg", bytes(1000), error="unsupported_image")
    add("empty.jpg", b"", error="invalid_image")
    add("web-page.jpg", b"<!doctype html><title>404</title>", error="unsupported_image")
    add("picture.gif", encode(image(20, 15).convert("P"), "GIF"), error="unsupported_image")
    add("picture.bmp", encode(image(20, 15), "BMP"), error="unsupported_image")
    add("only-magic.jpg", b"\xff\xd8\xff", error="invalid_image")
    add("only-magic.png", b"\x89PNG\r\n\x1a\n", error="invalid_image")
    add("only-magic.webp", b"RIFF\4\0\0\0WEBP", error="invalid_image")


def main():
    OUT.mkdir(parents=True, exist_ok=True)
    jpegs()
    pngs()
    webps()
    others()
    made_by = f"scripts/goldens/images.py, Pillow {PIL.__version__}"
    (OUT / "images.json").write_text(json.dumps({"madeBy": made_by, "cases": cases}).replace('{"name"', '\n{"name"') + "\n")
    kept = {case["file"] for case in cases} | {"images.json"}
    for path in OUT.iterdir():
        if path.name not in kept:
            path.unlink()
    total = sum(path.stat().st_size for path in OUT.iterdir())
    print(f"{len(cases)} cases, {len(kept) - 1} files, {total / 1000:.0f} kB")


main()
