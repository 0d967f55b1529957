"""Form bodies are parsed strictly and compared by content."""

from __future__ import annotations

import httpx
import pytest
from PIL import Image

from exquisite.api.multipart import Part, canonical, difference, parse_content_type, parse_multipart, picture_digest
from exquisite.errors import UsageError
from tests.support.taping import picture, png

TYPE = "multipart/form-data; boundary=XX"
GOOD = b'--XX\r\nContent-Disposition: form-data; name="n"\r\n\r\n1\r\n--XX--\r\n'


def test_a_body_of_the_http_library_is_parsed_correctly() -> None:
    content = b"\r\n--almost a boundary\r\n\x00\xff"
    files = [("image[]", ("a.png", content, "image/png")), ("image[]", ("b.png", b"", "image/png"))]
    request = httpx.Request("POST", "https://server.example", data={'a "b"': "1\r\n2", "c": "ä"}, files=files)
    assert parse_multipart(request.read(), request.headers["content-type"]) == (
        Part('a "b"', b"1\r\n2"),
        Part("c", "ä".encode()),
        Part("image[]", content, "a.png", "image/png"),
        Part("image[]", b"", "b.png", "image/png"),
    )


@pytest.mark.parametrize(
    ("body", "kind", "message"),
    [
        (GOOD, "application/json", "the body is application/json, not multipart/form-data"),
        (GOOD, "", "the body is of no type"),
        (GOOD, "multipart/form-data", "the boundary '' must have 1 to 70"),
        (GOOD, f"multipart/form-data; boundary={'x' * 71}", "must have 1 to 70 characters"),
        (b"preamble\r\n" + GOOD, TYPE, "does not begin with its boundary"),
        (b"", TYPE, "does not begin with its boundary"),
        (GOOD[:-4], TYPE, "does not end with its boundary"),
        (GOOD + b"epilogue", TYPE, "does not end with its boundary"),
        (GOOD.replace(b"\r\n\r\n1", b"\r\n1"), TYPE, "part 0 has no headers, or no empty line"),
        (GOOD.replace(b"--XX\r\nC", b"--XX C"), TYPE, "part 0 has no headers"),
        (GOOD.replace(b'"n"\r\n', b'"n"\r\nno colon\r\n'), TYPE, "malformed or there twice: 'no colon'"),
        (GOOD.replace(b'"n"\r\n', b'"n"\r\nContent-Type: a\r\ncontent-type: b\r\n'), TYPE, "there twice"),
        (GOOD.replace(b'"n"\r\n', b'"n"\r\nX-More: a\r\n'), TYPE, "a header that no part may have: x-more"),
        (GOOD.replace(b'; name="n"', b""), TYPE, "part 0 has no Content-Disposition of the form"),
        (GOOD.replace(b"form-data;", b"attachment;"), TYPE, "part 0 has no Content-Disposition of the form"),
    ],
)
def test_malformed_bodies_are_refused(body: bytes, kind: str, message: str) -> None:
    assert parse_multipart(GOOD, TYPE) == (Part("n", b"1"),)
    with pytest.raises(UsageError, match=message):
        parse_multipart(body, kind)


def test_a_content_type_is_read_with_its_parameters() -> None:
    assert parse_content_type('Multipart/Form-Data; Charset=utf-8; boundary="a b;c"') == (
        "multipart/form-data",
        {"charset": "utf-8", "boundary": "a b;c"},
    )


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "LA", "I;16"])
def test_the_digest_of_a_picture_is_that_of_its_pixels(mode: str) -> None:
    image = picture().convert("L").convert(mode) if mode == "I;16" else picture().convert(mode)
    plain, other = png(image, compress_level=0), png(image, compress_level=9, dpi=(300, 300))
    assert plain != other
    assert picture_digest(plain) == picture_digest(other) != ""
    assert picture_digest(plain).startswith(f"{mode} 8x8 ")
    corner = image.getpixel((7, 7))
    assert corner is not None
    image.putpixel((0, 0), corner)
    assert picture_digest(png(image)) != picture_digest(plain)


def test_a_palette_does_not_change_the_digest_of_a_picture() -> None:
    image = Image.new("RGB", (8, 8), (200, 10, 10))
    image.paste((0, 0, 255), (0, 0, 4, 4))
    assert picture_digest(png(image.quantize(4))) == picture_digest(png(image))


NO_PICTURES = {
    "nothing": b"",
    "words": b"words",
    "signature": b"\x89PNG\r\n\x1a\n",
    "half": png(picture())[:60],
    "jpeg": b"\xff\xd8\xff",
    "webp": b"RIFF",
}


@pytest.mark.parametrize("data", NO_PICTURES.values(), ids=NO_PICTURES)
def test_other_content_has_no_picture_digest_and_is_compared_by_its_bytes(data: bytes) -> None:
    assert picture_digest(data) == ""
    assert Part("a", data).digest != Part("a", data + b"!").digest


def test_order_counts_within_one_name_only() -> None:
    a, b, c = Part("image[]", b"1", "x"), Part("image[]", b"2", "x"), Part("n", b"3")
    assert canonical([a, b, c]) == canonical([c, a, b])
    assert canonical([a, b, c]) != canonical([b, a, c])
    assert difference([c, a, b], [a, b, c]) == []
    assert difference([b, a, c], [a, b, c]) == [
        "part 'image[]' (1 of 2) differs from byte 0: '2', recorded '1'",
        "part 'image[]' (2 of 2) differs from byte 0: '1', recorded '2'",
    ]


def test_a_longer_text_differs_where_the_shorter_ends() -> None:
    assert difference([Part("a", b"one two")], [Part("a", b"one")]) == [
        "part 'a' differs from byte 3: 'one two', recorded 'one'"
    ]
