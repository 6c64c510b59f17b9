"""The Harbour Museum's logo: a house with columns in a disc, drawn as a small PNG picture."""

from __future__ import annotations

import struct
import zlib

SIZE = 72
FINE = 3
GROUND, PAPER = (11, 92, 122), (255, 255, 255)


def logo() -> bytes:
    """The picture, with smooth edges on a transparent ground."""
    rows = [b"\0" + b"".join(_pixel(x, y) for x in range(SIZE)) for y in range(SIZE)]
    header = struct.pack(">IIBBBBB", SIZE, SIZE, 8, 6, 0, 0, 0)
    chunks = (_chunk(b"IHDR", header), _chunk(b"IDAT", zlib.compress(b"".join(rows), 9)), _chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def _pixel(x: int, y: int) -> bytes:
    """The mean of some points in the pixel, so that edges are smooth."""
    points = [
        ((x + (across + 0.5) / FINE) / SIZE, (y + (down + 0.5) / FINE) / SIZE)
        for across in range(FINE)
        for down in range(FINE)
    ]
    inside = [point for point in points if (point[0] - 0.5) ** 2 + (point[1] - 0.5) ** 2 < 0.25]
    if not inside:
        return b"\0\0\0\0"
    share = sum(_in_house(*point) for point in inside) / len(inside)
    colour = (round(ground + (paper - ground) * share) for ground, paper in zip(GROUND, PAPER, strict=True))
    return bytes([*colour, round(255 * len(inside) / len(points))])


def _in_house(x: float, y: float) -> bool:
    roof = 0.22 < y < 0.38 and abs(x - 0.5) < (y - 0.20) * 1.7
    beam = 0.40 < y < 0.45 and abs(x - 0.5) < 0.27
    columns = 0.45 <= y < 0.66 and any(abs(x - middle) < 0.035 for middle in (0.30, 0.5, 0.70))
    floor = 0.66 <= y < 0.72 and abs(x - 0.5) < 0.30
    return roof or beam or columns or floor
