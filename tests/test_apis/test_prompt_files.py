"""Prompts with frames: what comes, is corrected, and goes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from helpers.painted_inferencer import BLUE, GREEN, RED, moved, movie
from helpers.painted_world import box_mask, frame
from uninext.apis.prompt_files import read_prompt_steps


@pytest.fixture
def written(tmp_path):
    """Writes a file of prompts."""

    def write(steps: Any) -> Path:
        path = tmp_path / 'prompts.json'
        path.write_text(steps if isinstance(steps, str) else json.dumps(steps))
        return path

    return write


@pytest.fixture(params=['file', 'list', 'frames in hand'])
def tracked(request, find, written):
    """Asks by steps, through each door: results one by one."""

    def track(steps: list, **given: Any):
        frames = movie()
        if request.param == 'frames in hand':
            tracking = find.track(prompts=steps, **given)
            yield from (tracking.step(image) for image in frames)
            tracking.end()
        else:
            steps = written(steps) if request.param == 'file' else steps
            yield from find(frames, prompts=steps, as_video=True, stream=True, **given)

    return track


def seen(result) -> dict[str, list[int]]:
    """Label -> box."""
    boxes = result.boxes_xyxy.round().astype(int).tolist()
    assert len(set(result.labels)) == len(boxes)
    return dict(zip(result.labels, boxes))


# --------------------------------------------------------------------------- the file


@pytest.mark.parametrize(
    ('steps', 'message'),
    [
        ([], 'must be a list of steps, and not empty'),
        ({}, 'must be a list of steps'),
        ('[', 'is not valid JSON'),
        (['red'], "step 1: it must be an object, got 'red'"),
        ([{'frame': 3}], "step 1: it has .'frame'., and needs one of categories, "),
        ([dict(categories='red', frame=-1)], 'frame must be a whole number from 0'),
        ([dict(categories='red', frame=True)], 'frame must be a whole .* got True'),
        ([dict(categories='')], 'step 1: .*empty'),
        ([dict(box=[9, 9, 1, 1])], 'step 1: .*corners are swapped'),
        ([dict(mask='no.png')], 'step 1: The mask .*no.png cannot be read'),
        ([dict(categories='red', exclude='blue')], 'categories does not go with exclu'),
        ([dict(expression='red', colour='x')], 'colour does not go with ask, which'),
        ([dict(box=[1, 1, 9, 9], shown_in='a.png')], 'Cannot read .*a.png'),
        ([dict(categories='red', name=3)], 'name must be a text, got 3'),
        ([dict(exclude='red')], r"asks for nothing: no step has any of \('categories'"),
        ([dict(correct=0)], 'step 1: .*takes one of box'),
        ([dict(correct=True, box=[0, 0, 9, 9])], 'correct must be a track id, or'),
        ([dict(remove=0)], 'remove must be the name of a step, got 0'),
        ([dict(categories='red'), dict(remove='it')], "step 2: there is no 'it'"),
        (
            [dict(categories='red', name='it', frame=2), dict(remove='it', frame=1)],
            r"step 2: there is no 'it' at frame 1; there are \[\]",
        ),
        (
            [dict(categories='red', name='it'), dict(expression='a', name='it')],
            "step 2: step 1 has the name 'it'",
        ),
        (
            [dict(categories='red', name='it'), dict(correct='it', box=[0, 0, 9, 9])],
            "step 2: 'it' may have several tracks",
        ),
    ],
)  # fmt: skip
def test_what_is_no_file_of_prompts(written, steps, message):
    with pytest.raises(ValueError, match=message):
        read_prompt_steps(written(steps))


@pytest.mark.parametrize('steps', [[], {}, 7])
def test_what_is_no_list_of_prompts(find, steps):
    for ask in (find.track, lambda **given: find(movie(), as_video=True, **given)):
        with pytest.raises(ValueError, match='^prompts must be a list of steps, and'):
            ask(prompts=steps)


def test_a_list_is_told_with_the_step(find):
    with pytest.raises(ValueError, match="^prompts, step 2: there is no 'it' at frame"):
        find.track(prompts=[dict(categories='red'), dict(remove='it')])


def test_no_file():
    with pytest.raises(ValueError, match=r'nowhere\.json.*command_line'):
        read_prompt_steps('nowhere.json')


def test_steps_are_in_the_order_of_frames_then_of_the_file(written):
    steps = [dict(expression=str(i), frame=i % 2) for i in range(4)]
    read = read_prompt_steps(written(steps))
    assert [(step.frame, step.number) for step in read] == [
        (0, 1), (0, 3), (1, 2), (1, 4),
    ]  # fmt: skip


# -------------------------------------------------------------------------- in a video


def test_steps_of_the_first_frame_alone_are_the_call_itself(find, tracked):
    asked = dict(categories='red, blue', expression='green', box=list(RED))
    results = tracked([{key: value} for key, value in asked.items()])
    expected = find(movie(), **asked, as_video=True)
    assert [r.to_dict() for r in results] == [r.to_dict() for r in expected]


def test_prompts_come_and_go(tracked):
    steps = [
        dict(frame=1, expression='red', name='it'),
        dict(frame=2, box=list(moved(GREEN, 2))),
        dict(frame=3, remove='it'),
    ]
    results = list(tracked(steps, categories='blue'))
    blue = {'blue': list(BLUE)}
    red = [{'red': list(moved(RED, i))} for i in range(4)]
    green = [{'target': list(moved(GREEN, i))} for i in range(4)]
    expected = [blue, blue | red[1], blue | red[2] | green[2], blue | green[3]]
    assert [seen(result) for result in results] == expected
    texts = [prompt.text for prompt in results[0].prompts]
    assert texts[:2] == ['blue', 'red']
    for result in results:
        assert [prompt.text for prompt in result.prompts] == texts
        assert result.absent == []  # what is not asked for is not absent
    asked = [[prompt.asked for prompt in result.prompts] for result in results]
    assert asked == [[1, 0, 0], [1, 1, 0], [1, 1, 1], [1, 0, 1]]


def test_what_is_excluded_from_a_frame_on(find, tracked):
    model_find = find.model._find

    def surer(pyramid, row, with_embeds):
        found = model_find(pyramid, row, with_embeds)
        if row.prompt.names == ('red',):
            found.logits = found.logits + 1
        return found

    find.model._find = surer
    steps = [dict(categories='thing'), dict(frame=2, exclude='red')]
    results = list(tracked(steps))
    assert [len(result) for result in results] == [3, 3, 2, 2]
    for result in results:
        assert [prompt.text for prompt in result.prompts] == ['thing']
        assert set(result.prompt_ids.tolist()) == {0}


@pytest.mark.parametrize('named', [True, False])
def test_a_track_is_corrected(tracked, named):
    shown = dict(frame=2, correct='it' if named else 0, box=list(moved(GREEN, 2)))
    results = list(tracked([dict(expression='red', name='it'), shown]))
    places = [moved(RED, 0), moved(RED, 1), moved(GREEN, 2), moved(GREEN, 3)]
    assert [list(seen(result).values()) for result in results] == [
        [list(place)] for place in places
    ]
    assert {int(result.track_ids[0]) for result in results} == {0}
    assert results[2].scores[0] == 1


def test_paths_start_from_the_folder_of_the_file(find, written, tmp_path):
    green = (10, 10, 30, 30)
    cv2.imwrite(str(tmp_path / 'photo.png'), frame((40, 40), green=green))
    mask = box_mask(moved(RED, 1)).numpy().astype(np.uint8) * 255
    cv2.imwrite(str(tmp_path / 'mask.png'), mask)
    steps = [
        dict(box=list(green), shown_in='photo.png'),
        dict(frame=1, mask='mask.png', name='it'),
        dict(frame=2, correct='it', mask=['mask.png']),
    ]
    results = find(movie(3), prompts=written(steps), as_video=True)
    assert [r.boxes_xyxy[0].tolist() for r in results] == [
        list(moved(GREEN, i)) for i in range(3)
    ]
    for result in results[1:]:  # the third says again where it was in the second
        assert result.boxes_xyxy[1].tolist() == list(moved(RED, 1))
        assert np.array_equal(result.masks[1], mask > 0)


def test_arrays_in_a_list(find):
    photo = frame((40, 40), green=(10, 10, 30, 30))
    mask = box_mask(moved(RED, 1)).numpy()
    steps = [
        dict(box=np.array([10, 10, 30, 30]), shown_in=photo),
        dict(frame=1, mask=mask),
    ]
    tracking = find.track(prompts=steps)
    results = [tracking.step(image) for image in movie(2)]
    assert [r.boxes_xyxy[0].tolist() for r in results] == [
        list(moved(GREEN, i)) for i in range(2)
    ]
    assert np.array_equal(results[1].masks[1], mask)


@pytest.mark.parametrize(
    ('step', 'message'),
    [
        (dict(frame=1, correct=7, box=[0, 0, 9, 9]), r'no track 7; there are \[0\]'),
        (dict(frame=1, box=[500, 0, 520, 9]), 'outside its frame'),
    ],
)
def test_what_is_wrong_in_its_frame_is_told_with_the_step(tracked, step, message):
    results = tracked([dict(expression='red'), step])
    assert len(next(results)) == 1
    with pytest.raises(
        ValueError, match=rf'Step 2 of the prompts \(frame 1\).*{message}'
    ):
        next(results)


def test_frames_that_do_not_come_are_told(tracked):
    steps = [dict(expression='red'), dict(frame=4, expression='blue')]
    with pytest.warns(UserWarning, match='ended after 4 frames.*of frame 4'):
        results = list(tracked(steps))
    assert [seen(result).keys() for result in results] == [{'red'}] * 4


def test_images_have_no_frames(find, written):
    steps = [dict(expression='red')]
    for prompts in (steps, written(steps)):
        with pytest.raises(ValueError, match='prompts=.*as_video=True'):
            find(movie(), prompts=prompts)


def test_a_later_prompt_that_the_model_has_no_tracker_for(find, tracked):
    del find.model.trackers['box']
    steps = [dict(expression='red'), dict(frame=3, box=list(RED))]
    with pytest.raises(ValueError, match="no tracker for 'box' prompts"):
        next(tracked(steps))
