"""YAML text -> plain data with a place for every value; the traps of YAML are refused with the reason."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from einsum_cascade.errors import Diagnostic, Place, SpecError, did_you_mean

Keys = tuple[str | int, ...]
Plain = None | bool | int | float | str | list["Plain"] | dict[str, "Plain"]
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
TAG = "tag:yaml.org,2002:"
DIGITS = 1000  # the longest integer that is read
REPEATED = 100_000  # values that aliases may repeat: aliases of aliases grow without bound
DEPTH = 100  # lists and mappings inside each other; libyaml itself ends the process at some thousands
BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # where YAML counts a new line


@dataclass
class Document:
    """One YAML document: `data`, the `places` of its values and (under the path + "#key") of its keys.

    It may have `most` values, those that aliases repeat included.
    """

    file: str
    lines: list[str]
    data: Plain = None
    places: dict[Keys, Place] = field(default_factory=dict)
    nodes: dict[Keys, yaml.Node] = field(default_factory=dict)
    most: int = REPEATED

    def place(self, *path: str | int) -> Place:
        """Return the place of the value at `path`, or of the nearest one above it."""
        while path and path not in self.places:
            path = path[:-1]
        return self.places.get(path, Place(file=self.file, text=self.lines[0] if self.lines else ""))

    def folded(self, *path: str | int) -> bool:
        """Return whether YAML folds the lines of the text at `path` into one."""
        node = self.nodes[path]
        if not isinstance(node, yaml.ScalarNode) or node.style == "|":
            return False
        if node.style == ">":
            return sum(bool(line) for line, _ in self.text_lines(*path)) > 1
        return node.end_mark.line > node.start_mark.line

    def text_lines(self, *path: str | int) -> Iterator[tuple[str, Place]]:
        """Yield the lines of the text at `path`, each with the place of its first character."""
        node = self.nodes[path]
        if not isinstance(node, yaml.ScalarNode):
            return
        first, last = node.start_mark.line, node.end_mark.line
        if node.style not in ("|", ">"):
            column = node.start_mark.column + bool(node.style)
            where = Place(file=self.file, line=first + 1, column=column + 1, text=self.lines[first])
            yield node.value, where
            return
        for number in range(first + 1, min(last + (node.end_mark.column > 0), len(self.lines))):
            line = self.lines[number]
            indent = len(line) - len(line.lstrip())
            yield line[indent:], Place(file=self.file, line=number + 1, column=indent + 1, text=line)


def read(text: str, file: str) -> list[Document]:
    """Return the documents of a YAML text.

    Raises SpecError with every mistake of the text's form: YAML syntax, duplicate keys, merge keys, keys that YAML
    takes for booleans or numbers, octal and base-60 numbers.

    >>> [d.data for d in read("a: 1\\n---\\nb: [2, x]\\n", "f.yaml")]
    [{'a': 1}, {'b': [2, 'x']}]
    """
    lines = BREAK.split(text)
    wrong: list[Diagnostic] = []
    documents: list[Document] = []
    try:
        _refuse_depth(text, lines, file)
        roots = [node for node in yaml.compose_all(text, Loader=LOADER) if node is not None]
    except yaml.YAMLError as error:
        raise SpecError([_yaml_error(error, lines, file)]) from None
    for root in roots:
        document = Document(file, lines, most=len(text) + REPEATED)
        document.data = _plain(root, (), document, wrong)
        documents.append(document)
    if wrong:
        raise SpecError(wrong)
    return documents


def read_text(path: Path) -> str:
    """Return the text of a file.

    Raises SpecError if it cannot be read, with the reason.

    >>> "def read_text" in read_text(Path(__file__))
    True
    """
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not a UTF-8 text file"
        raise SpecError([Diagnostic(place=Place(file=str(path)), message=f"cannot be read: {reason}")]) from None


def find_one(kind: str, name: str | Path, known: Mapping[str, Path], otherwise: str) -> Document:
    """Return the one document of the file that `known` has for a name, or of the .yaml file at a path.

    Raises SpecError: nothing of that name (the hint names the near ones, or says `otherwise`), an unreadable file, or
    not exactly one document in it.
    """
    path = Path(name)
    if path.suffix not in (".yaml", ".yml"):
        if str(name) not in known:
            hint = did_you_mean(str(name), known) or otherwise
            raise SpecError([Diagnostic(place=Place(file=str(name)), message=f"no {kind} named {name}", hint=hint)])
        path = known[str(name)]
    documents = read(read_text(path), str(path))
    if len(documents) != 1:
        message = f"the file holds {len(documents)} documents"
        raise SpecError([Diagnostic(place=Place(file=str(path)), message=message, expected=f"one {kind}")])
    return documents[0]


def _yaml_error(error: yaml.YAMLError, lines: list[str], file: str) -> Diagnostic:
    mark = getattr(error, "problem_mark", None)
    line, column = (mark.line, mark.column) if mark else (0, 0)
    shown = lines[line] if line < len(lines) else ""
    before = "\n".join(lines[: line + 1])
    hint = "a bracket or a quote before this place may have no end"
    if "\t" in shown:
        hint = "indent with spaces"
    elif re.search(r"^einsums:", before, re.MULTILINE):
        hint = "statements belong into a block scalar: `einsums: |`"
    message = f"this is not YAML: {getattr(error, 'problem', None) or error}"
    return Diagnostic(place=Place(file=file, line=line + 1, column=column + 1, text=shown), message=message, hint=hint)


def _refuse_depth(text: str, lines: list[str], file: str) -> None:
    """Raise SpecError where lists and mappings stand too deep inside each other."""
    depth = 0
    for event in yaml.parse(text, Loader=LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        if depth > DEPTH:
            mark = event.start_mark
            line, column = (mark.line, mark.column) if mark else (0, 0)
            place = Place(file=file, line=line + 1, column=column + 1, text=lines[line])
            message = f"more than {DEPTH} lists and mappings inside each other"
            raise SpecError([Diagnostic(place=place, message=message, expected="a flatter document")])


def _place(node: yaml.Node, document: Document) -> Place:
    start, end = node.start_mark, node.end_mark
    text = document.lines[start.line] if start.line < len(document.lines) else ""
    same = end.line == start.line
    length = end.column - start.column if same else len(text.rstrip()) - start.column
    return Place(file=document.file, line=start.line + 1, column=start.column + 1, length=max(1, length), text=text)


def _plain(node: yaml.Node, path: Keys, document: Document, wrong: list[Diagnostic]) -> Plain:
    document.places[path], document.nodes[path] = _place(node, document), node
    if any(document.nodes[path[:k]] is node for k in range(len(path))):
        wrong.append(Diagnostic(place=document.places[path], message="an alias stands inside what it names"))
        return None
    if len(document.nodes) > document.most:
        message = "aliases repeat too many values"
        raise SpecError([Diagnostic(place=document.places[path], message=message, hint="write out what is needed")])
    if isinstance(node, yaml.SequenceNode):
        return [_plain(item, (*path, i), document, wrong) for i, item in enumerate(node.value)]
    if isinstance(node, yaml.MappingNode):
        result: dict[str, Plain] = {}
        for key_node, value_node in node.value:
            place = _place(key_node, document)
            key = _key(key_node, place, wrong)
            if key in result:
                first = document.places[(*path, f"{key}#key")].line
                message = f"{key} stands here a second time (first in line {first})"
                wrong.append(Diagnostic(place=place, message=message, hint="keep one of the two"))
            document.places.setdefault((*path, f"{key}#key"), place)
            result[key] = _plain(value_node, (*path, key), document, wrong)
        return result
    return _scalar(node, document.places[path], wrong)


def _key(node: yaml.Node, place: Place, wrong: list[Diagnostic]) -> str:
    value = str(node.value)
    if not isinstance(node, yaml.ScalarNode) or node.tag == TAG + "merge":
        message = "a key must be a name" if node.tag != TAG + "merge" else "merge keys (<<) are not supported"
        wrong.append(Diagnostic(place=place, message=message, expected="a name"))
    elif node.tag == TAG + "bool" and value.lower() not in ("true", "false"):
        meaning = value.lower() in ("yes", "on")
        message = f"YAML reads the name {value} as the boolean {str(meaning).lower()}, so it would collide with others"
        wrong.append(Diagnostic(place=place, message=message, hint=f'rename the tensor, or quote it: "{value}"'))
    elif node.tag != TAG + "str":
        kind = node.tag.removeprefix(TAG)
        wrong.append(Diagnostic(place=place, message=f"YAML reads the key {value} as {kind}", expected="a name"))
    return value


def _scalar(node: yaml.Node, place: Place, wrong: list[Diagnostic]) -> Plain:
    value, kind = str(node.value), node.tag.removeprefix(TAG)
    if kind == "null":
        return None
    if kind == "bool":
        if value.lower() in ("true", "false"):
            return value.lower() == "true"
        message = f"YAML reads the name {value} as a boolean"
        wrong.append(Diagnostic(place=place, message=message, hint=f'rename it, or quote it: "{value}"'))
    if kind == "int":
        if re.fullmatch(r"[-+]?(0|[1-9][0-9_]*)", value):
            digits = value.replace("_", "")
            if len(digits) <= DIGITS:
                return int(digits)
            wrong.append(Diagnostic(place=place, message=f"a number of {len(digits)} digits", expected="a size"))
            return 1
        message = f"YAML reads {value} as {_odd_integer(value)}"
        wrong.append(Diagnostic(place=place, message=message, expected="a decimal integer without leading zeros"))
    if kind == "float":
        try:
            return float(value.replace("_", "").lower().replace(".inf", "inf").replace(".nan", "nan"))
        except ValueError:
            wrong.append(Diagnostic(place=place, message=f"YAML reads {value} as a base-60 number",
                                    expected="a decimal number"))  # fmt: skip
    return value


def _odd_integer(value: str) -> str:
    if ":" in value:
        return "a base-60 number"
    return "an octal number" if re.fullmatch(r"[-+]?0[0-7_]+", value) else "a binary, octal or hexadecimal number"


def put(data: Plain, path: list[str], value: Plain) -> None:
    """Set the value at a path of nested mappings, making them where they are missing; None removes the key."""
    for key in path[:-1]:
        assert isinstance(data, dict)
        data = data.setdefault(key, {})
    assert isinstance(data, dict)
    if value is None:
        data.pop(path[-1], None)
    else:
        data[path[-1]] = value
