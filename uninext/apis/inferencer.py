"""The front door: ask a model for objects in images and videos.

Prompts of an image share its backbone pass. Videos go through a
:class:`uninext.models.trackers.VideoSession`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData
from torch import Tensor, nn

from uninext.apis.equal_batches import run_in_equal_batches
from uninext.apis.exclusion import without_excluded
from uninext.apis.images import skip_or_raise
from uninext.apis.networks import open_network
from uninext.apis.packing import packed, prompt_elsewhere, prompt_in
from uninext.apis.prompt_files import PromptStep, read_prompt_steps
from uninext.apis.prompts import (
    as_read,
    asked_prompts,
    check_inside,
    excluded_prompts,
    kind_of,
    threshold_kind,
)
from uninext.apis.result_streams import collected, with_progress
from uninext.apis.results import Result
from uninext.apis.sources import Source, SourceImage, open_source
from uninext.apis.thresholds import above_thresholds, all_thresholds
from uninext.apis.tracking import Tracking, result_of
from uninext.structures import Prompt, Target, UninextDataSample, VisualPrompt
from uninext.utils.counts import check_count
from uninext.utils.inference_scale import InferenceScale

ON_ERROR = ('raise', 'skip')
ARE_IMAGES = (
    'is of frames of a video, and these are images. Leave it out; or pass '
    'as_video=True to track through them.'
)
# An image as it came; (3, h, w) uint8, of the network's size; both sizes and prompts.
_Ready = tuple[SourceImage, Tensor, UninextDataSample]


class _Asked(NamedTuple):
    """Prompts that are wanted, then those that are excluded; those of later frames."""

    prompts: list[Prompt | Target]
    num_wanted: int
    steps: tuple[PromptStep, ...]


class UninextInferencer:
    """Find, segment and track what is asked for.

    Args:
        model: A name (``'uninext_tiny'``, which None means too); the path or name of a
            config; a config; a file of weights that tells its config; a folder that
            ``uninext export`` wrote; or a model that was built, which is put into
            evaluation mode. See :func:`uninext.model_zoo.resolve_model`.
        checkpoint: Weights; every key must fit. Must be given with a config.
        device: 'cpu', 'cuda', ...; 'auto' takes the accelerator if there is one, and
            leaves a built model where it is.
        scale: (long, short) sides that images are resized to; None: as they are;
            'auto': what the config evaluates images and videos at, see
            :class:`uninext.utils.inference_scale.InferenceScale`; (1333, 800) for a
            built model.
        precision: 'float32', 'bf16' or 'fp16'. This and the next two make the network
            faster, and change results: docs/inference.md. None: as the config, or the
            built model, says; a built model is changed.
        num_queries: Queries of the decoder, fewer than it was built with.
        compile: Compile encoder and decoder.

    Attributes:
        thresholds: What the checkpoint says of them, by kind of prompt; may be empty.

    Raises:
        ValueError: If no model is meant by it, the config has no UNINEXT, or comes
            without weights; it says what may be passed. If there is no such device, or
            it has no such precision; it says which there are.
        FileError: If the weights, or an exported folder, cannot be read or do not fit.

    Example:
        >>> find = UninextInferencer()                               # doctest: +SKIP
        >>> find = UninextInferencer('config.py', 'weights.pth')    # doctest: +SKIP
        >>> for result in find('street.jpg', categories='person, car',
        ...                    expression='the man in red'):        # doctest: +SKIP
        ...     result.save('found/street.jpg')
        >>> for result in find('video.mp4', box=[20, 30, 120, 200],
        ...                    stream=True):                        # doctest: +SKIP
        ...     print(result.frame, result.boxes_xyxy)
    """

    def __init__(
        self,
        model: str | Path | Config | nn.Module | None = None,
        checkpoint: str | Path | None = None,
        device: str = 'auto',
        scale: tuple[int, int] | str | None = 'auto',
        precision: str | None = None,
        num_queries: int | None = None,
        compile: bool | None = None,
    ) -> None:
        init_default_scope('uninext')
        opened = open_network(
            model, checkpoint, device, precision, num_queries, compile
        )
        self.model, self.thresholds = opened.network, opened.thresholds
        self.scale = InferenceScale(opened.config, scale)

    def __call__(
        self,
        source: Any,
        *,
        categories: str | Sequence[str] | None = None,
        expression: str | Sequence[str] | None = None,
        box: Any = None,
        mask: Any = None,
        shown_in: Any = None,
        exclude: str | Sequence[str] | None = None,
        exclude_expression: str | Sequence[str] | None = None,
        prompts: str | Path | Sequence[Mapping[str, Any]] | None = None,
        score_thr: float | Mapping[str, float] | None = None,
        max_objects: int | None = None,
        keep_lost: int | None = None,
        init_score_thr: float | None = None,
        batch_size: int = 1,
        stream: bool = False,
        as_video: bool | None = None,
        on_error: str = 'raise',
        progress: bool | None = None,
    ) -> list[Result] | Iterator[Result]:
        """Ask for something in images or in a video; prompts may be mixed.

        Args:
            source: Path of an image or video; folder, pattern (``'*.jpg'``) or list
                of images; uint8 array, (H, W, 3) BGR, (H, W) grey or (H, W, 4) BGRA;
                PIL image; :class:`uninext.apis.EncodedImage`; number of a camera;
                address (``rtsp://...``).
            categories: Names, ``'person, car'`` or a list; all that is one of them. See
                :func:`uninext.structures.parse_categories`.
            expression: An expression about one object, or a list of them.
            box: (4,) xyxy in pixels, or (n, 4): objects to track, shown in the first
                frame. In images every image shows its own: a box becomes a mask.
            mask: (H, W) or (n, H, W), or paths of image files: the same by masks. A
                map (H, W) of whole numbers shows a target by each number but 0; of
                files see :func:`uninext.apis.masks.read_masks`.
            shown_in: Another image (path, array, PIL image) that shows what ``box`` and
                ``mask`` say, in its pixels; None: each image, or the first frame.
            exclude: Names of what must not be returned, given as ``categories`` are:
                what fits one of them better is dropped, see
                :func:`uninext.apis.exclusion.without_excluded`.
            exclude_expression: The same by expressions.
            prompts: Prompts of a video that come, are corrected and go at their frames:
                a list of steps, or the path of such a JSON file, see
                :mod:`uninext.apis.prompt_files`.
            score_thr: In 0..1, of categories; or of several kinds of prompts,
                ``dict(category=0.3, expression=0.5, target=0.5)``. What is not given is
                as the checkpoint says (:attr:`thresholds`), else these: 0.3, and 0 of
                expressions and targets, which then report their best prediction.
            max_objects: Most instances of a list of categories in an image or frame,
                the best; None: as the model says, 100 in images, any number in videos.
            keep_lost: In videos, the frames without an object of a category after which
                its id is given up; None: as the model says, 10.
            init_score_thr: In videos, what an object of a category must score to get
                an id, and is enough to keep it; None: as the model says, 0.4 to get and
                0.3 to keep it. ``score_thr`` leaves out after that.
            batch_size: Images that go through the network together, where they
                have one size there: predictions do not depend on it. Frames of a video
                go one by one.
            stream: Return a generator. Cameras and addresses need it, long videos
                should have it.
            as_video: Take images as frames (True), frames as images (False).
            on_error: An image that cannot be read, or does not fit the box or mask,
                is an error with its name ('raise'), or is left out with a
                :class:`uninext.apis.SkippedImageWarning` ('skip'). Frames that are
                tracked are never left out.
            progress: Show a bar; None: where there is a terminal.

        Returns:
            A result for every image or frame, in order.

        Raises:
            ValueError: If nothing is asked for, or something cannot be used; it says
                what to pass instead.
        """
        given = categories, expression, box, mask, shown_in
        asked = _read(given, (exclude, exclude_expression), prompts)
        thresholds = all_thresholds(score_thr, self.thresholds)
        opened = open_source(source)
        track = opened.is_video if as_video is None else as_video
        self._check(asked, opened, track, stream, batch_size)
        if max_objects is not None:
            check_count(max_objects, 'max_objects')
        limits = dict(keep_lost=keep_lost, init_score_thr=init_score_thr)
        for name, value in limits.items():
            if value is not None and not track:
                raise ValueError(f'{name}={value} {ARE_IMAGES}')
        if asked.steps and not track:
            raise ValueError(f'prompts={str(prompts)!r:.60} {ARE_IMAGES}')
        if on_error not in ON_ERROR:
            raise ValueError(f'on_error must be one of {ON_ERROR}, got {on_error!r}.')
        if track:
            tracking = self._tracking(asked, max_objects=max_objects, **limits)
            results = _tracked(tracking, opened, thresholds)
        else:
            size = self.scale.for_images()
            known = [prompt_elsewhere(p, size, self.model) for p in asked.prompts]
            ready = self._ready(opened, known, on_error)
            limits = dict(score_thr=thresholds['category'], max_objects=max_objects)
            results = self._look(ready, asked, thresholds, limits, batch_size)
        results = with_progress(results, opened.count, progress)
        return results if stream else collected(results, opened.count)

    def _check(
        self,
        asked: _Asked,
        source: Source,
        track: bool,
        stream: bool,
        batch_size: int,
    ) -> None:
        """Whether the model can do it, before anything is read."""
        check_count(batch_size, 'batch_size')
        if track:
            self._need_trackers('Videos need')
            self.scale.for_videos()
        else:
            self.scale.for_images()
        self._check_targets(asked)
        if not source.may_end and not stream:
            raise ValueError(
                'A camera or an address may never end: pass stream=True and take the '
                'results one by one.'
            )

    def _check_targets(self, asked: _Asked) -> None:
        later = (prompt for step in asked.steps for prompt in step.prompts)
        targets = [p for p in (*asked.prompts, *later) if isinstance(p, Target)]
        if targets:
            self._need_trackers('Boxes and masks as prompts need')
        for kind in map(kind_of, targets):
            if kind not in self.model.trackers:
                raise ValueError(
                    f'This model has no tracker for {kind!r} prompts. Add it to the '
                    "config's model.trackers."
                )

    def _need_trackers(self, wanted: str) -> None:
        if not self.model.can_track:
            raise ValueError(
                f'{wanted} a UNINEXTVideo, and this model is a '
                f'{type(self.model).__name__}. Take a stage-3 config, e.g. '
                'configs/uninext/stage3_video.py, with its weights; or ask by '
                'categories or expression in images (of a video: as_video=False).'
            )

    def remarks(
        self,
        *,
        categories: str | Sequence[str] | None = None,
        expression: str | Sequence[str] | None = None,
    ) -> list[str]:
        """What of a text cannot be understood; asking for it warns of the same.

        Returns:
            For people: words that are cut off, that no token stands for, or that the
            shipped model never learned.

        Raises:
            ValueError: If there is no text, or it cannot be used.
        """
        prompts = asked_prompts(categories, expression)
        generator = self.model.prompt_generator
        return [remark for prompt in prompts for remark in generator.remarks(prompt)]

    # ------------------------------------------------------------------------- videos

    def track(
        self,
        *,
        categories: str | Sequence[str] | None = None,
        expression: str | Sequence[str] | None = None,
        box: Any = None,
        mask: Any = None,
        shown_in: Any = None,
        exclude: str | Sequence[str] | None = None,
        exclude_expression: str | Sequence[str] | None = None,
        prompts: str | Path | Sequence[Mapping[str, Any]] | None = None,
        max_objects: int | None = None,
        keep_lost: int | None = None,
        init_score_thr: float | None = None,
    ) -> Tracking:
        """Track through frames that you have in hand, one by one.

        Arguments are those of :meth:`__call__`; boxes and masks are of the first frame,
        or of the image ``shown_in``.

        Returns:
            Whose ``step`` takes a frame, and whose ``end`` warns of steps of
            ``prompts`` whose frames did not come. Several may be open at a time.

        Raises:
            ValueError: If nothing is asked for, something is no prompt, or the model
                cannot track.

        Example:
            >>> tracking = find.track(categories='car')        # doctest: +SKIP
            >>> for frame in camera:                             # doctest: +SKIP
            ...     print(tracking.step(frame).track_ids)
        """
        given = categories, expression, box, mask, shown_in
        asked = _read(given, (exclude, exclude_expression), prompts)
        self._need_trackers('Videos need')
        self._check_targets(asked)
        limits = dict(
            max_objects=max_objects, keep_lost=keep_lost, init_score_thr=init_score_thr
        )
        return self._tracking(asked, **limits)

    def _tracking(self, asked: _Asked, **limits: Any) -> Tracking:
        session = self.model.open(scale=self.scale.for_videos(), **limits)
        prompts, num_wanted, steps = asked
        return Tracking(session, prompts, num_wanted, self.thresholds, steps)

    # ----------------------------------------------------------------------- images

    def _ready(
        self,
        source: Source,
        prompts: Sequence[Prompt | Target | VisualPrompt],
        on_error: str,
    ) -> Iterator[_Ready]:
        """Images for the network; what does not fit is told, or left out, here."""
        for original in source.read(on_error=on_error):
            try:
                image, sample = packed(original.image, self.scale.for_images())
                check_inside(prompts, original.image.shape[:2])
                sample.prompts = [
                    prompt_in(prompt, image, sample, self.model) for prompt in prompts
                ]
            except ValueError as error:
                skip_or_raise(error, original.name, on_error)
                continue
            yield original, image, sample

    def _look(
        self,
        ready: Iterator[_Ready],
        given: _Asked,
        thresholds: Mapping[str, float],
        limits: Mapping[str, Any],
        batch_size: int,
    ) -> Iterator[Result]:
        asked = as_read(given.prompts[: given.num_wanted])
        kinds = [threshold_kind(prompt) for prompt in given.prompts]

        @torch.no_grad()
        def find(batch: Sequence[_Ready]) -> list[InstanceData]:
            _, images, samples = map(list, zip(*batch))
            data = dict(inputs=images, data_samples=samples)
            data = self.model.data_preprocessor(data, False)
            found = self.model.predict(data['inputs'], data['data_samples'], **limits)
            return [sample.pred_instances for sample in found]

        results = run_in_equal_batches(
            ready, lambda one: one[1].shape, find, batch_size
        )
        for (original, *_), found in results:
            found = above_thresholds(found.cpu(), kinds, thresholds)
            found = without_excluded(found, given.num_wanted)
            yield result_of(original.image, asked, found, original.path, original.time)


def _tracked(
    tracking: Tracking, source: Source, thresholds: Mapping[str, float]
) -> Iterator[Result]:
    for image in source.read():
        yield tracking.step(image.image, thresholds, image.path, image.time)
    tracking.end()


def _read(given: Sequence[Any], excluded: Sequence[Any], prompts: Any) -> _Asked:
    """What is asked for, of arguments as users give them."""
    steps = () if prompts is None else read_prompt_steps(prompts)
    wanted = asked_prompts(*given, may_be_none=bool(steps))
    asked = wanted + excluded_prompts(*excluded, wanted)
    return _Asked(asked, len(wanted), steps)
