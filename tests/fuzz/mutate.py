"""Makes broken bytes of good ones. Seeded: the same seed makes the same bytes."""

from __future__ import annotations

import random
from collections.abc import Sequence

INTERESTING = (
    b"\x00", b"\xff", b"\x7f", b"\x80", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"{", b"}", b'"',
    b"[" * 50, b"\\ud800", b"1e999", b"-0", b"9" * 40, b"NaN", b"null", b"true", b"\r\n\r\n", b"#",
    b"../",
    b"*", b'{"type":', b'"seq":1,', b'"queue":"user",', b'"__proto__":{},', b"\\u0000", b"%00",
)  # fmt: skip


class Mutator:
    """Draws one input after the other from a corpus of good ones."""

    def __init__(self, corpus: Sequence[bytes], seed: int) -> None:
        self.rng = random.Random(seed)
        self._corpus = corpus

    def draw(self) -> bytes:
        """Return a good input with up to eight mistakes in it."""
        data = bytearray(self.rng.choice(self._corpus))
        for _ in range(self.rng.choice((0, 1, 1, 2, 3, 8))):
            self._damage(data)
        return bytes(data)

    def _damage(self, data: bytearray) -> None:
        rng, at = self.rng, self.rng.randrange(len(data) + 1)
        match rng.randrange(7):
            case 0:
                data[at:at] = rng.choice(INTERESTING)
            case 1:
                del data[at : at + rng.choice((1, 1, 4, 40))]
            case 2 if at < len(data):
                data[at] ^= 1 << rng.randrange(8)
            case 3 if at < len(data):
                data[at] = rng.randrange(256)
            case 4:
                data[at:at] = data[rng.randrange(len(data) + 1) :][: rng.choice((1, 8, 200))]
            case 5:
                data[at:at] = rng.randbytes(rng.choice((1, 4, 30)))
            case _:
                other = rng.choice(self._corpus)
                data[at:] = other[rng.randrange(len(other) + 1) :]
