"""Logits of exported folders in PyTorch, as classes of transformers compute them: MPT and GPT-2 by hand, with that library's names;
our own class as it is in the folder, over the few classes of that library that it uses (that library itself is not here).

open_exported.py JOB, where JOB is {"folders": [...], "tokens": [...], "output": FILE}; writes a list of logits [T, V] for each.
"""
import importlib.util
import json
import math
import struct
import sys
import types

import torch
import torch.nn.functional as F
from torch import nn


def read_tensors(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = bytearray(file.read())
    assert header.pop("__metadata__") == {"format": "pt"}
    tensors = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        tensors[name] = torch.frombuffer(data[start:end], dtype=torch.float32).view(entry["shape"])
    return tensors


def attend(q, k, v, heads, bias):
    length, width = q.shape
    q, k, v = (x.view(length, heads, -1).transpose(0, 1) for x in (q, k, v))
    scores = q @ k.transpose(-1, -2) / math.sqrt(width // heads) + bias
    hidden = torch.ones(length, length, dtype=torch.bool).triu(1)
    weights = torch.softmax(scores.masked_fill(hidden, torch.finfo(torch.float32).min), dim=-1)
    return (weights @ v).transpose(0, 1).reshape(length, width)


def mpt(config, t, tokens):
    """As modeling_mpt.py: the row of biases is that of the last query, for every query."""
    heads, eps = config["n_heads"], config["layer_norm_epsilon"]
    n = 2 ** math.ceil(math.log2(heads))
    slopes = 1.0 / 2 ** (torch.arange(1, n + 1, dtype=torch.float32) * (8 / n))
    if n != heads:
        slopes = torch.cat([slopes[1::2], slopes[::2]])[:heads]
    bias = slopes.view(heads, 1, 1) * torch.arange(1 - len(tokens), 1).view(1, 1, -1)
    norm = lambda x, name: F.layer_norm(x, x.shape[-1:], t[name + ".weight"], None, eps)
    x = t["transformer.wte.weight"][tokens]
    for layer in range(config["n_layers"]):
        b = f"transformer.blocks.{layer}."
        q, k, v = (norm(x, b + "norm_1") @ t[b + "attn.Wqkv.weight"].T).chunk(3, dim=-1)
        x = x + attend(q, k, v, heads, bias) @ t[b + "attn.out_proj.weight"].T
        up = F.gelu(norm(x, b + "norm_2") @ t[b + "ffn.up_proj.weight"].T)
        x = x + up @ t[b + "ffn.down_proj.weight"].T
    head = t["transformer.wte.weight" if config["tie_word_embeddings"] else "lm_head.weight"]
    return norm(x, "transformer.norm_f") @ head.T


def gpt2(config, t, tokens):
    """As modeling_gpt2.py: Conv1D is x·W + b."""
    approximate = {"gelu": "none", "gelu_new": "tanh"}[config["activation_function"]]
    eps = config["layer_norm_epsilon"]
    norm = lambda x, n: F.layer_norm(x, x.shape[-1:], t[n + ".weight"], t[n + ".bias"], eps)
    conv = lambda x, n: x @ t[n + ".weight"] + t[n + ".bias"]
    x = t["transformer.wte.weight"][tokens] + t["transformer.wpe.weight"][: len(tokens)]
    for layer in range(config["n_layer"]):
        b = f"transformer.h.{layer}."
        q, k, v = conv(norm(x, b + "ln_1"), b + "attn.c_attn").chunk(3, dim=-1)
        x = x + conv(attend(q, k, v, config["n_head"], 0), b + "attn.c_proj")
        up = F.gelu(conv(norm(x, b + "ln_2"), b + "mlp.c_fc"), approximate=approximate)
        x = x + conv(up, b + "mlp.c_proj")
    head = t["transformer.wte.weight" if config["tie_word_embeddings"] else "lm_head.weight"]
    return norm(x, "transformer.ln_f") @ head.T


class Config:
    def __init__(self, **kwargs):
        self.__dict__.update(kwargs)
        self.num_labels = len(kwargs.get("id2label", "01"))


class Model(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.config = config

    def post_init(self):
        pass


class Cache:
    def __init__(self):
        self.layers = {}

    def get_seq_length(self):
        return self.layers[0][0].shape[2] if self.layers else 0

    def update(self, k, v, layer):
        if layer in self.layers:
            k, v = (torch.cat(pair, dim=2) for pair in zip(self.layers[layer], (k, v)))
        self.layers[layer] = (k, v)
        return k, v


def module(name, **members):
    made = types.ModuleType(name)
    made.__dict__.update(members)
    sys.modules[name] = made


def own_code(folder):
    spec = importlib.util.spec_from_file_location("modeling_dept", folder + "/modeling_dept.py")
    code = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(code)
    return code


def dept(folder, config, t, tokens):
    code = own_code(folder)
    model = code.DeptForCausalLM(code.DeptConfig(**config))
    model.load_state_dict(t, strict=True)
    ids = torch.tensor([tokens])
    logits = model(ids, use_cache=False).logits[0]
    # Read in three parts, with what was kept of the first ones.
    cache, parts = None, []
    while sum(len(part) for part in parts) < len(tokens):
        done = model.prepare_inputs_for_generation(ids, past_key_values=cache)["input_ids"]
        output = model(done[:, : len(tokens) // 3 + 1], past_key_values=cache)
        cache = output.past_key_values
        parts.append(output.logits[0])
    assert len(parts) == 3 and torch.allclose(torch.cat(parts), logits, atol=1e-4)
    # Padding on the left changes nothing.
    padded = torch.tensor([[3, 3, *tokens[:-2]]])
    mask = (torch.arange(len(tokens)) >= 2).long()[None]
    assert torch.allclose(model(padded, attention_mask=mask).logits[0, 2:], logits[:-2], atol=1e-4)
    loss = model(ids, labels=ids).loss
    expected = F.cross_entropy(logits[:-1], ids[0, 1:])
    assert torch.allclose(loss, expected, atol=1e-4)
    return logits


module(
    "transformers", GenerationMixin=type("Mixin", (), {}), PretrainedConfig=Config, PreTrainedModel=Model
)
module("transformers.cache_utils", DynamicCache=Cache)
module(
    "transformers.modeling_outputs",
    CausalLMOutputWithPast=types.SimpleNamespace,
    SequenceClassifierOutput=types.SimpleNamespace,
)


def logits_of(job):
    config_of = lambda folder: json.load(open(folder + "/config.json"))
    for folder in job["folders"]:
        config = config_of(folder)
        tensors = read_tensors(folder + "/model.safetensors")
        if config["model_type"] == "dept":
            logits = dept(folder, config, tensors, job["tokens"])
        else:
            compute = {"mpt": mpt, "gpt2": gpt2}[config["model_type"]]
            logits = compute(config, tensors, job["tokens"])
        yield logits.flatten().tolist()


if __name__ == "__main__":
    job = json.load(open(sys.argv[1]))
    with torch.no_grad():
        json.dump(list(logits_of(job)), open(job["output"], "w"))
