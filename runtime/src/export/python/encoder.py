"""From the texts of a row to what a model computes with, as nasrecc encodes it: needs nothing but Python.

`columns.json` beside this file says what the columns are and what was learnt of them. A row is a list of texts in the order of
`Encoder.columns`; bytes that are no UTF-8 come as surrogates (`errors="surrogateescape"`). What nasrecc would not read is a ValueError.
"""

import bisect
import json
import math
import pathlib
import re
import struct

MASK = (1 << 64) - 1
NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
INT = re.compile(r"(-?[0-9]+)(?:\.0*)?")
HEX = re.compile(r"[0-9a-fA-F]{1,16}")
BLANKS = " \t\n\v\f\r"
TRUTHS = {
    **dict.fromkeys(["1", "true", "yes", "t", "y", "1.0"], 1.0),
    **dict.fromkeys(["0", "false", "no", "f", "n", "0.0"], 0.0),
}
# Numbers that are larger, or below minus this, share a row in tables of logarithms.
GREATEST = 2.0**64
LEAST = -10.0
# What rows are multiplied by where columns are crossed, and what all is taken modulo.
CROSSED_BY = 2_654_435_761
CROSSED_WITHIN = 2**31 - 1


class Encoder:
    def __init__(self, folder=None):
        folder = pathlib.Path(__file__).parent if folder is None else pathlib.Path(folder)
        with open(folder / "columns.json", encoding="utf-8") as file:
            said = json.load(file)
        self.columns = said["columns"]
        self.missing = {"", *said["missing"]}
        self.dense = said["dense"]
        self.sparse = said["sparse"]
        place = {name: index for index, name in enumerate(self.columns)}
        for column in self.dense + self.sparse:
            # A crossed column is made of others, and has no place of its own.
            column["place"] = None if column.get("of") else place[column["from"]]
            column["known"] = {value_of(column["kind"], value): becomes for value, becomes in column["known"]}
        for column in self.sparse:
            if column["same"] is not None:
                column["known"] = self.sparse[column["same"]]["known"]

    def split(self, line):
        """The texts of a line that has tabs between its columns."""
        texts = line.rstrip("\r\n").split("\t")
        if len(texts) != len(self.columns):
            raise ValueError(f"{len(texts)} columns, expected {len(self.columns)}")
        return texts

    def encode(self, texts):
        """The numbers of a row, and of each field the rows of its table: one, or those of a bag."""
        numbers, rows = [self.number(column, texts) for column in self.dense], []
        for column in self.sparse:
            crossed = column["table"] == "cross"
            rows.append([self.crossed(column, rows)] if crossed else self.rows(column, texts))
        return numbers, rows

    def number(self, column, texts):
        """What a dense column becomes, a number of 32 bits."""
        text = texts[column["place"]]
        if column["encoded"]:
            value = column["missing"] if text in self.missing else self.category(column, text)
        elif column["list"] is not None:
            value = self.numbers(column, text)[column["list"]["index"]]
        else:
            value = None if text in self.missing else self.told(column, read_number, text)
        for step, a, b in column["steps"]:
            if step == "fill":
                value = a if value is None else value
            elif value is None:
                continue
            elif step == "max":
                value = value if value >= a else a
            elif step == "min":
                value = value if value <= a else a
            elif step == "log1p":
                value = math.log1p(value) if value > -1.0 else (-math.inf if value == -1.0 else math.nan)
            else:
                value = (value - a) * b
                if step == "min_max":
                    value = 0.0 if value < 0.0 else 1.0 if value > 1.0 else value
        value = 0.0 if value is None else single(value)
        if math.isfinite(value):
            return value
        if column["fitted"]:
            return 0.0
        raise ValueError(f"column {column['from']}: found {text!r}, which is not finite after the column's transforms")

    def category(self, column, text):
        return column["known"].get(self.told(column, read_category, text), column["unknown"])

    def told(self, column, read, text):
        """A value, or an error that names its column."""
        try:
            return read(column["kind"], text, column["pattern"])
        except ValueError as error:
            raise ValueError(f"column {column['from']}: {error}") from None

    def numbers(self, column, text):
        """The numbers of a list, none where one is missing."""
        of = column["list"]["of"]
        if text in self.missing:
            return [None] * of
        if len(text) > 1 and text.startswith("[") and text.endswith("]"):
            text = text[1:-1]
        separator = column["list"]["separator"]
        parts = [part.strip(BLANKS) for part in text.split(separator)]
        if not separator.strip(BLANKS):
            parts = [part for part in parts if part]
        if len(parts) != of:
            raise ValueError(f"column {column['from']}: {len(parts)} numbers, expected {of}")
        return [None if part in self.missing else self.told(column, read_number, part) for part in parts]

    def values(self, column, text):
        """The values of a bag, as many as are read."""
        if text in self.missing:
            return []
        parts = [part for part in text.split(column["list"]["separator"]) if part not in self.missing]
        most = column["list"]["most"]
        return parts[-most:] if column["list"]["last"] else parts[:most]

    def rows(self, column, texts):
        """The rows of its table that a field looks up; row 0 is the one of what is missing."""
        text = texts[column["place"]]
        if column["list"] is not None:
            return [self.row(column, value) for value in self.values(column, text)] or [0]
        return [0 if text in self.missing else self.row(column, text)]

    def crossed(self, column, rows):
        """The row of a crossed column, from those of the columns before it that it is made of."""
        h = 0
        for at in column["of"]:
            h = (h * CROSSED_BY + rows[at][0]) % CROSSED_WITHIN
        return h % (column["rows"] - 1) + 1

    def row(self, column, text):
        table = column["table"]
        if table == "vocabulary":
            return column["known"].get(self.told(column, read_category, text), 1)
        if table in ("modulo", "hash"):
            key = self.told(column, read_category, text)
            if table == "hash":
                key = xxh3(bytes_of(key), column["seed"])
            return key % (column["rows"] - 1) + 1
        number = self.told(column, read_number, text)
        if table == "quantiles":
            return bisect.bisect_right(column["edges"], number) + 1
        if table == "log_square":
            number = min(max(number, LEAST), GREATEST)
            bucket = math.floor(math.log(number) ** 2) if number > 2.0 else math.trunc(number)
            return int(1 + bucket - LEAST)
        if table == "log_buckets":
            base = column["base"]
            bucket = math.copysign(whole_log(1.0 + min(abs(number), GREATEST), base), number)
            return int(1 + bucket + whole_log(1.0 + GREATEST, base))
        return part_of(table, number) + 1


def value_of(kind, value):
    """A value of a vocabulary: a whole number, a text, or the bytes of one that is no UTF-8."""
    return bytes(value).decode("utf-8", "surrogateescape") if kind == "text" and isinstance(value, list) else value


def single(value):
    """As a number of 32 bits."""
    try:
        return struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return math.copysign(math.inf, value)


def read_number(kind, text, pattern=None):
    """What a text of a type says as a number."""
    if kind == "bool":
        if text.lower() not in TRUTHS or not text.isascii():
            raise ValueError(f"found {text!r}, expected true or false, or nothing")
        return TRUTHS[text.lower()]
    if kind == "time":
        return read_time(pattern, text)
    value = text.strip(BLANKS)
    value = float(value) if NUMBER.fullmatch(value) else math.inf
    if not math.isfinite(value) or (kind == "int" and value != math.floor(value)):
        raise ValueError(f"found {text!r}, expected a {'whole ' if kind == 'int' else ''}number or nothing")
    return value / 1e3 if kind == "milliseconds" else value


def read_category(kind, text, _=None):
    """What a text of a type is called: itself, or a number of 64 bits without a sign."""
    if kind == "text":
        return text
    if kind == "hex":
        if not HEX.fullmatch(text):
            raise ValueError(f"found {text!r}, expected at most 16 hexadecimal digits or nothing")
        return int(text, 16)
    found = INT.fullmatch(text.strip(BLANKS))
    if not found or not -(1 << 63) <= int(found[1]) <= MASK:
        raise ValueError(f"found {text!r}, expected a whole number of 64 bits or nothing")
    return int(found[1]) & MASK


def bytes_of(category):
    """What is hashed of a category."""
    if isinstance(category, int):
        return category.to_bytes(8, "little")
    return category.encode("utf-8", "surrogateescape")


def read_time(pattern, text):
    """Seconds since 1970 of a time by a pattern; what it does not say is the least that it can be."""
    wrong = ValueError(f"found {text!r}, expected a time as {pattern!r} has it")
    said = {"Y": 1970, "m": 1, "d": 1, "H": 0, "M": 0, "S": 0}
    at, rest = 0, iter(pattern)
    for character in rest:
        if character != "%":
            if text[at : at + 1] != character:
                raise wrong
            at += 1
            continue
        part = next(rest)
        digits = re.compile("[0-9]{1,4}" if part == "Y" else "[0-9]{1,2}").match(text, at)
        if not digits:
            raise wrong
        at, value = digits.end(), int(digits[0])
        if part == "y":
            part, value = "Y", value + (2000 if value < 69 else 1900)
        said[part] = value
    year, month, day, hour, minute, second = (said[part] for part in "YmdHMS")
    leap = (year % 4 == 0 and year % 100 != 0) or year % 400 == 0
    days = [31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
    if at != len(text) or not 1 <= month <= 12 or not 1 <= day <= days[month - 1]:
        raise wrong
    if hour > 23 or minute > 59 or second > 59:
        raise wrong
    return float(days_of(year, month, day) * 86400 + hour * 3600 + minute * 60 + second)


def days_of(year, month, day):
    """Days since 1970 of a day of the Gregorian calendar."""
    year -= month <= 2
    of_era = year % 400
    of_year = (153 * (month - 3 if month > 2 else month + 9) + 2) // 5 + day - 1
    return year // 400 * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


def part_of(part, number):
    """The truth of a number, or a part of a time in seconds since 1970, counted from 0."""
    if part == "truth":
        return int(number != 0.0)
    seconds = min(max(math.floor(number), -(1 << 63)), (1 << 63) - 1)
    days, second = divmod(seconds, 86400)
    if part == "hour":
        return second // 3600
    weekday = (days + 3) % 7
    if part in ("weekday", "weekend"):
        return weekday if part == "weekday" else int(weekday > 4)
    # Years begin in March, so that a leap day is the last of one.
    of_era = (min(max(days, -3_000_000), 2_900_000) + 719468) % 146097
    year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    month = (5 * of_year + 2) // 153
    return (month + 2) % 12 if part == "month" else of_year - (153 * month + 2) // 5


def whole_log(number, base):
    """The largest whole power of a base that is not above a number."""
    near = float(math.floor(math.log(number) / math.log(base) + 0.5))
    return near if base**near <= number else near - 1.0


# XXH3, 64 bits, of any length and seed (https://github.com/Cyan4973/xxHash, BSD 2-Clause).
SECRET = bytes.fromhex(
    "b8fe6c3923a44bbe7c01812cf721ad1cded46de9839097db7240a4a4b7b3671f"
    "cb79e64eccc0e578825ad07dccff7221b8084674f743248ee03590e6813a264c"
    "3c2852bb91c300cb88d0658b1b532ea371644897a20df94e3819ef46a9deacd8"
    "a8fa763fe39c343ff9dcbbc7c70b4f1d8a51e04bcdb45931c89f7ec9d9787364"
    "eac5ac8334d3ebc3c581a0fffa1363eb170ddd51b7f0da49d316552629d4689e"
    "2b16be587d47a1fc8ff8b8d17ad031ce45cb3a8f95160428afd7fbcabb4b407e"
)
PRIME = [
    0x9E3779B185EBCA87,
    0xC2B2AE3D27D4EB4F,
    0x165667B19E3779F9,
    0x85EBCA77C2B2AE63,
    0x27D4EB2F165667C5,
]


def word(data, at):
    return int.from_bytes(data[at : at + 8], "little")


def half(data, at):
    return int.from_bytes(data[at : at + 4], "little")


def folded(a, b):
    product = (a & MASK) * (b & MASK)
    return (product & MASK) ^ product >> 64


def swapped(number, size):
    return int.from_bytes(number.to_bytes(size, "little"), "big")


def avalanche(h):
    h &= MASK
    h = (h ^ h >> 37) * 0x165667919E3779F9 & MASK
    return h ^ h >> 32


def avalanche_short(h):
    h &= MASK
    h = (h ^ h >> 33) * PRIME[1] & MASK
    h = (h ^ h >> 29) * PRIME[2] & MASK
    return h ^ h >> 32


def mixed(data, at, secret, seed):
    return folded(word(data, at) ^ (word(SECRET, secret) + seed & MASK), word(data, at + 8) ^ (word(SECRET, secret + 8) - seed & MASK))


def xxh3_long(data, seed):
    length = len(data)
    parts = (word(SECRET, 8 * i) + (-seed if i % 2 else seed) & MASK for i in range(24))
    secret = b"".join(part.to_bytes(8, "little") for part in parts)
    sums = [0xC2B2AE3D, PRIME[0], PRIME[1], PRIME[2], PRIME[3], 0x85EBCA77, PRIME[4], 0x9E3779B1]

    def stripe(at, key):
        for i in range(8):
            value = word(data, at + 8 * i)
            mixed_in = value ^ word(secret, key + 8 * i)
            sums[i ^ 1] = sums[i ^ 1] + value & MASK
            sums[i] = sums[i] + (mixed_in & 0xFFFFFFFF) * (mixed_in >> 32) & MASK

    blocks = (length - 1) // 1024
    for block in range(blocks):
        for i in range(16):
            stripe(1024 * block + 64 * i, 8 * i)
        for i in range(8):
            sums[i] = (sums[i] ^ sums[i] >> 47 ^ word(secret, 128 + 8 * i)) * 0x9E3779B1 & MASK
    for i in range((length - 1 - 1024 * blocks) // 64):
        stripe(1024 * blocks + 64 * i, 8 * i)
    stripe(length - 64, 121)
    merged = length * PRIME[0]
    for i in range(4):
        merged += folded(sums[2 * i] ^ word(secret, 11 + 16 * i), sums[2 * i + 1] ^ word(secret, 19 + 16 * i))
    return avalanche(merged)


def xxh3(data, seed):
    """The hash of bytes."""
    length = len(data)
    total = length * PRIME[0]
    if length > 240:
        return xxh3_long(data, seed)
    if length > 128:
        total = avalanche(total + sum(mixed(data, 16 * i, 16 * i, seed) for i in range(8)))
        total += sum(mixed(data, 16 * i, 16 * (i - 8) + 3, seed) for i in range(8, length // 16))
        return avalanche(total + mixed(data, length - 16, 119, seed))
    if length > 16:
        for i in range((length - 1) // 32 + 1):
            total += mixed(data, 16 * i, 32 * i, seed) + mixed(data, length - 16 * (i + 1), 32 * i + 16, seed)
        return avalanche(total)
    if length > 8:
        low = word(data, 0) ^ ((word(SECRET, 24) ^ word(SECRET, 32)) + seed & MASK)
        high = word(data, length - 8) ^ ((word(SECRET, 40) ^ word(SECRET, 48)) - seed & MASK)
        return avalanche(length + swapped(low, 8) + high + folded(low, high))
    if length > 3:
        flipped = seed ^ swapped(seed & 0xFFFFFFFF, 4) << 32
        h = half(data, length - 4) + (half(data, 0) << 32)
        h ^= (word(SECRET, 8) ^ word(SECRET, 16)) - flipped & MASK
        h ^= (h << 49 | h >> 15) & MASK ^ (h << 24 | h >> 40) & MASK
        h = h * 0x9FB21C651E98DF25 & MASK
        h = (h ^ (h >> 35) + length) * 0x9FB21C651E98DF25 & MASK
        return h ^ h >> 28
    if length > 0:
        h = data[0] << 16 | data[length >> 1] << 24 | data[-1] | length << 8
        return avalanche_short(h ^ (half(SECRET, 0) ^ half(SECRET, 4)) + seed)
    return avalanche_short(seed ^ word(SECRET, 56) ^ word(SECRET, 64))
