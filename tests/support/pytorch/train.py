"""The network, batch, loss and optimizer of `deno task bench train` in PyTorch.

Reads a job (see training_job.ts), answers each line `step` on standard input with one JSON line on standard output,
and ends with the input. With `parameters` in the job it writes all parameters at the end, in the job's order.

    python3 tests/support/pytorch/train.py JOB.json [--bf16]

Needs Debian's python3-torch and libopenblas0-pthread.
"""
import json
import math
import resource
import sys
import time

import numpy
import torch
import torch.nn.functional as F


def alibi_slopes(heads):
    n = 2 ** math.ceil(math.log2(heads))
    slopes = [2 ** (-(i + 1) * 8 / n) for i in range(n)]
    return slopes if n == heads else (slopes[1::2] + slopes[0::2])[:heads]


def attention_bias(job):
    heads, length = job["config"]["nHeads"], job["config"]["seqLen"]
    distance = torch.arange(length)[None, :] - torch.arange(length)[:, None]  # j - i
    if job["config"]["positions"] == "alibi":
        bias = torch.tensor(alibi_slopes(heads))[:, None, None] * distance[None]
    else:
        bias = torch.zeros(1, length, length)
    return bias.masked_fill(distance[None] > 0, -1e9).float()


class Network:
    """The decoder of model/transformer.ts over a dictionary of parameters under the same names."""

    def __init__(self, job, parameters):
        self.config = job["config"]
        self.p = parameters
        self.bias = attention_bias(job)

    def linear(self, name, x):
        return F.linear(x, self.p[name + ".weight"], self.p.get(name + ".bias"))

    def norm(self, name, x):
        return F.layer_norm(x, x.shape[-1:], self.p[name + ".weight"], self.p.get(name + ".bias"), 1e-5)

    def block(self, name, x):
        B, T, C = x.shape
        H = self.config["nHeads"]
        qkv = self.linear(name + ".attn.qkv", self.norm(name + ".norm_1", x))
        q, k, v = (part.view(B, T, H, C // H).transpose(1, 2) for part in qkv.split(C, dim=-1))
        scores = (q @ k.transpose(-2, -1)) * (1 / math.sqrt(C // H)) + self.bias
        context = (scores.softmax(-1) @ v).transpose(1, 2).reshape(B, T, C)
        x = x + self.linear(name + ".attn.out", context)
        up = F.gelu(self.linear(name + ".mlp.up", self.norm(name + ".norm_2", x)))
        return x + self.linear(name + ".mlp.down", up)

    def loss(self, tokens, targets):
        table = self.p["embedding.token.weight"]
        x = F.embedding(tokens, table)
        if self.config["positions"] == "learned":
            x = x + self.p["embedding.position.weight"][: tokens.shape[1]]
        for layer in range(self.config["nLayers"]):
            x = self.block(f"body.block.{layer}", x)
        logits = F.linear(self.norm("body.norm_final", x), table)
        return F.cross_entropy(logits.view(-1, logits.shape[-1]), targets.reshape(-1))


def read_parameters(job):
    values = numpy.fromfile(job["weights"], dtype="<f4")
    parameters, at = {}, 0
    for name, shape in job["shapes"].items():
        size = int(numpy.prod(shape))
        parameters[name] = torch.from_numpy(values[at : at + size].reshape(shape).copy())
        parameters[name].requires_grad_(True)
        at += size
    return parameters


def read_batch(job, step):
    """Step n reads B·T + 1 tokens: its inputs, and one further for the targets."""
    count = job["batchSize"] * job["config"]["seqLen"]
    at = step % job["batches"] * (count + 1)
    ids = numpy.fromfile(job["tokens"], dtype="<i4", count=count + 1, offset=4 * at).astype("int64")
    shape = (job["batchSize"], job["config"]["seqLen"])
    return torch.from_numpy(ids[:-1].reshape(shape)), torch.from_numpy(ids[1:].reshape(shape))


def libraries():
    """Files of the linear algebra libraries that are loaded."""
    torch.ones(64, 64) @ torch.ones(64, 64)
    with open("/proc/self/maps") as maps:
        paths = {line.split()[-1] for line in maps if "/" in line}
    return sorted(path for path in paths if "blas" in path or "mkl" in path)


def cpu_seconds():
    """Of all threads, in the process and for it in the system, which makes the pages of its tensors."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def main():
    with open(sys.argv[1]) as file:
        job = json.load(file)
    is_bf16 = "--bf16" in sys.argv
    torch.set_num_threads(job["threads"])
    parameters = read_parameters(job)
    network = Network(job, parameters)
    o = job["optimizer"]
    optimizer = torch.optim.AdamW(
        parameters.values(),
        lr=job["learningRate"],
        betas=(o["beta1"], o["beta2"]),
        eps=o["epsilon"],
        weight_decay=o["weightDecay"],
    )
    print(json.dumps({"version": torch.__version__, "libraries": libraries()}), flush=True)
    for step, _ in enumerate(sys.stdin):
        tokens, targets = read_batch(job, step)
        used = cpu_seconds()
        started = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=is_bf16):
            loss = network.loss(tokens, targets)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(parameters.values(), job["clipNorm"])
        optimizer.step()
        answer = {
            "stepMs": (time.perf_counter() - started) * 1000,
            "cpuMs": (cpu_seconds() - used) * 1000,
            "lossNats": loss.item(),
            "gradientNorm": norm.item(),
            "peakBytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        }
        print(json.dumps(answer), flush=True)
    if "parameters" in job:
        values = [parameters[name].detach().numpy().reshape(-1) for name in job["shapes"]]
        numpy.concatenate(values).astype("<f4").tofile(job["parameters"])


main()
