"""Encrypts what a fleet stores, with the caller's functions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Cipher:
    """Two functions from bytes to bytes; without them, bytes are stored as they are.

    Raises:
        ValueError: only one function is given.
    """

    def __init__(
        self, encrypt: Callable[[bytes], bytes] | None = None, decrypt: Callable[[bytes], bytes] | None = None
    ) -> None:
        if (encrypt is None) is not (decrypt is None):
            raise ValueError("encrypt and decrypt belong together: give both or none")
        self._encrypt = encrypt
        self._decrypt = decrypt

    def to_stored(self, data: bytes) -> bytes:
        """Return the stored form of data."""
        return data if self._encrypt is None else self._encrypt(data)

    def from_stored(self, data: bytes) -> bytes:
        """Return the data of a stored form."""
        return data if self._decrypt is None else self._decrypt(data)

    def stored_text(self, text: str | None) -> bytes | None:
        """Return the stored form of a text; None for None."""
        return None if text is None else self.to_stored(text.encode())

    def text_of(self, data: bytes | None) -> str | None:
        """Return the text of a stored form; None for None."""
        return None if data is None else self.from_stored(data).decode()
