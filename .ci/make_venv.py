"""Makes .venv with pip in it. Debian's python3 may come without ensurepip (python3-venv): pip is then fetched, and
used only when its hash is the one below."""

import hashlib
import importlib.util
import subprocess
import sys
import tempfile
import urllib.request
import venv
from pathlib import Path

FOLDER = ".venv"
PIP = (
    "https://files.pythonhosted.org/packages/07/25/ee8c38ae72d66b844ce8eb9711ba905dba21ca1a8a0c960057c41cd23337/"
    "pip-26.3-py3-none-any.whl"
)
SHA256 = "f3b60b20ffaadd4415ed7957212a38ac63fa4c5fa375bd0f4a797777940fad13"
HOW_TO_INSTALL = "Install pip for it instead (on Debian: apt-get install python3-venv)."


def fetch_pip() -> None:
    try:
        with urllib.request.urlopen(PIP, timeout=60) as answer:
            wheel = answer.read()
    except OSError as error:
        sys.exit(f"This Python has no pip, and it could not be fetched ({error}). {HOW_TO_INSTALL}")
    if hashlib.sha256(wheel).hexdigest() != SHA256:
        sys.exit(f"This Python has no pip, and what was fetched is not the pip that was asked for. {HOW_TO_INSTALL}")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / PIP.rpartition("/")[2]
        file.write_bytes(wheel)
        subprocess.run(  # noqa: S603
            [f"{FOLDER}/bin/python", f"{file}/pip", "install", "--quiet", "--no-index", str(file)], check=True
        )


with_pip = importlib.util.find_spec("ensurepip") is not None
venv.create(FOLDER, with_pip=with_pip, symlinks=True)
if not with_pip:
    fetch_pip()
