"""Files that are read again when they change: access lists and certificates."""

import ssl
from collections.abc import Sequence
from pathlib import Path

from duologue.protocol.wording import words_of
from duologue.relay.access import CLOSED, Access, BadAccessFile, read_access

_Stamp = tuple[int, int, int] | None


class Watched:
    """Some files, and whether they have changed since the last look."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = tuple(paths)
        self._stamps: tuple[_Stamp, ...] = self._look()

    def has_changed(self) -> bool:
        """Whether any has changed, come or gone since this was asked last."""
        stamps = self._look()
        changed = stamps != self._stamps
        self._stamps = stamps
        return changed

    def _look(self) -> tuple[_Stamp, ...]:
        return tuple(_stamp(path) for path in self._paths)


def _stamp(path: Path) -> _Stamp:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


class AccessFiles:
    """The allow-list and the token file. A file that cannot be read lets nobody in."""

    def __init__(self, allow_file: Path | None, token_file: Path | None) -> None:
        """Read them.

        Raises:
            BadAccessFile, OSError: one cannot be read; a relay does not start like this.
        """
        self._allow_file = allow_file
        self._token_file = token_file
        # Before reading: what changes meanwhile is seen next time.
        self._watched = Watched([each for each in (allow_file, token_file) if each is not None])
        self.access: Access = read_access(allow_file, token_file)
        self.fault = ""
        """Why nobody is let in at present; empty if all is well."""

    def reload(self) -> bool:
        """Read them again if they have changed; tells whether they have."""
        if not self._watched.has_changed():
            return False
        try:
            self.access = read_access(self._allow_file, self._token_file)
            self.fault = ""
        except (BadAccessFile, OSError) as error:
            self.access = CLOSED
            self.fault = words_of(error)
        return True


class TlsFiles:
    """A certificate chain and its key. When they change, later connections get the new ones."""

    def __init__(self, certificate_file: Path, key_file: Path) -> None:
        """Read them.

        Raises:
            OSError: a file cannot be read; `ssl.SSLError`, which is one, if it is no good.
        """
        self._paths = (certificate_file, key_file)
        self._watched = Watched(self._paths)
        self.context = self._new_context()
        self.fault = ""
        """Why the newest files are not in use; empty if they are."""

    def reload(self) -> bool:
        """Read them again if they have changed; tells whether they have."""
        if not self._watched.has_changed():
            return False
        try:
            # First elsewhere: a half-loaded pair would refuse everybody.
            self._new_context()
            self.context.load_cert_chain(*self._paths)
            self.fault = ""
        except OSError as error:
            self.fault = words_of(error)
        return True

    def _new_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(*self._paths)
        return context
