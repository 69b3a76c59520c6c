"""Which files a kernel is made of: every module stands in a file of its own name."""

import re
from functools import cache
from pathlib import Path

RTL = Path(__file__).resolve().parent.parent
ROOT = RTL.parent
PACKAGE = RTL / "archsim_pkg.sv"
INCLUDES = (RTL,)


@cache
def library(root: Path = RTL) -> dict[str, Path]:
    """List the modules below a folder: name -> file."""
    found: dict[str, Path] = {}
    for path in sorted(root.rglob("*.sv")):
        if path.stem in found:
            raise ValueError(f"two files hold the module {path.stem}: {found[path.stem]} and {path}")
        found[path.stem] = path
    return found


def code(text: str) -> str:
    """Give SystemVerilog text without its comments."""
    return re.sub(r"//[^\n]*|/\*.*?\*/", "", text, flags=re.DOTALL)


@cache
def used(path: Path) -> frozenset[str]:
    """Give the identifiers in a file that may name modules of the library."""
    return frozenset(re.findall(r"\b[a-z]\w*\b", code(path.read_text(encoding="utf-8"))))


def sources(top: str, extra: tuple[Path, ...] = ()) -> tuple[Path, ...]:
    """List the files that a module needs, the package first and the module itself last.

    Parameters
    ----------
    top
        Name of a module of rtl/ or of one of the `extra` files.
    extra
        Files that stand in for files of rtl/ of the same name, or add modules (a test wrapper, a mutant).

    Raises
    ------
    KeyError
        There is no such module.
    """
    modules = library() | {path.stem: path for path in extra}
    order: list[Path] = []
    seen: set[str] = set()

    def visit(name: str) -> None:
        if name in seen:
            return
        seen.add(name)
        for inner in sorted(used(modules[name]) & modules.keys()):
            visit(inner)
        order.append(modules[name])

    visit(top)
    package = modules[PACKAGE.stem]
    return (package, *(path for path in order if path != package))
