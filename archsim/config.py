"""A Hugging Face model configuration (config.json) -> the fields of a workload."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from archsim.library import find
from archsim.workload import WorkloadForm, read_workload
from einsum_cascade.document import read
from einsum_cascade.errors import Diagnostic, Place, SpecError, did_you_mean
from einsum_cascade.forms import keys_at

__all__ = ["Config", "as_yaml", "changed", "from_config", "read_config"]

Fields = dict[str, object]

KEYS = {
    "heads": ("num_attention_heads", "n_head", "num_heads", "n_heads", "encoder_attention_heads"),
    "model_dim": ("hidden_size", "n_embd", "d_model", "dim", "emb_dim"),
    "head_dim": ("head_dim", "d_kv", "d_head"),
    "kv_heads": ("num_key_value_heads", "num_kv_heads", "n_head_kv"),
    "ffn_dim": ("intermediate_size", "n_inner", "d_ff", "d_inner", "encoder_ffn_dim", "ffn_dim", "hidden_dim"),
    "sequence_length": ("max_position_embeddings", "n_positions", "max_seq_len"),
}
"""Field of a workload -> the keys under which configurations state it."""

FOUR_TIMES = ("n_embd", "emb_dim")
"""Where the model's size has one of these names, an unstated feed-forward size is four times as large."""

MISSING = {
    "heads": "the number of attention heads",
    "model_dim": "the size of the model's hidden state",
    "ffn_dim": "the hidden size of the feed-forward layer",
}


@dataclass(frozen=True, kw_only=True)
class Config:
    """The keys of a configuration, with its file and text for the places of mistakes."""

    file: str
    text: str
    data: Mapping[str, object]

    def error(self, key: str, message: str, expected: str = "", hint: str = "") -> SpecError:
        """Return the error of a key, with its place where it stands in the file."""
        place = Place(file=self.file, text="")
        found = re.search(rf'"{re.escape(key)}"\s*:\s*[^,}}\n]*', self.text) if key else None
        if found is not None:
            start = self.text.rfind("\n", 0, found.start()) + 1
            line = self.text[start:].partition("\n")[0]
            number, column = self.text.count("\n", 0, start) + 1, found.start() - start + 1
            place = Place(file=self.file, line=number, column=column, length=len(found.group()), text=line)
        return SpecError([Diagnostic(place=place, message=message, expected=expected, hint=hint)])

    def number(self, *keys: str) -> int | None:
        """Return the positive whole number under the first of `keys` that is stated. Raises SpecError otherwise."""
        for key in keys:
            value = self.data.get(key)
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, int) or value < 1:
                raise self.error(key, f"{key} is {json.dumps(value)}", "a positive whole number")
            return value
        return None

    def needed(self, field: str) -> int:
        """Return the number of a field of a workload. Raises SpecError naming the key that is missing."""
        value = self.number(*KEYS[field])
        if value is None:
            first, *others = KEYS[field]
            message = f"the key {first} is missing: {MISSING[field]}"
            expected = f"a positive whole number under {first} (or {', '.join(others)})"
            near = did_you_mean(first, self.data)
            raise self.error("", message, expected, near if near.startswith("did") else "")
        return value


def read_config(file: Path) -> Config:
    """Return the keys of a configuration file; those of its `text_config` where a model has several parts.

    Raises SpecError: a file that cannot be read, or is not a JSON object.
    """
    place = Place(file=str(file))
    try:
        text = file.read_text(encoding="utf-8")
        data = json.loads(text)
    except json.JSONDecodeError as error:
        line = text.split("\n")[error.lineno - 1]
        place = Place(file=str(file), line=error.lineno, column=error.colno, text=line)
        message = f"this is not JSON: {error.msg}"
        raise SpecError([Diagnostic(place=place, message=message, expected="a model's config.json")]) from None
    except (OSError, UnicodeDecodeError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or "not a UTF-8 text file of JSON"
        raise SpecError([Diagnostic(place=place, message=f"cannot be read: {reason}")]) from None
    if not isinstance(data, dict):
        message = f"this is a JSON {type(data).__name__}"
        raise SpecError([Diagnostic(place=place, message=message, expected="an object: a model's config.json")])
    inner = data.get("text_config")
    if isinstance(inner, dict) and not any(k in data for k in KEYS["heads"]):
        data = {"architectures": data.get("architectures"), **inner}
    return Config(file=str(file), text=text, data=data)


def from_config(
    config: Config,
    mode: str | None = None,
    sequence_length: int | None = None,
    batch: int | None = None,
    name: str | None = None,
) -> Fields:
    """Return the fields of the workload of one layer of a model.

    Parameters
    ----------
    config : from `read_config`.
    mode : "encoder", "prefill" (all tokens ask) or "decode" (one query); by default what `architectures` suggests.
    sequence_length : keys; by default the longest sequence of the configuration, else 1024.
    batch : sequences side by side, 1 by default.
    name : by default the type of the model.

    Raises
    ------
    SpecError : a key that is missing, or of the wrong kind.

    Examples
    --------
    >>> data = {"model_type": "bert", "num_attention_heads": 12, "hidden_size": 768, "intermediate_size": 3072}
    >>> from_config(Config(file="config.json", text="", data=data), "encoder", 4096)["head_dim"]
    64
    """
    heads, model = config.needed("heads"), config.needed("model_dim")
    shared = config.number(*KEYS["kv_heads"]) or (1 if config.data.get("multi_query") is True else heads)
    if heads % shared:
        raise config.error(KEYS["kv_heads"][0], f"{shared} key-value heads do not divide {heads} heads")
    mode = mode or _mode(config)
    kind = re.sub(r"[^A-Za-z0-9_-]", "_", str(config.data.get("model_type") or Path(config.file).stem))
    fields: Fields = {
        "workload": name or (kind if mode == "encoder" else f"{kind}_{mode}"),
        "description": "; ".join([DESCRIPTIONS[mode], *_remarks(config)]),
        "source": f"{Path(config.file).name} of {config.data.get('_name_or_path') or kind}",
        "batch": batch or 1,
        "heads": heads,
    }
    fields |= _latent(config) or {"kv_heads": shared, "head_dim": _head_dim(config, heads, model)}
    fields |= {"model_dim": model, "ffn_dim": _ffn_dim(config, model)}
    fields["sequence_length"] = sequence_length or config.number(*KEYS["sequence_length"]) or 1024
    if mode == "decode":
        fields["query_length"] = 1
    if "ranks" in fields:
        fields["ranks"] = fields.pop("ranks")  # last in the file
    return {**fields, "word_bits": 16}


DESCRIPTIONS = {
    "encoder": "one encoder layer",
    "prefill": "one decoder layer, prefill (causal: a query sees the keys up to its own)",
    "decode": "one decoder layer, one new token over the keys of all earlier ones",
}


def _mode(config: Config) -> str:
    """Return what the architecture suggests: a model that generates text is a decoder."""
    names = config.data.get("architectures")
    text = " ".join(map(str, names)) if isinstance(names, list) else ""
    if config.data.get("is_encoder_decoder") is True:
        return "encoder"
    generates = "CausalLM" in text or "LMHead" in text or config.data.get("is_decoder") is True
    known = bool(text)
    return "prefill" if generates or (not known and ("n_embd" in config.data or _grouped(config))) else "encoder"


def _grouped(config: Config) -> bool:
    return any(k in config.data for k in KEYS["kv_heads"])


def _head_dim(config: Config, heads: int, model: int) -> int:
    stated = config.number(*KEYS["head_dim"])
    if stated is None and model % heads:
        key = next(k for k in KEYS["heads"] if k in config.data)
        raise config.error(
            key,
            f"{heads} heads do not divide a model size of {model}",
            "heads that divide it, or a head_dim of its own",
        )
    return stated or model // heads


def _ffn_dim(config: Config, model: int) -> int:
    stated = config.number(*KEYS["ffn_dim"])
    if stated is None and any(k in config.data for k in FOUR_TIMES):
        return 4 * model
    return stated or config.needed("ffn_dim")


def _latent(config: Config) -> Fields | None:
    """Return the sizes of latent attention: keys and values of all heads come from one latent of size L."""
    latent = config.number("kv_lora_rank")
    if latent is None:
        return None
    sizes: dict[str, int] = {}
    for key in ("qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim"):
        value = config.number(key)
        if value is None:
            message = f"the key {key} is missing: latent attention (kv_lora_rank) needs it"
            raise config.error("", message, "a positive whole number")
        sizes[key] = value
    return {
        "head_dim": sizes["qk_nope_head_dim"],
        "value_dim": sizes["v_head_dim"],
        "ranks": {"L": latent, "X": sizes["qk_rope_head_dim"]},
    }


def _remarks(config: Config) -> list[str]:
    """Return what a configuration says that a workload does not hold."""
    result = []
    window = config.data.get("sliding_window")
    if isinstance(window, int) and config.data.get("use_sliding_window") is not False:
        result.append(f"its sliding window of {window} tokens is the cascade's matter")
    experts = config.number("num_experts_per_tok")
    if experts is not None:
        result.append(f"mixture of experts ({experts} a token): ffn_dim is that of one dense layer or expert")
    if config.number("kv_lora_rank") is not None:
        result.append("latent attention: L latent, X rotary part, head_dim without it")
    return result


def changed(name: str, mode: str | None, sequence_length: int | None, batch: int | None, new: str | None) -> Fields:
    """Return the fields of a workload by name or path, with what was given replaced.

    Raises SpecError: nothing of that name, or every mistake of the file.

    >>> changed("bert", None, 4096, None, None)["sequence_length"]
    4096
    """
    document = find("workload", name)
    read_workload(document)
    assert isinstance(document.data, dict)
    fields: Fields = dict(document.data)
    replaced = {"workload": new, "sequence_length": sequence_length, "batch": batch}
    fields |= {k: v for k, v in replaced.items() if v is not None}
    if mode is not None:
        fields |= {"description": DESCRIPTIONS[mode]}
        fields.pop("query_length", None)
    return fields | ({"query_length": 1} if mode == "decode" else {})


def as_yaml(fields: Fields) -> str:
    """Return the fields as a YAML text that reads back as the same workload.

    >>> print(as_yaml({"workload": "w", "heads": 12, "ranks": {"L": 512}, "source": "a: b"}), end="")
    workload: w
    source: "a: b"
    heads: 12
    ranks: {L: 512}
    """
    order = [k for k in keys_at(WorkloadForm, ()) if k in fields]
    return "".join(f"{key}: {_scalar(fields[key])}\n" for key in order)


def _scalar(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{k}: {_scalar(v)}" for k, v in value.items()) + "}"
    if not isinstance(value, str):
        return str(value)
    try:
        documents = read(f"v: {value}", "")
        same = len(documents) == 1 and documents[0].data == {"v": value}
    except SpecError:
        same = False
    return value if same else json.dumps(value)
