"""What to install where a package is missing that this one asks for."""

from __future__ import annotations

import re
from collections import Counter
from importlib import metadata

# Distribution -> module, where the names differ.
_MODULES = {"pyyaml": "yaml", "pillow": "PIL", "livekit_wakeword": "livekit"}
_REQUIREMENT = re.compile(r"(?P<name>[\w.-]+)[^;]*(;.*extra == ['\"](?P<extra>\w+)['\"])?")


def install(extra: str = "") -> str:
    """The command that installs this package with an extra of it, or without."""
    return f'pip install "scoresubnet[{extra}]"' if extra else "pip install scoresubnet"


def hint(error: ModuleNotFoundError, command: str = "") -> str:
    """`; pip install "scoresubnet[train]"` where a package is missing that `scoresubnet` asks for.

    Args:
        error: its `name` tells the module.
        command: of several extras that bring it, the one that is called so is preferred, and
            then the smallest.

    Returns:
        The hint, or nothing where what is missing belongs to another package.
    """
    extras = _extras().get(error.name or "", [])
    if not extras:
        return ""
    return f"; {install(command if command in extras else extras[0])}"


def _smallest_first(extras: dict[str, list[str]]) -> dict[str, list[str]]:
    """The same, the extras of each module by how little they install."""
    sizes = Counter(extra for names in extras.values() for extra in names)
    return {name: sorted(names, key=sizes.__getitem__) for name, names in extras.items()}


def _extras() -> dict[str, list[str]]:
    """Module -> the extras that bring it, "" for what is always installed."""
    found: dict[str, list[str]] = {}
    for requirement in metadata.requires("scoresubnet") or []:
        match = _REQUIREMENT.match(requirement)
        if match and match["extra"] not in ("test", "dev"):
            name = re.sub(r"[-_.]+", "_", match["name"]).lower()
            found.setdefault(_MODULES.get(name, name), []).append(match["extra"] or "")
    return _smallest_first(found)
