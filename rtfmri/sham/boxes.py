"""Keys and sealed boxes: who holds the public key can seal, only the private key opens.

A box is libsodium's ``crypto_box_seal`` (X25519, XSalsa20-Poly1305, through PyNaCl): a fresh key pair for every box, so the same content
never looks the same twice, and a box that was changed does not open. What is sealed is JSON, padded with spaces, which JSON ignores: the
length of a box tells nothing. A key file is one line of text, readable by its owner only.
"""

from __future__ import annotations

import base64
import binascii
import os
from pathlib import Path

from nacl.exceptions import CryptoError
from nacl.public import PrivateKey, PublicKey, SealedBox

from rtfmri.errors import StudyError

KEY_VARIABLE = "RTFMRI_SEALING_KEY"
HEAD = "rtfmri-sealing-key-1"
OTHERS = 0o077


def padded(plain: bytes, size: int) -> bytes:
    """``plain`` (JSON) with spaces up to the next multiple of ``size`` bytes."""
    return plain.ljust(-(-len(plain) // size) * size)


def seal(plain: bytes, public_key: PublicKey) -> str:
    """Encrypted and as text (base64); as long as the content asks for, so pad it before."""
    return base64.b64encode(SealedBox(public_key).encrypt(plain)).decode()


def unseal(sealed: str, private_key: PrivateKey) -> bytes:
    """Inverse of ``seal``.

    Raises
    ------
    StudyError : this key does not open it, or it was changed.
    """
    try:
        return SealedBox(private_key).decrypt(base64.b64decode(sealed, validate=True))
    except (CryptoError, binascii.Error, ValueError):
        raise StudyError(
            "This key does not open what was sealed, or what was sealed has been changed; use the key it was made with."
        ) from None


def as_hex(key: PublicKey) -> str:
    return bytes(key).hex()


def public_key_from(text: str) -> PublicKey:
    """ValueError where ``text`` is no public key."""
    return PublicKey(bytes.fromhex(text))


def save_new_key(path: Path, key: PrivateKey) -> None:
    """Write a key to a file (mode 0600) that must not be there yet.

    Raises
    ------
    StudyError : the file is there, or cannot be written.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with open(descriptor, "w", encoding="ascii") as stream:
            stream.write(f"{HEAD} {bytes(key).hex()}\n")
            stream.flush()
            os.fsync(stream.fileno())
    except FileExistsError:
        raise StudyError(f"The key {path} is already there and is never overwritten; seal with it (--key), or name another file.") from None
    except OSError as error:
        raise StudyError(f"The key {path} cannot be written ({error.strerror}); choose another place.") from None


def load_key(path: Path) -> PrivateKey:
    """The private key in a key file.

    Raises
    ------
    StudyError : it cannot be read, others may read it too, or it is no key.
    """
    try:
        if path.stat().st_mode & OTHERS:
            raise StudyError(f"The key {path} can be read by others on this computer; close it with: chmod 600 {path}.")
        head, _, text = path.read_text(encoding="ascii").strip().partition(" ")
        if head == HEAD:
            return PrivateKey(bytes.fromhex(text))
    except OSError as error:
        raise StudyError(f"The key {path} cannot be read ({error.strerror}); check the path.") from None
    except (ValueError, TypeError, CryptoError):
        pass  # what was read is no key: said below
    raise StudyError(f"{path} is no key of `rtfmri seal`; name the file that --key-out wrote.")


def key_at_hand(configured: Path | None) -> PrivateKey | None:
    """The key that the study or the environment names; None where neither does.

    Raises
    ------
    StudyError : as ``load_key``.
    """
    named = configured or (Path(os.environ[KEY_VARIABLE]) if os.environ.get(KEY_VARIABLE) else None)
    return None if named is None else load_key(named)
