"""A decoder-only transformer for Hugging Face's transformers: the network of DEPT (arXiv 2410.05021) where no class of that
library computes it, such as ALiBi together with biases.

A norm before each part; one matrix for queries, keys and values, in this order.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn
from transformers import GenerationMixin, PretrainedConfig, PreTrainedModel
from transformers.cache_utils import DynamicCache
from transformers.modeling_outputs import CausalLMOutputWithPast, SequenceClassifierOutput


class DeptConfig(PretrainedConfig):
    model_type = "dept"

    def __init__(
        self,
        vocab_size=1024,
        hidden_size=96,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=384,
        max_position_embeddings=128,
        positions="alibi",
        rotary_fraction=0.25,
        rotary_base=10000,
        parallel_residual=False,
        gelu="exact",
        bias=True,
        layer_norm_eps=1e-5,
        tie_word_embeddings=True,
        head_bias=True,
        use_cache=True,
        **kwargs,
    ):
        self.vocab_size = vocab_size
        self.hidden_size = hidden_size
        self.num_hidden_layers = num_hidden_layers
        self.num_attention_heads = num_attention_heads
        self.intermediate_size = intermediate_size
        self.max_position_embeddings = max_position_embeddings
        self.positions = positions
        self.rotary_fraction = rotary_fraction
        self.rotary_base = rotary_base
        self.parallel_residual = parallel_residual
        self.gelu = gelu
        self.bias = bias
        self.layer_norm_eps = layer_norm_eps
        self.head_bias = head_bias
        self.use_cache = use_cache
        super().__init__(tie_word_embeddings=tie_word_embeddings, **kwargs)


def alibi_slopes(heads):
    """2^(-8h/n); other numbers of heads than powers of two as in MosaicML's llm-foundry."""
    n = 2 ** math.ceil(math.log2(heads))
    slopes = [2 ** (-(i + 1) * 8 / n) for i in range(n)]
    return slopes if n == heads else (slopes[1::2] + slopes[::2])[:heads]


def rotation(config, places):
    """Cosines and sines [B, 1, T, R/2] of the angles at which positions turn pairs of channels."""
    size = config.hidden_size // config.num_attention_heads
    pairs = int(size * config.rotary_fraction) // 2
    k = torch.arange(pairs, device=places.device, dtype=torch.float64)
    angles = places[:, None, :, None] * config.rotary_base ** (-k / pairs)
    return angles.cos().float(), angles.sin().float()


def rotate(x, cos, sin):
    """Channel k of the first R is paired with channel k + R/2."""
    pairs = cos.shape[-1]
    a, b, rest = x.split([pairs, pairs, x.shape[-1] - 2 * pairs], dim=-1)
    cos, sin = cos.to(x.dtype), sin.to(x.dtype)
    return torch.cat([a * cos - b * sin, b * cos + a * sin, rest], dim=-1)


class Norm(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(config.hidden_size))
        if config.bias:
            self.bias = nn.Parameter(torch.zeros(config.hidden_size))
        else:
            self.bias = None
        self.eps = config.layer_norm_eps

    def forward(self, x):
        return F.layer_norm(x, self.weight.shape, self.weight, self.bias, self.eps)


class Attention(nn.Module):
    def __init__(self, config, layer):
        super().__init__()
        self.layer = layer
        self.heads = config.num_attention_heads
        self.qkv = nn.Linear(config.hidden_size, 3 * config.hidden_size, bias=config.bias)
        self.out = nn.Linear(config.hidden_size, config.hidden_size, bias=config.bias)

    def forward(self, x, bias, turn, cache):
        batch, length, width = x.shape
        size = width // self.heads
        q, k, v = self.qkv(x).view(batch, length, 3, self.heads, size).permute(2, 0, 3, 1, 4)
        if turn is not None:
            q, k = rotate(q, *turn), rotate(k, *turn)
        if cache is not None:
            k, v = cache.update(k, v, self.layer)
        scores = q @ k.transpose(-1, -2) / math.sqrt(size) + bias
        mixed = torch.softmax(scores.float(), dim=-1).to(v.dtype) @ v
        return self.out(mixed.transpose(1, 2).reshape(batch, length, width))


class Mlp(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.up = nn.Linear(config.hidden_size, config.intermediate_size, bias=config.bias)
        self.down = nn.Linear(config.intermediate_size, config.hidden_size, bias=config.bias)
        self.approximate = "none" if config.gelu == "exact" else "tanh"

    def forward(self, x):
        return self.down(F.gelu(self.up(x), approximate=self.approximate))


class Block(nn.Module):
    def __init__(self, config, layer):
        super().__init__()
        self.norm_1 = Norm(config)
        self.attn = Attention(config, layer)
        self.norm_2 = Norm(config)
        self.mlp = Mlp(config)
        self.parallel = config.parallel_residual

    def forward(self, x, bias, turn, cache):
        middle = x + self.attn(self.norm_1(x), bias, turn, cache)
        return middle + self.mlp(self.norm_2(x if self.parallel else middle))


class Embedding(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.token = nn.Embedding(config.vocab_size, config.hidden_size)
        if config.positions == "learned":
            self.position = nn.Embedding(config.max_position_embeddings, config.hidden_size)
        if not config.tie_word_embeddings:
            self.output = nn.Embedding(config.vocab_size, config.hidden_size)


class Body(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.block = nn.ModuleList(Block(config, i) for i in range(config.num_hidden_layers))
        self.norm_final = Norm(config)


class DeptPreTrainedModel(PreTrainedModel):
    config_class = DeptConfig
    _no_split_modules = ["Block"]
    _supports_cache_class = True

    def __init__(self, config):
        super().__init__(config)
        self.embedding = Embedding(config)
        self.body = Body(config)

    def get_input_embeddings(self):
        return self.embedding.token

    def set_input_embeddings(self, value):
        self.embedding.token = value

    def states(self, input_ids, attention_mask=None, cache=None):
        """The states [B, T, C] of tokens that follow those of a cache, after the last norm."""
        past = 0 if cache is None else cache.get_seq_length()
        x = self.embedding.token(input_ids)
        keys = past + input_ids.shape[1]
        if attention_mask is None:
            attention_mask = input_ids.new_ones(input_ids.shape[0], keys)
        # Padding on the left takes no position.
        places = (attention_mask.long().cumsum(-1) - 1).clamp(min=0)[:, past:]
        if self.config.positions == "learned":
            x = x + self.embedding.position(places)
        turn = rotation(self.config, places) if self.config.positions == "rotary" else None
        bias = self.attention_bias(attention_mask, past, keys, x)
        for block in self.body.block:
            x = block(x, bias, turn, cache)
        return self.body.norm_final(x)

    def attention_bias(self, attention_mask, past, keys, x):
        """[B, H or 1, T, keys]: ALiBi's penalty by distance, and a score that hides padding and what comes later."""
        i = torch.arange(past, keys, device=x.device)[:, None]
        j = torch.arange(keys, device=x.device)[None, :]
        hidden = (j > i)[None, None] | (attention_mask[:, None, None, :keys] == 0)
        if self.config.positions == "alibi":
            slopes = torch.tensor(alibi_slopes(self.config.num_attention_heads), device=x.device)
            bias = slopes[None, :, None, None] * (j - i)[None, None]
        else:
            bias = torch.zeros(1, 1, *hidden.shape[2:], device=x.device)
        return bias.to(x.dtype).masked_fill(hidden, torch.finfo(x.dtype).min / 2)


class DeptForCausalLM(DeptPreTrainedModel, GenerationMixin):
    def __init__(self, config):
        super().__init__(config)
        self.post_init()

    def prepare_inputs_for_generation(
        self, input_ids, past_key_values=None, attention_mask=None, use_cache=True, **kwargs
    ):
        past = 0 if past_key_values is None else past_key_values.get_seq_length()
        return {
            "input_ids": input_ids[:, past:],
            "attention_mask": attention_mask,
            "past_key_values": past_key_values,
            "use_cache": use_cache,
        }

    def forward(
        self,
        input_ids,
        attention_mask=None,
        past_key_values=None,
        labels=None,
        use_cache=None,
        **kwargs,
    ):
        use_cache = self.config.use_cache if use_cache is None else use_cache
        if use_cache and past_key_values is None:
            past_key_values = DynamicCache()
        states = self.states(input_ids, attention_mask, past_key_values if use_cache else None)
        head = self.embedding.token if self.config.tie_word_embeddings else self.embedding.output
        logits = F.linear(states, head.weight)
        loss = None
        if labels is not None:
            loss = F.cross_entropy(logits[:, :-1].transpose(1, 2).float(), labels[:, 1:])
        return CausalLMOutputWithPast(
            loss=loss, logits=logits, past_key_values=past_key_values if use_cache else None
        )


class DeptForSequenceClassification(DeptPreTrainedModel):
    """A linear head on the state of the last token that is no padding, as fine-tuning had it."""

    def __init__(self, config):
        super().__init__(config)
        self.num_labels = config.num_labels
        self.score = nn.Linear(config.hidden_size, config.num_labels, bias=config.head_bias)
        self.post_init()

    def forward(self, input_ids, attention_mask=None, labels=None, **kwargs):
        states = self.states(input_ids, attention_mask)
        if attention_mask is None:
            attention_mask = torch.ones_like(input_ids)
        places = torch.arange(input_ids.shape[1], device=input_ids.device)
        last = (attention_mask.long() * places).argmax(-1)
        logits = self.score(states[torch.arange(len(last), device=last.device), last])
        loss = None
        if labels is not None and self.num_labels == 1:
            loss = F.mse_loss(logits[:, 0].float(), labels.float())
        elif labels is not None:
            loss = F.cross_entropy(logits.float(), labels)
        return SequenceClassifierOutput(loss=loss, logits=logits)
