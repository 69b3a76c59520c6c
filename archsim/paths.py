"""Where the data folders are: inside the package when installed from a wheel, beside it in a checkout."""

from pathlib import Path

__all__ = ["DATA_FOLDERS", "data_folder", "sweep_files"]

DATA_FOLDERS = ("designs", "mappings")
"""The names of the folders of data files that come with archsim."""


def data_folder(name: str) -> Path:
    """Find a folder of data files that comes with archsim.

    Parameters
    ----------
    name : str
        One of `DATA_FOLDERS`.

    Returns
    -------
    Path
        An absolute path of an existing folder.

    Raises
    ------
    ValueError
        If archsim has no data folder of that name.
    FileNotFoundError
        If the installation is incomplete.

    Examples
    --------
    >>> from archsim.paths import data_folder
    >>> data_folder("designs").name
    'designs'
    >>> (data_folder("mappings") / "README.md").is_file()
    True
    >>> data_folder("desings")
    Traceback (most recent call last):
    ValueError: no data folder 'desings'; there are: designs, mappings
    """
    if name not in DATA_FOLDERS:
        raise ValueError(f"no data folder {name!r}; there are: {', '.join(DATA_FOLDERS)}")
    package = Path(__file__).resolve().parent
    # The wheel's place first: beside an installed package, `designs` might be anyone's.
    places = (package / name, package.parent / name)
    for place in places:
        if place.is_dir():
            return place
    raise FileNotFoundError(
        f"archsim is installed without its data folder {name!r}; looked for {places[0]}, {places[1]}"
    )


def sweep_files() -> list[Path]:
    """Return the sweep files of a checkout; none of an installed package, which has none.

    >>> [f.stem for f in sweep_files() if f.stem.startswith("fusemax")]
    ['fusemax_design_space']
    """
    root = Path(__file__).resolve().parent.parent
    return sorted((root / "notebooks" / "studies").glob("*.yaml")) if (root / "pyproject.toml").is_file() else []
