"""Answers are read leniently and checked strictly, and only our errors leave the decoder."""

from __future__ import annotations

import base64
import io
import json
import random
import re
import struct
import tracemalloc
import zlib

import pytest
from PIL import Image, PngImagePlugin

from exquisite.api.answer import (
    MAX_JSON_ITEMS,
    EditAnswer,
    answer_bytes_max,
    candidates_in,
    decode_tile,
    read_body,
)
from exquisite.api.generator import StoredAnswer
from exquisite.api.png import png_bytes_max
from exquisite.contract import CLASSIC, TileContract
from exquisite.errors import AnswerError

SMALL = TileContract(16, 8, 4, 4)
SIGNATURE = b"\x89PNG\r\n\x1a\n"


def ramp(size: tuple[int, int] = (16, 16), mode: str = "RGB") -> Image.Image:
    """Every pixel different from its neighbours; alpha 255 where there is one."""
    width, height = size
    picture = Image.new("RGB", size)
    for y in range(height):
        for x in range(width):
            picture.putpixel((x, y), (x * 15 % 256, y * 15 % 256, (x + y) * 7 % 256))
    return picture.convert(mode)


def png(picture: Image.Image, **options: object) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, "PNG", **options)
    return buffer.getvalue()


def chunk(kind: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


def handmade(
    rows: bytes,
    *,
    size: tuple[int, int] = (16, 16),
    depth: int = 8,
    colour: int = 2,
    interlace: int = 0,
    before: bytes = b"",
    after: bytes = b"",
) -> bytes:
    """A PNG of raw `rows` (filter bytes included), with chunks before and after its IDAT."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", *size, depth, colour, 0, 0, interlace))
    return SIGNATURE + header + before + chunk(b"IDAT", zlib.compress(rows)) + after + chunk(b"IEND", b"")


GREY_ROWS = b"\0" * 16 * (1 + 48)


def stored(body: bytes, number: int = 0, headers: dict[str, str] | None = None) -> StoredAnswer:
    return StoredAnswer(number, body, headers or {})


def document(*entries: object, **top: object) -> bytes:
    return json.dumps({"created": 1, "data": list(entries), **top}).encode()


def b64(data: bytes) -> str:
    return base64.b64encode(data).decode()


class TestDecodeTile:
    def test_an_rgb_png_is_decoded_pixel_for_pixel(self) -> None:
        tile = decode_tile(png(ramp()), SMALL)
        assert (tile.mode, tile.size, tile.info) == ("RGB", (16, 16), {})
        assert tile.tobytes() == ramp().tobytes()

    def test_opaque_alpha_is_dropped(self) -> None:
        tile = decode_tile(png(ramp(mode="RGBA")), SMALL)
        assert tile.mode == "RGB"
        assert tile.tobytes() == ramp().tobytes()

    def test_one_transparent_pixel_is_refused(self) -> None:
        picture = ramp(mode="RGBA")
        picture.putpixel((3, 4), (1, 2, 3, 254))
        with pytest.raises(AnswerError, match="transparent pixels"):
            decode_tile(png(picture), SMALL)

    def test_transparent_everywhere_is_named(self) -> None:
        with pytest.raises(AnswerError, match="transparent everywhere"):
            decode_tile(png(Image.new("RGBA", (16, 16), (9, 9, 9, 0))), SMALL)

    def test_a_transparent_colour_counts_where_it_is_used(self) -> None:
        with_colour = handmade(GREY_ROWS, before=chunk(b"tRNS", struct.pack(">HHH", 0, 0, 0)))
        with pytest.raises(AnswerError, match="transparent"):
            decode_tile(with_colour, SMALL)
        unused = handmade(GREY_ROWS, before=chunk(b"tRNS", struct.pack(">HHH", 1, 2, 3)))
        assert decode_tile(unused, SMALL).getextrema() == ((0, 0),) * 3

    @pytest.mark.parametrize("mode", ["L", "P", "1", "LA", "I;16"])
    def test_other_pixel_formats_are_refused(self, mode: str) -> None:
        picture = Image.new(mode, (16, 16)) if mode in ("I;16", "LA") else ramp(mode=mode)
        with pytest.raises(AnswerError, match="only RGB or opaque RGBA with 8"):
            decode_tile(png(picture), SMALL)

    def test_sixteen_bits_a_sample_are_refused(self) -> None:
        with pytest.raises(AnswerError, match="RGB with 16 bits"):
            decode_tile(handmade(b"\0" * 16 * (1 + 96), depth=16), SMALL)

    @pytest.mark.parametrize("size", [(15, 16), (16, 17), (32, 32), (1, 1)])
    def test_another_size_is_refused(self, size: tuple[int, int]) -> None:
        with pytest.raises(AnswerError, match=f"the picture is {size[0]}x{size[1]}, the contract says 16x16"):
            decode_tile(png(ramp(size)), SMALL)

    def test_interlaced_pictures_are_read(self) -> None:
        passes = ((2, 2), (2, 2), (4, 2), (4, 4), (8, 4), (8, 8), (16, 8))  # columns, rows of 16x16 (Adam7)
        rows = b"".join(b"\0" + b"\x40" * columns * 3 for columns, count in passes for _ in range(count))
        tile = decode_tile(handmade(rows, interlace=1), SMALL)
        assert tile.getextrema() == ((64, 64),) * 3

    @pytest.mark.parametrize(
        ("data", "problem"),
        [
            (b"", "it is empty"),
            (b"RIFF....WAVE", "WebP"),
            (b"GIF89a", "GIF"),
            (b"<html>", "HTML"),
            (b"hello", "b'hello'"),
            (SIGNATURE[:7], "PNG"),
        ],
    )
    @pytest.mark.invariant("PNG-PINNED")
    def test_content_that_is_no_png_is_named(self, data: bytes, problem: str) -> None:
        with pytest.raises(AnswerError, match="no PNG") as caught:
            decode_tile(data, SMALL)
        assert problem in str(caught.value)

    def test_cut_at_any_byte_it_is_refused(self) -> None:
        whole = png(ramp())
        for length in range(len(whole)):
            with pytest.raises(AnswerError):
                decode_tile(whole[:length], SMALL)

    def test_any_flipped_bit_is_found(self) -> None:
        whole = png(ramp())
        for position in range(len(whole)):
            damaged = bytearray(whole)
            damaged[position] ^= 1 << (position % 8)
            with pytest.raises(AnswerError):
                decode_tile(bytes(damaged), SMALL)

    def test_only_our_error_leaves_it_whatever_the_bytes(self) -> None:
        chance = random.Random(7)
        whole = png(ramp())
        for _ in range(2000):
            body = bytearray(whole[33:])
            for _ in range(chance.randrange(1, 8)):
                body[chance.randrange(len(body))] = chance.randrange(256)
            # the checksums are made right again, so that the damage reaches the decoder behind them
            content = bytes(body)[8:-16]
            data = SIGNATURE + whole[8:33] + chunk(b"IDAT", content) + chunk(b"IEND", b"")
            try:
                tile = decode_tile(data, SMALL)
            except AnswerError:
                continue
            assert tile.size == (16, 16)

    def test_bytes_after_the_end_are_ignored(self) -> None:
        assert decode_tile(png(ramp()) + b"\0" * 100, SMALL).tobytes() == ramp().tobytes()

    def test_provenance_text_and_profiles_are_ignored(self) -> None:
        info = PngImagePlugin.PngInfo()
        info.add_text("note", "x" * 5000, zip=True)
        info.add(b"caBX", b"provenance" * 50)
        tile = decode_tile(png(ramp(), pnginfo=info, dpi=(72, 72), icc_profile=b"no profile"), SMALL)
        assert tile.info == {}
        assert tile.tobytes() == ramp().tobytes()

    def test_an_animation_is_refused(self) -> None:
        moving = png(ramp(), save_all=True, append_images=[Image.new("RGB", (16, 16))])
        with pytest.raises(AnswerError, match="animation"):
            decode_tile(moving, SMALL)

    def test_a_text_bomb_is_never_inflated(self) -> None:
        bomb = b"note\0\0" + zlib.compress(b"\0" * 50_000_000, 9)
        data = handmade(GREY_ROWS, before=chunk(b"zTXt", bomb))
        tracemalloc.start()
        try:
            decode_tile(data, SMALL)
            assert tracemalloc.get_traced_memory()[1] < 2_000_000
        finally:
            tracemalloc.stop()

    def test_a_pixel_bomb_is_stopped_at_the_size_of_its_header(self) -> None:
        tracemalloc.start()
        try:
            data = handmade(b"\0" * 20_000_000)
            tracemalloc.reset_peak()
            with pytest.raises(AnswerError, match="more than the 784 bytes"):
                decode_tile(data, SMALL)
            assert tracemalloc.get_traced_memory()[1] < 25_000_000
        finally:
            tracemalloc.stop()

    @pytest.mark.parametrize("rows", [GREY_ROWS[:-1], GREY_ROWS + b"\0", b""])
    def test_the_pixel_stream_has_exactly_the_size_of_the_header(self, rows: bytes) -> None:
        with pytest.raises(AnswerError, match="inflates to"):
            decode_tile(handmade(rows), SMALL)

    def test_an_unknown_filter_is_refused(self) -> None:
        with pytest.raises(AnswerError, match="cannot be decoded"):
            decode_tile(handmade(b"\x09" * len(GREY_ROWS)), SMALL)

    @pytest.mark.parametrize(
        ("extra", "problem"),
        [
            ({"after": chunk(b"IHDR", b"\0" * 13)}, "second IHDR"),
            ({"after": chunk(b"tEXt", b"a\0b") + chunk(b"IDAT", b"")}, "between its IDAT"),
            ({"before": chunk(b"CgBI", b"\0" * 4)}, "no decoder"),
            ({"before": chunk(b"12ab", b"")}, "no chunk at byte 33"),
            ({"interlace": 2}, "unknown method"),
            ({"before": chunk(b"tEXt", b"") * 70_000}, "more than"),
        ],
    )
    def test_broken_structure_is_named(self, extra: dict[str, object], problem: str) -> None:
        with pytest.raises(AnswerError, match=problem):
            decode_tile(handmade(GREY_ROWS, **extra), SMALL)  # type: ignore[arg-type]

    def test_a_png_that_begins_with_another_chunk_is_refused(self) -> None:
        with pytest.raises(AnswerError, match="does not begin with an IHDR"):
            decode_tile(SIGNATURE + chunk(b"IDAT", b"") + chunk(b"IEND", b""), SMALL)

    def test_too_many_bytes_are_refused_before_decoding(self) -> None:
        limit = png_bytes_max(SMALL)
        with pytest.raises(AnswerError, match=f"more than {limit} is refused"):
            decode_tile(b"\0" * (limit + 1), SMALL)

    def test_the_limit_leaves_room_for_the_worst_picture(self) -> None:
        chance = random.Random(1)
        noise = Image.frombytes("RGBA", (64, 64), chance.randbytes(64 * 64 * 4))
        assert len(png(noise, compress_level=0)) < png_bytes_max(TileContract(64, 32, 16, 16))

    def test_a_classic_tile_costs_little_memory(self) -> None:
        chance = random.Random(2)
        data = png(Image.frombytes("RGB", CLASSIC.tile_size("x_ltr"), chance.randbytes(3 * CLASSIC.tile_px**2)))
        tracemalloc.start()
        try:
            decode_tile(data, CLASSIC)
            assert tracemalloc.get_traced_memory()[1] < 4 * len(data)
        finally:
            tracemalloc.stop()


class TestCandidatesIn:
    def test_base64_images_come_in_order_with_their_place(self) -> None:
        body = document({"b64_json": b64(b"one")}, {"b64_json": b64(b"two")})
        candidates = candidates_in([stored(body, 4), stored(document({"b64_json": b64(b"three")}), 7)])
        assert [raw.data for raw in candidates] == [b"one", b"two", b"three"]
        assert [(raw.meta["answer"], raw.meta["image"]) for raw in candidates] == [(4, 0), (4, 1), (7, 0)]

    def test_the_metadata_of_the_server_is_stored(self) -> None:
        details = {"image_tokens": 3, "text_tokens": 0}
        usage = {"input_tokens": 5, "input_tokens_details": details, "note": "x", "odd": -1}
        body = document(
            {"b64_json": b64(b"x"), "revised_prompt": "a \ud800 b"},
            usage=usage,
            size="16x16",
            quality="high",
            secret="no",
        )
        (raw,) = candidates_in([stored(body, headers={"X-Request-Id": "req_1", "Set-Cookie": "no"})])
        assert raw.meta == {
            "answer": 0,
            "image": 0,
            "revised_prompt": "a ? b",
            "size": "16x16",
            "quality": "high",
            "usage": {"input_tokens": 5, "input_tokens_details": {"image_tokens": 3, "text_tokens": 0}},
            "request_id": "req_1",
        }
        json.dumps(raw.meta)

    def test_an_image_body_is_one_candidate(self) -> None:
        tile, jpeg = png(ramp()), b"\xff\xd8\xff\xe0 jpeg"
        assert [raw.data for raw in candidates_in([stored(tile), stored(jpeg, 1)])] == [tile, jpeg]

    @pytest.mark.parametrize(
        "text",
        [
            b64(b"\xfb\xff\xfe pixels"),
            "data:image/png;base64," + b64(b"\xfb\xff\xfe pixels"),
            b64(b"\xfb\xff\xfe pixels").rstrip("="),
            b64(b"\xfb\xff\xfe pixels").replace("+", "-").replace("/", "_"),
            b64(b"\xfb\xff\xfe pixels")[:5] + "\r\n " + b64(b"\xfb\xff\xfe pixels")[5:],
        ],
    )
    def test_base64_is_read_in_every_usual_form(self, text: str) -> None:
        assert candidates_in([stored(document({"b64_json": text}))])[0].data == b"\xfb\xff\xfe pixels"

    def test_a_data_address_is_an_image_and_another_address_is_not(self) -> None:
        inline, address = {"url": "data:image/png;base64," + b64(b"x")}, {"url": "https://host/1.png"}
        body = document(inline, address, {"b64_json": b64(b"y")})
        content = read_body(body)
        assert content.images == ((0, b"x", ""), (2, b"y", ""))
        assert content.urls == ((1, "https://host/1.png"),)
        assert [raw.meta["image"] for raw in candidates_in([stored(body)])] == [0, 2]

    def test_invalid_base64_is_left_to_the_decoder(self) -> None:
        (raw,) = candidates_in([stored(document({"b64_json": "not base64!"}))])
        with pytest.raises(AnswerError, match="not base64!"):
            decode_tile(raw.data, SMALL)

    @pytest.mark.parametrize(
        "body",
        [
            b"{}",
            b'\xef\xbb\xbf {"data": null}',
            b'{"data": {"b64_json": "eA=="}}',
            b'{"data": [1, null, [], "x", {}, {"b64_json": null}, {"b64_json": 5}, {"b64_json": ""}, {"url": 3}]}',
            b'{"created": NaN, "data": [], "usage": {"input_tokens": Infinity, "a": true, "b": {"c": {"d": 1}}}}',
        ],
    )
    def test_json_without_images_is_an_empty_list(self, body: bytes) -> None:
        assert candidates_in([stored(body)]) == []
        assert read_body(body) == EditAnswer()

    @pytest.mark.parametrize(
        ("body", "problem"),
        [
            (b"", "empty"),
            (b" \n", "empty"),
            (b"<html>502</html>", "neither JSON nor an image"),
            (b"[1]", "no object, but a list"),
            (b'{"data": [', "cut short"),
            (b'{"data": "\xff"}', "cannot be read"),
            (b'{"a": ' + b"9" * 5000 + b"}", "cannot be read"),
            (b'{"a":' * 9000, "cannot be read"),
            (b"[" * (MAX_JSON_ITEMS + 1), "more than"),
            (b'{"a": [' + b"0," * 20_000 + b"0]}", "more than"),
        ],
    )
    def test_content_that_is_no_answer_is_an_error_with_a_reason(self, body: bytes, problem: str) -> None:
        with pytest.raises(AnswerError, match=problem):
            candidates_in([stored(body, 3)])

    def test_a_broken_answer_leaves_the_others_usable(self) -> None:
        good = document({"b64_json": b64(b"x")})
        assert len(candidates_in([stored(good), stored(b"<html>", 1), stored(good, 2)])) == 2

    def test_cut_at_any_byte_an_answer_holds_the_pictures_before_the_cut(self) -> None:
        """The first one has slashes that are escaped, as some encoders write them."""
        first, second = png(ramp()), png(ramp().transpose(Image.Transpose.ROTATE_90))
        whole = document({"b64_json": b64(first)}, {"b64_json": b64(second)}, usage={"input_tokens": 3})
        whole = whole.replace(b"/", b"\\/", 5)
        ends = [match.end() for match in re.finditer(rb'"b64_json": ?"[^"]+"', whole)]
        for length in range(0, len(whole) - 1, 3):
            if length < ends[0]:
                with pytest.raises(AnswerError):
                    read_body(whole[:length])
            else:
                images = [data for _, data, _ in read_body(whole[:length]).images]
                assert images == [first, second][: sum(length >= end for end in ends)]

    def test_only_our_error_leaves_it_whatever_the_bytes(self) -> None:
        chance = random.Random(3)
        whole = document({"b64_json": b64(b"pixels"), "revised_prompt": "x"}, usage={"input_tokens": 3}, size="1x1")
        for _ in range(3000):
            body = bytearray(whole)
            for _ in range(chance.randrange(1, 5)):
                body[chance.randrange(len(body))] = chance.choice(b'{}[]",:0\\u\xff\xc3')
            try:
                json.dumps([raw.meta for raw in candidates_in([stored(bytes(body))])]).encode()
            except AnswerError:
                continue

    def test_reading_costs_less_than_four_times_the_body(self) -> None:
        body = document(*({"b64_json": b64(random.Random(i).randbytes(1_000_000))} for i in range(3)))
        tracemalloc.start()
        try:
            candidates_in([stored(body)])
            assert tracemalloc.get_traced_memory()[1] < 4 * len(body)
        finally:
            tracemalloc.stop()

    def test_the_limit_of_a_body_grows_with_the_number_of_images(self) -> None:
        worst = png(ramp(mode="RGBA"), compress_level=0)
        for images in (1, 3, 10):
            body = document(*({"b64_json": b64(worst)} for _ in range(images)))
            assert len(body) < answer_bytes_max(SMALL, images) < answer_bytes_max(SMALL, images + 1)
