"""Arithmetic on channels, against its definition for every value."""

from __future__ import annotations

from PIL import Image

from exquisite.pipeline.fitting.recoding import alpha_of_key, joined, recoded, rounded_to_8_bits

LEVELS = bytes(range(256))
HIGH = Image.frombytes("L", (256, 256), b"".join(bytes((level,)) * 256 for level in LEVELS))
LOW = Image.frombytes("L", (256, 256), LEVELS * 256)
"""The two bytes of every 16-bit sample, in order."""


def test_sixteen_bits_become_the_nearest_of_eight() -> None:
    rounded = rounded_to_8_bits(HIGH, LOW).tobytes()
    assert all(rounded[value] == int(value / 257 + 0.5) for value in range(65536))


def test_two_bytes_are_joined_to_their_sample() -> None:
    assert list(joined(HIGH, LOW).get_flattened_data()) == list(range(65536))


def test_a_curve_is_applied_at_the_depth_of_the_samples() -> None:
    """The identity in light: the darkest level of 16 bits is 13 times as light in sRGB, and 255 stays 255."""
    eight, sixteen = recoded(LOW, lambda value: value), recoded(joined(HIGH, LOW), lambda value: value)
    assert (eight.getpixel((1, 0)), eight.getpixel((255, 0))) == (13, 255)
    assert (sixteen.getpixel((0, 1)), sixteen.getpixel((128, 0)), sixteen.getpixel((255, 255))) == (13, 6, 255)


def test_only_the_whole_key_is_transparent() -> None:
    alpha = alpha_of_key([HIGH, LOW], (7, 200))
    assert alpha.histogram()[0] == 1
    assert alpha.getpixel((200, 7)) == 0
