"""Nodes of a cluster as processes, for what measures or kills them."""

import os
from collections.abc import Sequence
from pathlib import Path

from duologue.identity import Identity
from duologue.relay.cluster.cluster_keys import new_secret_line


def write_cluster(folder: Path) -> None:
    """The relay key and the secret that all nodes of this folder have."""
    secret = folder / "cluster.secret"
    descriptor = os.open(secret, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(new_secret_line())
    Identity.load_or_create(folder / "relay.key")


def write_node(folder: Path, node: str, buses: Sequence[str]) -> Path:
    """The configuration of one node; any name of this machine leads to it, at any port."""
    file = folder / f"{node}.toml"
    urls = ", ".join(f'"{each}"' for each in buses)
    file.write_text(
        f'names = ["127.0.0.1"]\nkey_file = "{folder / "relay.key"}"\n'
        f'[cluster]\nname = "test"\nnode = "{node}"\n'
        f'secret_file = "{folder / "cluster.secret"}"\n'
        f'bus = [{urls}]\nlisten = "127.0.0.1:0"\n'
    )
    return file
