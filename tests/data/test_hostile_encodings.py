"""Names of codecs that are none of text."""

from __future__ import annotations

from pathlib import Path

import pytest

from kefu.data.readers import encoding
from kefu.errors import InputError


@pytest.mark.parametrize(
    "name",
    [
        "rot13",
        "hex",
        "base64",
        "zlib",
        "bz2",
        "uu",
        "quopri",
        "idna",
        "punycode",
        "undefined",
        "unicode_escape",
        "raw_unicode_escape",
        "a\0b",
        "../x",
    ],
)
def test_only_encodings_of_text_are_taken(tmp_path: Path, name: str) -> None:
    (tmp_path / "x.csv").write_text("question,answer\nHow?,So.\n")
    with pytest.raises(InputError, match="is not an encoding"):
        encoding.check(tmp_path / "x.csv", name)
