"""What is checked in a cell, in this order."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from compatibility.environments import Environment, Failed

# Largest difference of a prediction from that of the reference cell.
BOX, SCORE = 0.05, 1e-3  # pixels; scores are in [0, 1]
NOISE = re.compile(r'could not import|warning|deprecat|skipping', re.IGNORECASE)
TESTS = (
    *('test_structures', 'test_apis/test_inferencer.py', 'test_apis/test_results.py'),
    *('test_apis/test_read_images.py', 'test_models/test_prompt_generators'),
    *('test_utils/test_tokenizer.py', 'test_registry.py'),
    'test_models/test_backbones/test_convnext.py',
)
ITERATIONS = 3
PROMPTS = ('--categories', 'circle, square, triangle, star, ring, cross')


class Checks:
    """Checks of an installed cell; each returns what is told of it, or raises Failed.

    Args:
        environment: Where uninext is installed.
        source: The copy of the repository.
        image: What is predicted.
        box: (x1, y1, x2, y2) in pixels of a target in it.
        reference: Instances of the reference cell; None in that cell.
    """

    def __init__(
        self,
        environment: Environment,
        source: Path,
        image: Path,
        box: list[float],
        reference: list[dict[str, Any]] | None,
    ) -> None:
        self.environment, self.source = environment, source
        self.image, self.box, self.reference = image, box, reference
        self.instances: list[dict[str, Any]] = []
        self._said: dict[str, str] = {}

    def all(self) -> dict[str, Callable[[], str]]:
        """By name."""
        return dict(
            predict=self.predict,
            train=self.train,
            silence=self.silence,
            tests=self.tests,
        )

    def predict(self) -> str:
        """``uninext predict`` by the shipped model, compared with the reference."""
        out = self.environment.folder / 'found'
        command = ('uninext', 'predict', self.image, *PROMPTS, '--box', *self.box)
        expression = ('--expression', 'the largest circle')
        options = ('--out', out, '--overwrite')
        said = self.environment.run(*command, *expression, *options)
        self._said['predict'] = said
        written = json.loads((out / f'{self.image.stem}.json').read_text())
        keys = ('prompt_id', 'label', 'score', 'box_xyxy')
        self.instances = [{k: i[k] for k in keys} for i in written['instances']]
        if self.reference is None:
            return f'{len(self.instances)} instances'
        return compare(self.instances, self.reference)

    def train(self) -> str:
        """``uninext train``: some iterations of stage 2, and its evaluation."""
        config = self.source / 'configs/uninext/stage2_image_tiny.py'
        work_dir = self.environment.folder / 'trained'
        self._said['train'] = self.environment.run(
            *('uninext', 'train', config, '--work-dir', work_dir, '--cfg-options'),
            f'train_cfg.max_iters={ITERATIONS}',
            cwd=self.image.parent,  # data/ is there
        )
        if not (work_dir / f'iter_{ITERATIONS}.pth').is_file():
            raise Failed('no checkpoint was written')
        return f'{ITERATIONS} iterations, evaluation'

    def silence(self) -> str:
        """No line of a command is noise of a dependency."""
        commands = {**self._said, 'info': self.environment.run('uninext', 'info')}
        for name, said in commands.items():
            for line in said.splitlines():
                if NOISE.search(line):
                    raise Failed(f'uninext {name} says: {line.strip()}')
        return ', '.join(commands)

    def tests(self) -> str:
        """A part of the suite, of an install in place."""
        self.environment.install_tests(self.source)
        paths = [f'tests/{path}' for path in TESTS]
        options = ('-q', '--no-header', '-p', 'no:cacheprovider')
        said = self.environment.run(
            'python', '-m', 'pytest', *options, *paths, cwd=self.source
        )
        return said.strip().splitlines()[-1].strip('= ')


def compare(found: list[dict[str, Any]], reference: list[dict[str, Any]]) -> str:
    """How far instances are from those of the reference.

    Raises:
        Failed: If there are others, or boxes or scores differ by more than is allowed.
    """
    labels = [
        [(i['prompt_id'], i['label']) for i in them] for them in (found, reference)
    ]
    if labels[0] != labels[1]:
        raise Failed(f'found {labels[0]}; expected {labels[1]}')
    scores, boxes = [0.0], [0.0]
    for one, other in zip(found, reference, strict=True):
        scores.append(abs(one['score'] - other['score']))
        pairs = zip(one['box_xyxy'], other['box_xyxy'], strict=True)
        boxes += [abs(a - b) for a, b in pairs]
    told = f'boxes within {max(boxes):.1g} px, scores within {max(scores):.1g}'
    if max(boxes) > BOX or max(scores) > SCORE:
        raise Failed(f'{told}; allowed are {BOX} and {SCORE}')
    return told
