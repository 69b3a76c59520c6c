"""Model configurations as Hugging Face writes them -> workloads."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from archsim.cli import main
from archsim.config import Config, as_yaml, from_config, read_config
from archsim.library import load, names
from archsim.workload import Workload
from einsum_cascade.errors import SpecError

# Excerpts of the configurations that the models' authors publish.
BERT = {
    "architectures": ["BertForMaskedLM"], "model_type": "bert", "hidden_size": 768, "intermediate_size": 3072,
    "max_position_embeddings": 512, "num_attention_heads": 12, "num_hidden_layers": 12,
}  # fmt: skip
GPT2 = {
    "architectures": ["GPT2LMHeadModel"], "model_type": "gpt2", "n_embd": 1024, "n_head": 16, "n_positions": 1024,
    "n_inner": None,
}  # fmt: skip
T5 = {
    "architectures": ["T5WithLMHeadModel"], "model_type": "t5", "d_ff": 65536, "d_kv": 128, "d_model": 1024,
    "num_heads": 128, "n_positions": 512, "is_encoder_decoder": True,
}  # fmt: skip
LLAMA = {
    "architectures": ["LlamaForCausalLM"], "model_type": "llama", "hidden_size": 8192, "intermediate_size": 28672,
    "num_attention_heads": 64, "num_key_value_heads": 8, "max_position_embeddings": 8192,
}  # fmt: skip
MISTRAL = {
    "architectures": ["MistralForCausalLM"], "model_type": "mistral", "hidden_size": 5120, "intermediate_size": 14336,
    "num_attention_heads": 32, "num_key_value_heads": 8, "head_dim": 128, "sliding_window": 4096,
}  # fmt: skip
DEEPSEEK = {
    "architectures": ["DeepseekV3ForCausalLM"], "model_type": "deepseek_v3", "hidden_size": 7168,
    "intermediate_size": 18432, "num_attention_heads": 128, "num_key_value_heads": 128, "kv_lora_rank": 512,
    "q_lora_rank": 1536, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128, "num_experts_per_tok": 8,
    "max_position_embeddings": 163840,
}  # fmt: skip


def fields(data: dict, *arguments: object) -> dict:
    return from_config(Config(file="config.json", text=json.dumps(data), data=data), *arguments)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (BERT, {"workload": "bert", "heads": 12, "kv_heads": 12, "ffn_dim": 3072, "sequence_length": 512}),
        (GPT2, {"workload": "gpt2_prefill", "heads": 16, "head_dim": 64, "model_dim": 1024, "ffn_dim": 4096}),
        (T5, {"workload": "t5", "heads": 128, "head_dim": 128, "model_dim": 1024, "ffn_dim": 65536}),
        (LLAMA, {"workload": "llama_prefill", "heads": 64, "kv_heads": 8, "head_dim": 128, "ffn_dim": 28672}),
        (MISTRAL, {"heads": 32, "kv_heads": 8, "head_dim": 128, "model_dim": 5120, "sequence_length": 1024}),
        (DEEPSEEK, {"heads": 128, "head_dim": 128, "value_dim": 128, "ranks": {"L": 512, "X": 64}}),
    ],
)  # fmt: skip
def test_published_configurations(data: dict, expected: dict) -> None:
    found = fields(data)
    assert {k: found[k] for k in expected} == expected


@pytest.mark.parametrize("data", [BERT, GPT2, T5, LLAMA, MISTRAL, DEEPSEEK], ids=lambda d: d["model_type"])
@pytest.mark.parametrize("mode", ["encoder", "prefill", "decode"])
def test_the_yaml_reads_back_as_the_same_workload(data: dict, mode: str, tmp_path: Path) -> None:
    found = fields(data, mode, 4096, 8)
    file = tmp_path / "w.yaml"
    file.write_text(as_yaml(found))
    workload = load(Workload, file)
    assert (workload.sequence_length, workload.batch, workload.heads) == (4096, 8, found["heads"])
    assert workload.sizes()["P"] == (1 if mode == "decode" else 4096)
    assert workload.ranks == found.get("ranks", {})


def test_what_a_workload_does_not_hold_is_noted() -> None:
    assert "sliding window of 4096 tokens" in fields(MISTRAL)["description"]
    assert "sliding window" not in fields({**MISTRAL, "use_sliding_window": False})["description"]
    assert "mixture of experts (8 a token)" in fields(DEEPSEEK)["description"]


def test_multi_query_and_parts_of_a_larger_model(tmp_path: Path) -> None:
    assert fields({**GPT2, "multi_query": True})["kv_heads"] == 1
    file = tmp_path / "config.json"
    file.write_text(json.dumps({"architectures": ["XForConditionalGeneration"], "text_config": LLAMA}))
    assert from_config(read_config(file))["heads"] == 64


MISTAKES = [
    ('{"hidden_size": 768}', "config.json:1:1: the key num_attention_heads is missing: the number of attention heads\n"
     "  expected: a positive whole number under num_attention_heads (or n_head,"),
    ('{"num_attention_heads": 12}', "the key hidden_size is missing: the size of the model's hidden state"),
    ('{"num_attention_heads": 12, "hidden_size": 768}', "the key intermediate_size is missing"),
    ('{"num_attention_head": 12, "hidden_size": 768}', "hint: did you mean num_attention_head?"),
    ('{"hidden_size": 768,\n  "num_attention_heads": "12"}', 'config.json:2:3: num_attention_heads is "12"\n'
     '      "num_attention_heads": "12"}\n      ^^^^^^^^^^^^^^^^^^^^^^^^^^^\n  expected: a positive whole number'),
    ('{"num_attention_heads": 0, "hidden_size": 768}', "num_attention_heads is 0"),
    ('{"num_attention_heads": true, "hidden_size": 768}', "num_attention_heads is true"),
    ('{"num_attention_heads": 12, "hidden_size": 770}', "12 heads do not divide a model size of 770"),
    ('{"num_attention_heads": 12, "hidden_size": 768, "num_key_value_heads": 5}',
     "5 key-value heads do not divide 12 heads"),
    (json.dumps({**DEEPSEEK, "v_head_dim": None}), "the key v_head_dim is missing"),
    ('{"num_attention_heads": 12,}', "config.json:1:28: this is not JSON"),
    ('{"a": 1\n "b": 2}', "config.json:2:2: this is not JSON: Expecting ',' delimiter"),
    ("", "config.json:1:1: this is not JSON"),
    ("[1]", "this is a JSON list\n  expected: an object"),
    ("[" * 100_000, "cannot be read"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "message"), MISTAKES)
def test_a_bad_configuration_gets_one_located_error(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "config.json"
    file.write_text(text)
    with pytest.raises(SpecError) as raised:
        from_config(read_config(file))
    assert message in str(raised.value)
    assert len(raised.value.diagnostics) == 1


def test_the_command_writes_a_workload_that_evaluates(tmp_path: Path) -> None:
    config, output = tmp_path / "config.json", tmp_path / "w.yaml"
    config.write_text(json.dumps(LLAMA))
    made = CliRunner().invoke(main, ["workload", str(config), "--mode", "decode", "-s", "32K", "-o", str(output)])
    assert (made.exit_code, made.stdout) == (0, f"wrote {output}\n")
    found = CliRunner().invoke(main, ["evaluate", "-m", "fusemax_binding", "-w", str(output), "--json"])
    assert json.loads(found.stdout)["sizes"]["P"] == 1


def test_a_mistake_writes_nothing(tmp_path: Path) -> None:
    config = tmp_path / "config.json"
    config.write_text("{}")
    result = CliRunner().invoke(main, ["workload", str(config), "-o", str(tmp_path / "w.yaml")])
    assert (result.exit_code, result.stdout) == (2, "")
    assert list(tmp_path.iterdir()) == [config]
    result = CliRunner().invoke(main, ["workload", str(tmp_path)])
    assert (result.exit_code, "this is a directory" in result.stderr) == (2, True)


@pytest.mark.parametrize("name", names("workload"))
def test_shipped_workloads_print_as_they_read(name: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(main, ["workload", name])
    file = tmp_path / "w.yaml"
    file.write_text(result.stdout)
    assert load(Workload, file) == load(Workload, name)


def test_a_shipped_workload_for_decode() -> None:
    found = json.loads(CliRunner().invoke(main, ["workload", "bert", "--mode", "decode", "-s", "4K", "--json"]).stdout)
    assert (found["query_length"], found["sequence_length"]) == (1, 4096)
