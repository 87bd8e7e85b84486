"""Decide what is asked for in an image."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from uninext.datasets.transforms.augmentation import keep_instances
from uninext.datasets.transforms.base import NamedTransform
from uninext.registry import TRANSFORMS
from uninext.structures import Prompt, clean_category_name
from uninext.structures.prompt import SEPARATOR
from uninext.utils.tokenizer import build_tokenizer

BACKGROUND = '__background__'
NUM_SPECIAL_TOKENS = 2  # [CLS], [SEP]
_ORDINAL = re.compile(
    r'\b(first|second|third|fourth|fifth|sixth|seventh|eighth|ninth|tenth)\b',
    re.IGNORECASE,
)
_SIDE = re.compile(
    r'\b(left|right)(?=(?:er|est|most|ermost|hand|handed|side|ward|wards|y)?\b)',
    re.IGNORECASE,
)
_OTHER_SIDE = {'left': 'right', 'right': 'left'}


def swap_left_right(text: str) -> str:
    """Swap the words left and right, as seen in a mirrored image.

    Whole words and the forms leftmost, left-hand, lefthand, leftest, leftside,
    leftward(s), lefty; bright, upright, leftover and the like stay. Case is kept.

    Differs from the published code, which swaps substrings ("bright" -> "bleft").

    Example:
        >>> swap_left_right('Rightmost of the bright left-hand cups')
        'Leftmost of the bright right-hand cups'
    """

    def other(match: re.Match[str]) -> str:
        word = match.group(0)
        swapped = _OTHER_SIDE[word.lower()]
        if word.isupper():
            return swapped.upper()
        return swapped.capitalize() if word[0].isupper() else swapped

    return _SIDE.sub(other, text)


def has_ordinal(text: str) -> bool:
    """Tell whether an expression counts objects: first ... tenth as whole words."""
    return _ORDINAL.search(text) is not None


@TRANSFORMS.register_module()
class SampleCategoryPrompt(NamedTransform):
    """Draw the category names of a training caption.

    All classes present are asked for, and some that are not. Names present (shuffled)
    are taken while the token budget lasts; objects of classes that do not fit are
    dropped. Then names are drawn without replacement from all classes:
    ``max_negatives`` of them with probability 0.5, else uniformly 1 to that many; those
    present are passed over, asked for or not, and the others are taken while a token of
    the budget is left after them. All names are shuffled and labels become indices into
    ``prompt.names``.

    Follows: method section 2.1, budgets included: positives may fill theirs, negatives
    leave one token. Every frame of a clip gets a prompt of its own, from
    what it shows; the published code also calls ``__background__`` present in a frame
    that lacks an object of the other one.

    Required keys: ``classes``, ``gt_bboxes_labels``, ``gt_ignore_flags``.
    Added keys: ``prompt``.

    Args:
        tokenizer: Name for :func:`uninext.utils.tokenizer.build_tokenizer`.
        max_tokens: Longest caption in tokens, [CLS] and [SEP] included.
        max_negatives: Most names drawn besides those present.
        with_background: Whether ``__background__`` is one of the names that may be
            drawn as absent. The published training does so, hence the default; it is
            never present. Left out if a class is named background.
        subset_prob: Probability that only some of the classes present are asked for,
            0 to all of them, each number as likely; objects of the others are dropped.
            What is never asked for what is absent alone does not learn to find
            nothing. Beyond the paper; published: 0.
    """

    def __init__(
        self,
        tokenizer: str = 'uncased',
        max_tokens: int = 256,
        max_negatives: int = 85,
        with_background: bool = True,
        subset_prob: float = 0.0,
    ) -> None:
        if max_tokens <= NUM_SPECIAL_TOKENS + 1:
            raise ValueError(
                f'max_tokens is {max_tokens}; expected more than '
                f'{NUM_SPECIAL_TOKENS + 1}, or no name fits into the prompt.'
            )
        if max_negatives < 1:
            raise ValueError(f'max_negatives is {max_negatives}; expected at least 1.')
        if not 0 <= subset_prob <= 1:
            raise ValueError(f'subset_prob is {subset_prob}; expected 0 to 1.')
        self.subset_prob = subset_prob
        self.tokenizer = tokenizer
        self.max_tokens = max_tokens
        self.budget = max_tokens - NUM_SPECIAL_TOKENS
        self.max_negatives = max_negatives
        self.with_background = with_background
        self._num_tokens: dict[str, int] = {}

    def transform(self, results: dict) -> dict:
        """Draw names, set the prompt, remap labels."""
        classes = results['classes']
        labels = np.asarray(results['gt_bboxes_labels'])
        ignored = np.asarray(results['gt_ignore_flags'], dtype=bool)
        present = np.random.permutation(np.unique(labels[~ignored]))
        present = [classes[i] for i in present]
        asked = present
        if self.subset_prob and np.random.rand() < self.subset_prob:
            asked = present[: np.random.randint(len(present) + 1)]
        positives, used = self._take(asked, self.budget)
        absent = [name for name in self._draw(classes) if name not in set(present)]
        negatives, _ = self._take(absent, self.budget - used - 1)  # one token is left
        names = positives + negatives
        if not names and asked != present:  # no name of what is absent was drawn
            names = positives = self._take(present, self.budget)[0]
        if not names:
            # nothing present, or nothing of it fits
            names = self._take(self._shuffled(classes), self.budget)[0]
        if not names:
            raise ValueError(
                f'No class name fits into {self.budget} tokens; raise max_tokens.'
            )
        names = self._shuffled(names)
        self._relabel(results, labels, classes, names, set(positives))
        results['prompt'] = Prompt.from_categories(names)
        return results

    def num_tokens(self, name: str) -> int:
        """Tokens of a name together with the separator after it."""
        if name not in self._num_tokens:
            text = clean_category_name(name) + SEPARATOR
            tokens = build_tokenizer(self.tokenizer)(text, add_special_tokens=False)
            self._num_tokens[name] = len(tokens['input_ids'])
        return self._num_tokens[name]

    def _take(self, names: Sequence[str], budget: int) -> tuple[list[str], int]:
        """The leading names that fit into a budget, and the tokens they use."""
        taken, used = [], 0
        for name in names:
            if self.num_tokens(name) > self.budget:
                continue  # fits into no caption
            if used + self.num_tokens(name) > budget:
                break
            taken.append(name)
            used += self.num_tokens(name)
        return taken, used

    def _draw(self, classes: Sequence[str]) -> list[str]:
        """Draw the names among which the negatives are; positives may be there too."""
        pool = list(classes)
        named = {clean_category_name(name).strip().lower() for name in pool}
        if self.with_background and 'background' not in named:
            pool.append(BACKGROUND)
        most = min(self.max_negatives, len(pool))
        count = most if np.random.rand() < 0.5 else np.random.randint(1, most + 1)
        return self._shuffled(pool)[:count]

    @staticmethod
    def _shuffled(names: Sequence[str]) -> list[str]:
        return [names[i] for i in np.random.permutation(len(names))]

    @staticmethod
    def _relabel(
        results: dict,
        labels: np.ndarray,
        classes: Sequence[str],
        names: Sequence[str],
        positives: set[str],
    ) -> None:
        position = {name: i for i, name in enumerate(names) if name in positives}
        new = np.array([position.get(classes[i], -1) for i in labels], dtype=np.int64)
        results['gt_bboxes_labels'] = new
        keep_instances(results, np.flatnonzero(new >= 0))


@TRANSFORMS.register_module()
class AllCategoryPrompt(NamedTransform):
    """Ask for all classes of the dataset, in its order; labels stay (testing).

    A list that exceeds the token budget is split by the prompt generator, not here.

    Required keys: ``classes``. Added keys: ``prompt``.
    """

    def transform(self, results: dict) -> dict:
        """Set the prompt."""
        results['prompt'] = Prompt.from_categories(results['classes'])
        return results


@TRANSFORMS.register_module()
class SampleExpressionPrompt(NamedTransform):
    """Ask for an object by one of its expressions, drawn at random.

    Put it before cropping: an expression with an ordinal (first ... tenth, whole words)
    marks the sample with ``keep_whole``, which :class:`RandomApplyCrop` obeys. The
    published code looks at substrings of all expressions of the object.

    Required keys: ``expressions``. Added keys: ``prompt``, ``expression``,
    ``keep_whole``. Changed: ``gt_bboxes_labels``, all 0.
    """

    def transform(self, results: dict) -> dict:
        """Draw the expression and set the prompt."""
        expressions = results['expressions']
        if not expressions:
            raise ValueError(
                f'Sample {results.get("img_path")} has no expressions to draw from.'
            )
        expression = expressions[np.random.randint(len(expressions))]
        results['expression'] = expression
        results['prompt'] = Prompt.from_expression(expression)
        results['keep_whole'] = has_ordinal(expression)
        if 'gt_bboxes_labels' in results:
            results['gt_bboxes_labels'] = np.zeros_like(results['gt_bboxes_labels'])
        return results


@TRANSFORMS.register_module()
class SwapLeftRight(NamedTransform):
    """Swap left and right in the expression if the image was mirrored.

    Put it after ``RandomFlip`` and :class:`SampleExpressionPrompt`. Category names are
    not expressions and stay. The rules are those of :func:`swap_left_right`.

    Required keys: ``prompt``, ``expression``; ``flip`` and ``flip_direction`` of
    mmdet's ``RandomFlip``.
    """

    def transform(self, results: dict) -> dict:
        """Swap the words if needed."""
        mirrored = results.get('flip') and results.get('flip_direction') in (
            'horizontal',
            'diagonal',
        )
        if mirrored and results['prompt'].pooled:
            results['expression'] = swap_left_right(results['expression'])
            results['prompt'] = Prompt.from_expression(results['expression'])
        return results
