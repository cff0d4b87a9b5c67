"""GPT-2, MPT and GPT-NeoX in PyTorch, from the files that Python's transformers writes, with its names and its way of computing.

Reads a job: {"folder", "tokens", "targets", "steps", "learningRate", "optimizer", "parameters"}; writes to standard output
{"logits": [..], "losses": [..]} of the first step and of each step, and to "parameters" all tensors after the steps, as float32 in
the order of their names.

    python3 tests/support/pytorch/external.py JOB.json

Needs Debian's python3-torch.
"""
import json
import math
import struct
import sys

import numpy
import torch
import torch.nn.functional as F


def read_safetensors(path):
    with open(path, "rb") as file:
        (length,) = struct.unpack("<Q", file.read(8))
        header = json.loads(file.read(length))
        data = file.read()
    header.pop("__metadata__", None)
    tensors = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        values = numpy.frombuffer(data[start:end], dtype="<f4").reshape(entry["shape"])
        tensors[name] = torch.from_numpy(values.copy()).requires_grad_(True)
    return tensors


def causal(scores):
    length = scores.shape[-1]
    mask = torch.ones(length, length, dtype=torch.bool).triu(1)
    return scores.masked_fill(mask, torch.finfo(scores.dtype).min).softmax(-1)


def heads_first(x, heads):
    B, T, C = x.shape
    return x.view(B, T, heads, C // heads).permute(0, 2, 1, 3)


def merged(x):
    B, H, T, S = x.shape
    return x.permute(0, 2, 1, 3).reshape(B, T, H * S)


def gelu_new(x):
    return 0.5 * x * (1.0 + torch.tanh(math.sqrt(2.0 / math.pi) * (x + 0.044715 * torch.pow(x, 3.0))))


ACTIVATIONS = {"gelu": F.gelu, "gelu_new": gelu_new}


def gpt2_states(p, c, tokens):
    def norm(name, x):
        return F.layer_norm(x, x.shape[-1:], p[name + ".weight"], p[name + ".bias"], c["layer_norm_epsilon"])

    def conv1d(name, x):
        return x @ p[name + ".weight"] + p[name + ".bias"]

    x = p["transformer.wte.weight"][tokens] + p["transformer.wpe.weight"][: tokens.shape[1]]
    for layer in range(c["n_layer"]):
        h = f"transformer.h.{layer}"
        q, k, v = conv1d(h + ".attn.c_attn", norm(h + ".ln_1", x)).split(c["n_embd"], dim=2)
        q, k, v = (heads_first(part, c["n_head"]) for part in (q, k, v))
        weights = causal(q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]))
        x = x + conv1d(h + ".attn.c_proj", merged(weights @ v))
        inner = ACTIVATIONS[c["activation_function"]](conv1d(h + ".mlp.c_fc", norm(h + ".ln_2", x)))
        x = x + conv1d(h + ".mlp.c_proj", inner)
    return norm("transformer.ln_f", x)


def gpt2(p, c, tokens):
    return gpt2_states(p, c, tokens) @ p["transformer.wte.weight"].T


def mpt_alibi(heads, length, bias_max):
    alibi = torch.arange(1 - length, 1).view(1, 1, length)
    power = 2 ** math.ceil(math.log2(heads))
    base = torch.arange(1, power + 1).float() * (bias_max / power)
    slopes = 1.0 / torch.pow(2, base)
    if power != heads:
        slopes = torch.cat([slopes[1::2], slopes[::2]])[:heads]
    return alibi * slopes.view(heads, 1, 1)


def mpt_states(p, c, tokens):
    def norm(name, x):
        return F.layer_norm(x, x.shape[-1:], p[name + ".weight"], None, c["layer_norm_epsilon"])

    bias = mpt_alibi(c["n_heads"], tokens.shape[1], c["attn_config"]["alibi_bias_max"])
    x = p["transformer.wte.weight"][tokens]
    for layer in range(c["n_layers"]):
        b = f"transformer.blocks.{layer}"
        q, k, v = F.linear(norm(b + ".norm_1", x), p[b + ".attn.Wqkv.weight"]).chunk(3, dim=2)
        q, k, v = (heads_first(part, c["n_heads"]) for part in (q, k, v))
        weights = causal(q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]) + bias)
        x = x + F.linear(merged(weights @ v), p[b + ".attn.out_proj.weight"])
        inner = F.gelu(F.linear(norm(b + ".norm_2", x), p[b + ".ffn.up_proj.weight"]))
        x = x + F.linear(inner, p[b + ".ffn.down_proj.weight"])
    return norm("transformer.norm_f", x)


def mpt(p, c, tokens):
    return F.linear(mpt_states(p, c, tokens), p["transformer.wte.weight"])


def rotate_half(x):
    half = x.shape[-1] // 2
    return torch.cat((-x[..., half:], x[..., :half]), dim=-1)


def gpt_neox_states(p, c, tokens):
    heads, size = c["num_attention_heads"], c["hidden_size"] // c["num_attention_heads"]
    ndims = int(size * c["rotary_pct"])
    inv_freq = 1.0 / (c["rotary_emb_base"] ** (torch.arange(0, ndims, 2).float() / ndims))
    angles = torch.outer(torch.arange(tokens.shape[1]).float(), inv_freq)
    angles = torch.cat((angles, angles), dim=-1)
    cos, sin = angles.cos(), angles.sin()

    def turned(x):
        rotary, rest = x[..., :ndims], x[..., ndims:]
        return torch.cat((rotary * cos + rotate_half(rotary) * sin, rest), dim=-1)

    def norm(name, x):
        return F.layer_norm(x, x.shape[-1:], p[name + ".weight"], p[name + ".bias"], c["layer_norm_eps"])

    def linear(name, x):
        return F.linear(x, p[name + ".weight"], p[name + ".bias"])

    x = p["gpt_neox.embed_in.weight"][tokens]
    B, T, C = x.shape
    for layer in range(c["num_hidden_layers"]):
        l = f"gpt_neox.layers.{layer}"
        qkv = linear(l + ".attention.query_key_value", norm(l + ".input_layernorm", x))
        qkv = qkv.view(B, T, heads, 3 * size).transpose(1, 2)
        q, k, v = qkv.chunk(3, dim=-1)
        weights = causal(turned(q) @ turned(k).transpose(-1, -2) * size**-0.5)
        attended = linear(l + ".attention.dense", merged(weights @ v))
        before = x if c["use_parallel_residual"] else x + attended
        inner = ACTIVATIONS[c["hidden_act"]](
            linear(l + ".mlp.dense_h_to_4h", norm(l + ".post_attention_layernorm", before))
        )
        x = linear(l + ".mlp.dense_4h_to_h", inner) + attended + x
    return norm("gpt_neox.final_layer_norm", x)


def gpt_neox(p, c, tokens):
    return F.linear(gpt_neox_states(p, c, tokens), p["embed_out.weight"])


def main():
    with open(sys.argv[1]) as file:
        job = json.load(file)
    with open(job["folder"] + "/config.json") as file:
        config = json.load(file)
    torch.set_num_threads(1)
    parameters = read_safetensors(job["folder"] + "/model.safetensors")
    network = {"gpt2": gpt2, "mpt": mpt, "gpt_neox": gpt_neox}[config["model_type"]]
    tokens, targets = torch.tensor(job["tokens"]), torch.tensor(job["targets"])
    o = job["optimizer"]
    optimizer = torch.optim.AdamW(
        parameters.values(),
        lr=job["learningRate"],
        betas=(o["beta1"], o["beta2"]),
        eps=o["epsilon"],
        weight_decay=o["weightDecay"],
    )
    losses, first = [], None
    for _ in range(job["steps"]):
        optimizer.zero_grad(set_to_none=True)
        logits = network(parameters, config, tokens)
        first = logits.detach() if first is None else first
        loss = F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.view(-1))
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    values = [parameters[name].detach().numpy().reshape(-1) for name in sorted(parameters)]
    numpy.concatenate(values).astype("<f4").tofile(job["parameters"])
    print(json.dumps({"logits": first[0].reshape(-1).tolist(), "losses": losses}))


if __name__ == "__main__":
    main()
