from __future__ import annotations

from uninext.visualization.labels import label_text, prompt_caption, prompt_notes


def test_nothing_to_say():
    assert label_text('') == ''
    assert prompt_notes({}, [], []) == []
    assert prompt_caption([]) == ''


def test_a_label_has_track_name_note_and_score():
    assert label_text('dog') == 'dog'
    assert label_text('dog', 0.876, 4, 'prompt 2') == '#4 dog (prompt 2) 0.88'
    assert label_text('dog', 0.0, 0) == '#0 dog 0.00'
    assert label_text(' dog ', track=-1) == 'dog'  # not sure yet


def test_prompts_are_numbered_only_where_names_are_not_enough():
    names = {3: ('dog', 'cat'), 5: ('the red one',), 8: ('cat',)}
    found = ['dog', 'cat', 'the red one', 'cat']
    notes = prompt_notes(names, [3, 3, 5, 8], found)
    assert notes == ['', 'prompt 1', '', 'prompt 3']
    assert prompt_notes({0: ('a', 'a')}, [0], ['a']) == ['']


def test_several_prompts_have_a_line_each():
    assert prompt_caption(['dog, cat']) == 'dog, cat'
    assert prompt_caption(['dog', 'box']) == '1: dog\n2: box'
