"""The data sample: everything known about one image, and what was found in it.

Leaves the datasets with a prompt and ground truth, leaves the predictors with
predictions; metrics and visualizers read it.
"""

from __future__ import annotations

from mmdet.structures import DetDataSample

from uninext.structures.prompt import Prompt


class UninextDataSample(DetDataSample):
    """mmdet's :class:`DetDataSample` with the prompt that asks for the instances.

    Added to the fields of mmdet (``gt_instances``, ``ignored_instances``,
    ``pred_instances``):

    * ``prompt`` (:class:`Prompt`): what is asked for. ``labels`` of ``gt_instances``
      and ``pred_instances`` are indices into ``prompt.names``.
    """

    @property
    def prompt(self) -> Prompt:
        return self._prompt

    @prompt.setter
    def prompt(self, value: Prompt) -> None:
        self.set_field(value, '_prompt', dtype=Prompt)

    @prompt.deleter
    def prompt(self) -> None:
        del self._prompt
