"""The data sample: everything known about one image, and what was found in it."""

from __future__ import annotations

from collections.abc import Sequence

from mmdet.structures import DetDataSample

from uninext.structures.prompt import Prompt
from uninext.structures.visual_prompt import VisualPrompt


class UninextDataSample(DetDataSample):
    """mmdet's :class:`DetDataSample` with the prompt that asks for the instances.

    Added to the fields of mmdet (``gt_instances``, ``ignored_instances``,
    ``pred_instances``):

    * ``prompt`` (:class:`Prompt` or :class:`VisualPrompt`): what is asked for.
      ``labels`` of ``gt_instances`` and ``pred_instances`` are indices into
      ``prompt.names``.
    * ``prompts`` (tuple): several of them, for tests; ``labels`` of predictions are
      then indices into the names of the prompt that ``prompt_ids`` tell. Where it is
      not set, it is ``prompt`` alone.
    * ``reference`` (:class:`UninextDataSample`): another frame of the same video, with
      a prompt and instances of its own. ``instances_ids`` of the ``gt_instances`` of
      the two frames tell who is who.
    """

    @property
    def prompt(self) -> Prompt | VisualPrompt:
        return self._prompt

    @prompt.setter
    def prompt(self, value: Prompt | VisualPrompt) -> None:
        self.set_field(value, '_prompt', dtype=(Prompt, VisualPrompt))

    @prompt.deleter
    def prompt(self) -> None:
        del self._prompt

    @property
    def prompts(self) -> tuple[Prompt | VisualPrompt, ...]:
        return self._prompts if '_prompts' in self._data_fields else (self.prompt,)

    @prompts.setter
    def prompts(self, value: Sequence[Prompt | VisualPrompt]) -> None:
        self.set_field(tuple(value), '_prompts', dtype=tuple)

    @prompts.deleter
    def prompts(self) -> None:
        del self._prompts

    @property
    def reference(self) -> UninextDataSample:
        return self._reference

    @reference.setter
    def reference(self, value: UninextDataSample) -> None:
        self.set_field(value, '_reference', dtype=UninextDataSample)

    @reference.deleter
    def reference(self) -> None:
        del self._reference
