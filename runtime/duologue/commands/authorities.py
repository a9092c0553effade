"""Whom a command trusts to vouch for servers."""

import ssl as tls
from pathlib import Path


def trusting(ca_file: Path | None) -> tls.SSLContext:
    """A context for calling; without a file it trusts whom the system does.

    Raises:
        OSError: the file cannot be read, or has no certificates. Says which; `ssl` does not.
    """
    try:
        return tls.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except tls.SSLError as error:
        raise OSError(f"--ca-file {ca_file}: there are no certificates in it, PEM") from error
    except OSError as error:
        raise OSError(f"--ca-file {ca_file}: {error.strerror or error}") from error
