"""The protobuf classes, compiled into the environment on first use."""

import subprocess
import sys
from importlib import import_module
from pathlib import Path

_FOLDER = Path(sys.prefix) / "generated"
_SOURCE = Path(__file__).with_name("echo.proto")


def _compile() -> None:
    _FOLDER.mkdir(exist_ok=True)
    subprocess.run(
        [
            *(sys.executable, "-m", "grpc_tools.protoc", f"--proto_path={_SOURCE.parent}"),
            *(f"--python_out={_FOLDER}", f"--grpc_python_out={_FOLDER}", str(_SOURCE)),
        ],
        check=True,
    )


_made = _FOLDER / "echo_pb2_grpc.py"
if not _made.exists() or _made.stat().st_mtime < _SOURCE.stat().st_mtime:
    _compile()
sys.path.insert(0, str(_FOLDER))

messages = import_module("echo_pb2")
services = import_module("echo_pb2_grpc")
