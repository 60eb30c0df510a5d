"""The functions with which a caller encrypts what a journal or a fleet stores."""

from __future__ import annotations

from typing import TYPE_CHECKING

from azpoll.tracking.settings import checked_function

if TYPE_CHECKING:
    from collections.abc import Callable


class KeyFunctions:
    """Two functions from bytes to bytes; without them, bytes are stored as they are.

    Raises:
        ValueError: only one function is given.
        TypeError: an argument is no function.
    """

    def __init__(
        self, encrypt: Callable[[bytes], bytes] | None = None, decrypt: Callable[[bytes], bytes] | None = None
    ) -> None:
        if (encrypt is None) is not (decrypt is None):
            raise ValueError("encrypt and decrypt belong together: give both or none")
        self._encrypt = encrypt if encrypt is None else checked_function("encrypt", encrypt)
        self._decrypt = decrypt if decrypt is None else checked_function("decrypt", decrypt)
