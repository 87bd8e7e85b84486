"""Convert a state dict between the published key layout and ours.

Every key is accounted for: mapped, an alias, dropped for a reason, or an error.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from uninext.checkpoint.conversion.key_rule import KeyRule, reason_of, translate
from uninext.checkpoint.conversion.key_table import (
    DROPPED,
    IMAGE_RULES,
    PROPOSAL_CLASSIFIER,
    TRANSFORMER,
    VIDEO_PARTS,
    VIDEO_RULES,
    detect_stage,
)

RULES = (*IMAGE_RULES, *VIDEO_RULES)
COUNTER = 'num_batches_tracked'
NO_COUNTER = 'counter; frozen batch norms have none'


@dataclass
class ConversionReport:
    """What became of every key: pairs of the source's key and the other or a reason.

    Attributes:
        stage: What the source holds: 'image' (stages 1 and 2), 'video' (stage 3), or
            the layout of a backbone.
        mapped: (source key, target key).
        aliases: (key, key of the same tensor) of the published layout.
        dropped: (source key, reason).
        added: (target key, reason): no source key stands for it.
    """

    stage: str = 'image'
    mapped: list[tuple[str, str]] = field(default_factory=list)
    aliases: list[tuple[str, str]] = field(default_factory=list)
    dropped: list[tuple[str, str]] = field(default_factory=list)
    added: list[tuple[str, str]] = field(default_factory=list)

    def summary(self) -> str:
        """One line of counts."""
        kinds = ('mapped', 'aliases', 'dropped', 'added')
        counts = (f'{len(getattr(self, kind))} {kind}' for kind in kinds)
        return f'{self.stage}: {", ".join(counts)}'

    def lines(self) -> list[str]:
        """A line per key."""
        lines = [f'mapped   {old} -> {new}' for old, new in self.mapped]
        lines += [f'alias    {key} = {of}' for key, of in self.aliases]
        lines += [f'dropped  {key} ({why})' for key, why in self.dropped]
        return lines + [f'added    {key} ({why})' for key, why in self.added]


def from_published(
    state: Mapping[str, Tensor], drop_video: bool = False
) -> tuple[OrderedDict[str, Tensor], ConversionReport]:
    """Rename the keys of a published state dict, of any stage and backbone, to ours.

    With ``drop_video``, the parts that stage 3 adds are left out, as the published
    evaluation of image tasks does. Memory is shared with ``state``.

    Raises:
        ValueError: If a key is unknown, two copies of one tensor differ, or ``state``
            is in our layout, or a tensor that should be a row is none.
    """
    _refuse_layout(state, 'bbox_head.', 'is in our layout already')
    report = ConversionReport(detect_stage(state))
    reasons = {**DROPPED, **(VIDEO_PARTS if drop_video else {})}
    rules = (*RULES, PROPOSAL_CLASSIFIER)
    ours = rename_published(state, rules, reasons, report, 'published')
    for key in [k for k in ours if k.endswith('.running_var')]:
        counter = key.replace('running_var', COUNTER)
        ours[counter] = torch.zeros((), dtype=torch.long)
        report.added.append((counter, NO_COUNTER))
    return ours, report


def rename_published(
    state: Mapping[str, Tensor],
    rules: Sequence[KeyRule],
    reasons: Mapping[str, str],
    report: ConversionReport,
    layout: str,
) -> OrderedDict[str, Tensor]:
    """Rename keys by rules; what became of every key is added to ``report``.

    Args:
        state: State dict in another layout.
        rules: Its keys and ours.
        reasons: Templates of keys without a place, and why.
        report: Changed.
        layout: What an error message calls the layout.

    Raises:
        ValueError: If no rule reads a key, or two copies of one tensor differ.
    """
    ours: OrderedDict[str, Tensor] = OrderedDict()
    source: dict[str, str] = {}
    left_over = []
    for key, value in state.items():
        reason = reason_of(key, reasons)
        if reason is not None:
            report.dropped.append((key, reason))
            continue
        rule, new = _rule_of_published(key, rules)
        if rule is None:
            left_over.append(key)
        elif new in ours:
            _check_alias(key, value, source[new], ours[new])
            report.aliases.append((key, source[new]))
        else:
            ours[new] = _vector_of_row(key, value) if rule.as_row else value
            source[new] = key
            report.mapped.append((key, new))
    _refuse_left_over(left_over, layout)
    return ours


def to_published(
    state: Mapping[str, Tensor],
) -> tuple[OrderedDict[str, Tensor], ConversionReport]:
    """Rename the keys of our state dict, of images or of video, to the published ones.

    The dead layer of the published transformer (``transformer.resizer``) is added as
    zeros, so that the published code finds all its keys. Memory is shared, aliases
    included.

    Raises:
        ValueError: If a key is unknown, or ``state`` is in the published layout.
    """
    _refuse_layout(state, 'detr.', 'is in the published layout already')
    report = ConversionReport()
    published: OrderedDict[str, Tensor] = OrderedDict()
    left_over = []
    for key, value in state.items():
        rule = _rule_of_ours(key, state)
        if key.endswith(COUNTER):
            report.dropped.append((key, NO_COUNTER))
        elif rule is None:
            left_over.append(key)
        else:
            value = value[None] if rule.as_row else value
            new = translate(key, rule.ours, rule.published)
            published[new] = value
            report.mapped.append((key, new))
            if rule.alias is not None:
                alias = translate(key, rule.ours, rule.alias)
                published[alias] = value
                report.aliases.append((alias, new))
    _refuse_left_over(left_over, 'our')
    for key in [k for k in published if k.startswith('detr.resizer.')]:
        dead = key.replace('detr.', TRANSFORMER)
        published[dead] = torch.zeros_like(published[key])
        report.added.append((dead, DROPPED[TRANSFORMER + 'resizer.{rest}']))
    report.stage = detect_stage(published)
    return published, report


def _rule_of_published(
    key: str, rules: Sequence[KeyRule]
) -> tuple[KeyRule, str] | tuple[None, str]:
    """The first rule that reads a published key, and our key by that rule."""
    for rule in rules:
        for template in filter(None, (rule.published, rule.alias)):
            new = translate(key, template, rule.ours)
            if new:
                return rule, new
    return None, ''


def _rule_of_ours(key: str, state: Mapping[str, Tensor]) -> KeyRule | None:
    branch = re.fullmatch(r'(bbox_head\.cls_branches\.\d+)\.(weight|bias)', key)
    if branch and f'{branch[1]}.weight' in state:
        return PROPOSAL_CLASSIFIER
    return next((r for r in RULES if translate(key, r.ours, r.published)), None)


def _vector_of_row(key: str, row: Tensor) -> Tensor:
    if row.dim() != 2 or row.shape[0] != 1:
        raise ValueError(
            f'{key}: expected a row of shape (1, C), got {tuple(row.shape)}.'
        )
    return row[0]


def _check_alias(key: str, value: Tensor, other_key: str, other: Tensor) -> None:
    if value is not other and not torch.equal(value, other):
        raise ValueError(
            f'{key} and {other_key} are one tensor in the published network, but '
            'differ in this file. It was edited, or is not a UNINEXT checkpoint.'
        )


def _refuse_left_over(keys: Sequence[str], layout: str) -> None:
    """Raise ``ValueError`` if there are keys that no rule reads."""
    if keys:
        shown = '\n  '.join(keys[:20])
        more = f'\n  ... and {len(keys) - 20} more' if len(keys) > 20 else ''
        raise ValueError(
            f'{len(keys)} keys have no place in the table of {layout} keys '
            f'(uninext/checkpoint/conversion/*_keys.py, key_table.py):\n  {shown}{more}'
        )


def _refuse_layout(state: Mapping[str, Tensor], prefix: str, what: str) -> None:
    if not state:
        raise ValueError('The state dict is empty.')
    if any(key.startswith(prefix) for key in state):
        raise ValueError(f'The state dict {what}: convert it in the other direction.')
