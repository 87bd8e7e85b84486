"""Convert a state dict between the published key layout and ours.

Every key is accounted for: mapped, an alias, dropped for a reason, or an error.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from uninext.checkpoint.conversion.key_rule import KeyRule, matches_any
from uninext.checkpoint.conversion.key_table import (
    DROPPED,
    IMAGE_RULES,
    NO_COUNTER,
    OURS_DROPPED,
    PROPOSAL_CLASSIFIER,
    TRANSFORMER,
    VIDEO_PARTS,
    VIDEO_RULES,
    detect_stage,
)

RULES = (*IMAGE_RULES, *VIDEO_RULES)


@dataclass
class ConversionReport:
    """What became of every key.

    Attributes:
        stage: What the source holds: 'image' (stages 1 and 2), 'video' (stage 3), or
            the layout of a backbone.
        mapped: (source key, target key) pairs.
        aliases: (key, key of the same tensor) pairs of the published layout.
        dropped: (source key, reason) pairs.
        added: (target key, reason) pairs of keys that no source key stands for.
    """

    stage: str = 'image'
    mapped: list[tuple[str, str]] = field(default_factory=list)
    aliases: list[tuple[str, str]] = field(default_factory=list)
    dropped: list[tuple[str, str]] = field(default_factory=list)
    added: list[tuple[str, str]] = field(default_factory=list)

    def summary(self) -> str:
        """One line of counts."""
        return (
            f'{self.stage}: {len(self.mapped)} mapped, {len(self.aliases)} '
            f'aliases, {len(self.dropped)} dropped, {len(self.added)} added'
        )

    def lines(self) -> list[str]:
        """A line per key."""
        lines = [f'mapped   {old} -> {new}' for old, new in self.mapped]
        lines += [f'alias    {key} = {of}' for key, of in self.aliases]
        lines += [f'dropped  {key} ({why})' for key, why in self.dropped]
        return lines + [f'added    {key} ({why})' for key, why in self.added]


def from_published(
    state: Mapping[str, Tensor], drop_video: bool = False
) -> tuple[OrderedDict[str, Tensor], ConversionReport]:
    """Rename the keys of a published state dict to ours.

    Args:
        state: Published state dict of any stage and backbone.
        drop_video: Leave out the parts that stage 3 adds, as the published evaluation
            of image tasks does with a stage 3 checkpoint.

    Returns:
        Our state dict (memory shared with ``state``) and what became of every key.

    Raises:
        ValueError: If a key is unknown, two copies of one tensor differ, or ``state``
            is in our layout, or a tensor that should be a row is none.
    """
    _refuse_layout(state, 'bbox_head.', 'is in our layout already')
    report = ConversionReport(stage=detect_stage(state))
    reasons = {**DROPPED, **(VIDEO_PARTS if drop_video else {})}
    rules = (*RULES, PROPOSAL_CLASSIFIER)
    ours = rename_published(state, rules, reasons, report, 'published')
    _add_batch_norm_counters(ours, report)
    return ours, report


def rename_published(
    state: Mapping[str, Tensor],
    rules: Sequence[KeyRule],
    reasons: Mapping[str, str],
    report: ConversionReport,
    layout: str,
) -> OrderedDict[str, Tensor]:
    """Rename keys by rules.

    Args:
        state: State dict in another layout.
        rules: Its keys and ours.
        reasons: Templates of keys without a place, and why.
        report: What became of every key is added to it.
        layout: What an error message calls the layout.

    Raises:
        ValueError: If no rule reads a key, or two copies of one tensor differ.
    """
    ours: OrderedDict[str, Tensor] = OrderedDict()
    source: dict[str, str] = {}
    left_over = []
    for key, value in state.items():
        reason = _reason_to_drop(key, reasons)
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
            ours[new], source[new] = rule.tensor_of_ours(key, value), key
            report.mapped.append((key, new))
    _refuse_left_over(left_over, layout)
    return ours


def to_published(
    state: Mapping[str, Tensor],
) -> tuple[OrderedDict[str, Tensor], ConversionReport]:
    """Rename the keys of our state dict to the published ones.

    The dead layer of the published transformer (``transformer.resizer``) is added as
    zeros, so that the published code finds all its keys.

    Args:
        state: State dict of our model, of images or of video.

    Returns:
        The published state dict (memory shared, aliases included) and what became of
        every key.

    Raises:
        ValueError: If a key is unknown, or ``state`` is in the published layout.
    """
    _refuse_layout(state, 'detr.', 'is in the published layout already')
    report = ConversionReport()
    published: OrderedDict[str, Tensor] = OrderedDict()
    left_over = []
    for key, value in state.items():
        reason = _reason_to_drop(key, OURS_DROPPED)
        if reason is not None:
            report.dropped.append((key, reason))
            continue
        rule = _rule_of_ours(key, state)
        if rule is None:
            left_over.append(key)
            continue
        new = rule.translate(key, rule.ours, rule.published)
        value = rule.tensor_of_published(value)
        published[new] = value
        report.mapped.append((key, new))
        if rule.alias is not None:
            alias = rule.translate(key, rule.ours, rule.alias)
            published[alias] = value
            report.aliases.append((alias, new))
    _refuse_left_over(left_over, 'our')
    _add_dead_resizer(published, report)
    report.stage = detect_stage(published)
    return published, report


def _rule_of_published(
    key: str, rules: Iterable[KeyRule]
) -> tuple[KeyRule, str] | tuple[None, None]:
    """Find the first rule that reads a published key, and our key by that rule."""
    for rule in rules:
        for template in (rule.published, rule.alias):
            if template is not None:
                new = rule.translate(key, template, rule.ours)
                if new is not None:
                    return rule, new
    return None, None


def _rule_of_ours(key: str, state: Mapping[str, Tensor]) -> KeyRule | None:
    branch = re.fullmatch(r'(bbox_head\.cls_branches\.\d+)\.(weight|bias)', key)
    if branch and f'{branch[1]}.weight' in state:
        return PROPOSAL_CLASSIFIER
    for rule in RULES:
        if rule.translate(key, rule.ours, rule.published) is not None:
            return rule
    return None


def _reason_to_drop(key: str, reasons: Mapping[str, str]) -> str | None:
    """Look up why a key has no place, by template; None: it should have one."""
    template = matches_any(key, reasons)
    return None if template is None else reasons[template]


def _check_alias(key: str, value: Tensor, other_key: str, other: Tensor) -> None:
    if value is not other and not torch.equal(value, other):
        raise ValueError(
            f'{key} and {other_key} are one tensor in the published network, but '
            'differ in this file. It was edited, or is not a UNINEXT checkpoint.'
        )


def _refuse_left_over(keys: Sequence[str], layout: str) -> None:
    """Raise ``ValueError`` if ``keys``, which no rule reads, are any."""
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


def _add_batch_norm_counters(
    ours: OrderedDict[str, Tensor], report: ConversionReport
) -> None:
    for key in [k for k in ours if k.endswith('.running_var')]:
        counter = key[: -len('running_var')] + 'num_batches_tracked'
        ours[counter] = torch.zeros((), dtype=torch.long)
        report.added.append((counter, NO_COUNTER))


def _add_dead_resizer(
    published: OrderedDict[str, Tensor], report: ConversionReport
) -> None:
    for key in [k for k in published if k.startswith('detr.resizer.')]:
        dead = key.replace('detr.resizer', f'{TRANSFORMER}.resizer')
        published[dead] = torch.zeros_like(published[key])
        report.added.append((dead, 'has no effect: its output is multiplied by 0'))
