"""BERT's encoder, without the library that it comes from.

Names of parameters, first random numbers and results are those of transformers'
``BertModel`` without a pooler, whose import alone takes longer than a small image.

Paper: BERT, 1810.04805. Follows: transformers, models/bert/modeling_bert.py.
Shape legend: B texts, L tokens, C channels, H heads.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


@dataclass(frozen=True)
class BertConfig:
    """Sizes of the encoder, called as in transformers; defaults are bert-base's."""

    vocab_size: int = 30522
    hidden_size: int = 768
    num_hidden_layers: int = 12
    num_attention_heads: int = 12
    intermediate_size: int = 3072
    hidden_dropout_prob: float = 0.1
    attention_probs_dropout_prob: float = 0.1
    max_position_embeddings: int = 512
    type_vocab_size: int = 2
    initializer_range: float = 0.02
    layer_norm_eps: float = 1e-12
    pad_token_id: int = 0

    def __post_init__(self) -> None:
        if self.hidden_size % self.num_attention_heads:
            raise ValueError(
                f'hidden_size must be a multiple of num_attention_heads; got '
                f'{self.hidden_size} and {self.num_attention_heads}.'
            )


class BertOutput(NamedTuple):
    """``last_hidden_state`` (B, L, C)."""

    last_hidden_state: Tensor


class BertEncoder(nn.Module):
    """Token ids -> hidden states of the last layer."""

    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.config = config
        self.embeddings = _Embeddings(config)
        self.encoder = _Layers(config)
        self.apply(self._init)

    def _init(self, module: nn.Module) -> None:
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=self.config.initializer_range)
            nn.init.zeros_(module.bias)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, std=self.config.initializer_range)
            if module.padding_idx is not None:
                with torch.no_grad():
                    module.weight[module.padding_idx].zero_()

    @property
    def device(self) -> torch.device:
        """Where it is."""
        return self.embeddings.word_embeddings.weight.device

    def gradient_checkpointing_enable(self, options: dict | None = None) -> None:
        """Compute layers twice in training instead of keeping what is in them.

        Args:
            options: Of :func:`torch.utils.checkpoint.checkpoint`.
        """
        self.encoder.checkpoint_options = {'use_reentrant': False, **(options or {})}

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor | None = None
    ) -> BertOutput:
        """Encode a batch of texts.

        Args:
            input_ids: (B, L) of the vocabulary.
            attention_mask: (B, L), 0 where there is padding. None: nowhere.
        """
        if attention_mask is not None:
            attention_mask = attention_mask.bool()[:, None, None]  # (B, 1, 1, L)
        return BertOutput(self.encoder(self.embeddings(input_ids), attention_mask))


class _Embeddings(nn.Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        size = config.hidden_size
        self.word_embeddings = nn.Embedding(
            config.vocab_size, size, padding_idx=config.pad_token_id
        )
        self.position_embeddings = nn.Embedding(config.max_position_embeddings, size)
        self.token_type_embeddings = nn.Embedding(config.type_vocab_size, size)
        self.LayerNorm = nn.LayerNorm(size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, ids: Tensor) -> Tensor:
        # a text alone is of type 0
        embeddings = self.word_embeddings(ids) + self.token_type_embeddings.weight[0]
        embeddings = embeddings + self.position_embeddings.weight[: ids.shape[1]]
        return self.dropout(self.LayerNorm(embeddings))


class _Layers(nn.Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        layers = (_Layer(config) for _ in range(config.num_hidden_layers))
        self.layer = nn.ModuleList(layers)
        self.checkpoint_options: dict | None = None

    def forward(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        for layer in self.layer:
            if self.checkpoint_options is not None and self.training:
                hidden = checkpoint(layer, hidden, mask, **self.checkpoint_options)
            else:
                hidden = layer(hidden, mask)
        return hidden


class _Layer(nn.Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.attention = _Attention(config)
        self.intermediate = _Intermediate(config)
        self.output = _AddAndNorm(config, config.intermediate_size)

    def forward(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        hidden = self.attention(hidden, mask)
        return self.output(self.intermediate(hidden), hidden)


class _Attention(nn.Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.self = _SelfAttention(config)
        self.output = _AddAndNorm(config, config.hidden_size)

    def forward(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        return self.output(self.self(hidden, mask), hidden)


class _SelfAttention(nn.Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.num_heads = config.num_attention_heads
        self.query = nn.Linear(config.hidden_size, config.hidden_size)
        self.key = nn.Linear(config.hidden_size, config.hidden_size)
        self.value = nn.Linear(config.hidden_size, config.hidden_size)
        self.dropout_prob = config.attention_probs_dropout_prob

    def forward(self, hidden: Tensor, mask: Tensor | None) -> Tensor:
        query, key, value = (
            layer(hidden).unflatten(2, (self.num_heads, -1)).transpose(1, 2)
            for layer in (self.query, self.key, self.value)
        )  # (B, H, L, C / H) each
        dropout = self.dropout_prob if self.training else 0.0
        attended = F.scaled_dot_product_attention(query, key, value, mask, dropout)
        return attended.transpose(1, 2).flatten(2)


class _Intermediate(nn.Module):
    def __init__(self, config: BertConfig) -> None:
        super().__init__()
        self.dense = nn.Linear(config.hidden_size, config.intermediate_size)

    def forward(self, hidden: Tensor) -> Tensor:
        return F.gelu(self.dense(hidden))


class _AddAndNorm(nn.Module):
    def __init__(self, config: BertConfig, in_channels: int) -> None:
        super().__init__()
        self.dense = nn.Linear(in_channels, config.hidden_size)
        self.LayerNorm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)
        self.dropout = nn.Dropout(config.hidden_dropout_prob)

    def forward(self, hidden: Tensor, residual: Tensor) -> Tensor:
        return self.LayerNorm(self.dropout(self.dense(hidden)) + residual)
