"""The chunks of a PNG: the size in the header, intact chunks, and the complete pixel stream."""

from __future__ import annotations

import struct
import zlib

import pytest

from exquisite.errors import PictureError
from exquisite.png_chunks import PNG_SIGNATURE, Header, check_pixel_stream, walk_chunks
from tests.support.png_reference import chunk

STREAM = zlib.compress(bytes(range(100)))


@pytest.mark.parametrize(
    ("size", "depth", "colour_type", "stream_bytes"),
    [
        ((1, 1), 1, 0, 2),
        ((8, 1), 1, 0, 2),
        ((9, 1), 1, 0, 3),
        ((3, 5), 2, 3, 5 * 2),
        ((5, 2), 4, 0, 2 * 4),
        ((5, 2), 8, 2, 2 * 16),
        ((5, 2), 16, 6, 2 * 41),
    ],
)
def test_each_row_is_whole_bytes_and_its_filter(
    size: tuple[int, int], depth: int, colour_type: int, stream_bytes: int
) -> None:
    assert Header(*size, depth, colour_type, 0, 0, 0).stream_bytes == stream_bytes


def test_interlaced_passes_without_pixels_have_no_rows() -> None:
    """Of 5 by 5 grey pixels the seven passes have 1, 1, 1, 2, 1, 3 and 2 rows of 1, 1, 2, 1, 3, 2 and 5 pixels."""
    assert Header(5, 5, 8, 0, 0, 0, 1).stream_bytes == 2 + 2 + 3 + 2 * 2 + 4 + 3 * 3 + 2 * 6
    assert Header(1, 1, 8, 0, 0, 0, 1).stream_bytes == 2


@pytest.mark.parametrize(
    "fields", [(8, 1, 0, 0, 0), (3, 0, 0, 0, 0), (16, 3, 0, 0, 0), (8, 2, 1, 0, 0), (8, 2, 0, 0, 2)]
)
def test_a_header_outside_the_specification_is_undefined(fields: tuple[int, int, int, int, int]) -> None:
    assert not Header(4, 4, *fields).is_defined
    assert Header(4, 4, 8, 2, 0, 0, 1).is_defined


def test_a_checksum_covers_the_type_and_the_content() -> None:
    data = PNG_SIGNATURE + chunk(b"tEXt", b"a") + chunk(b"IEND", b"")
    assert [one.is_intact for one in walk_chunks(data)] == [True, True]
    for altered in (data.replace(b"tEXt", b"tEXu"), data.replace(b"tEXta", b"tEXtb")):
        assert [one.is_intact for one in walk_chunks(altered)] == [False, True]


def test_bytes_after_the_end_are_no_part_of_it() -> None:
    data = PNG_SIGNATURE + chunk(b"IEND", b"") + b"more"
    assert [one.kind for one in walk_chunks(data)] == [b"IEND"]


def test_a_stream_has_exactly_the_length_of_its_rows() -> None:
    check_pixel_stream([memoryview(STREAM)], 100)
    check_pixel_stream([memoryview(STREAM[:9]), memoryview(STREAM[9:])], 90, most=100)
    with pytest.raises(PictureError, match="100 of 101 bytes"):
        check_pixel_stream([memoryview(STREAM)], 101)
    with pytest.raises(PictureError, match="more than the 99 bytes"):
        check_pixel_stream([memoryview(STREAM)], 99)


def test_a_stream_without_its_adler_32_is_refused() -> None:
    for missing in (1, 4):
        with pytest.raises(PictureError, match="lacks the checksum"):
            check_pixel_stream([memoryview(STREAM[:-missing])], 100)
    wrong = STREAM[:-1] + struct.pack("B", STREAM[-1] ^ 1)
    with pytest.raises(zlib.error):
        check_pixel_stream([memoryview(wrong)], 100)
