from __future__ import annotations

import warnings
from dataclasses import replace

import pytest
import torch

from uninext.structures import (
    Prompt,
    PromptFeatures,
    clean_category_name,
    clean_expression,
    parse_categories,
)


@pytest.mark.parametrize('names', [[], ['dog', ''], ['dog', '(red)'], ['_']])
def test_no_name_is_refused(names):
    with pytest.raises(ValueError, match='empty'):
        Prompt.from_categories(names)


@pytest.mark.parametrize('nothing', ['', ' , ;\n', [], (), ['dog', ' ']])
def test_names_that_are_none(nothing):
    with pytest.raises(ValueError, match='empty'):
        parse_categories(nothing)


@pytest.mark.parametrize('wrong', [5, None, {'a', 'b'}, {'a': 1}, ['a', 2], b'a'])
def test_names_of_another_type(wrong):
    with pytest.raises(ValueError, match='must be a text, .* or a list of strings'):
        parse_categories(wrong)


@pytest.mark.parametrize('text', ['dog,cat', ' dog ,\tcat,', 'dog;cat', 'dog\n\ncat\n'])
def test_names_in_a_text(text):
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        assert parse_categories(text) == ('dog', 'cat')


def test_names_of_a_list_are_taken_whole():
    names = ['Mouse, of a computer', 'traffic_light (red)']
    assert parse_categories(names) == tuple(names)


@pytest.mark.parametrize(
    'names', ['star, ring, Star, star,STAR ', ['star', 'ring', ' Star', 'star']]
)
def test_a_name_is_asked_once_and_that_is_said_once(names):
    with pytest.warns(UserWarning, match=r'asked for once: star\.$') as caught:
        assert parse_categories(names) == ('star', 'ring')
    assert len(caught) == 1
    notes = []
    parse_categories(names, notes.append)
    assert notes == [str(caught[0].message)]


@pytest.mark.parametrize('expression', ['', '  ', '?!'])
def test_no_word_is_refused(expression):
    with pytest.raises(ValueError, match='empty'):
        Prompt.from_expression(expression)


def test_one_string_is_no_list_of_names():
    with pytest.raises(ValueError, match=r"write \['dog'\]"):
        Prompt.from_categories('dog')


def test_every_name_needs_a_span():
    with pytest.raises(ValueError, match='2 names and 1 spans'):
        Prompt('a. b', ('a', 'b'), ((0, 1),), pooled=False)


def test_spans_cut_the_cleaned_names_out_of_the_text():
    names = ['person', 'traffic_light_(red)', 'Hair Drier', 'bow/arrow']
    prompt = Prompt.from_categories(names)
    cut = [prompt.text[a:b] for a, b in prompt.spans]
    assert cut == [clean_category_name(n) for n in names]
    assert '. '.join(cut) == prompt.text
    assert prompt.names == tuple(names)
    assert len(prompt) == 4
    assert not prompt.pooled


@pytest.mark.parametrize(
    ('name', 'cleaned'),
    [
        ('traffic_light', 'traffic light'),
        ('a  b', 'a b'),
        ('mouse (animal) (x)', 'mouse '),
        ('Head Phone/Ear-phone', 'Head Phone/Ear-phone'),
    ],
)
def test_clean_category_name(name, cleaned):
    assert clean_category_name(name) == cleaned


def test_expression_is_cleaned_and_one_name():
    given = 'The "left-hand" man/woman, at 5:00 (please)!'
    prompt = Prompt.from_expression(given)
    assert prompt.text == 'the left hand man woman at 500 please'
    assert prompt.names == (given,)
    assert prompt.spans == ((0, len(prompt.text)),)
    assert prompt.pooled


def test_cleaning_an_expression_twice_changes_nothing():
    once = clean_expression("Isn't it A-B/C; #1 *?")
    assert clean_expression(once) == once


def test_equal_prompts_are_one_key():
    names = Prompt.from_categories(['a', 'b'])
    assert {names: 1}[Prompt.from_categories(['a', 'b'])] == 1
    assert names != Prompt.from_categories(['b', 'a'])
    assert Prompt.from_categories(['a']) != Prompt.from_expression('a')


def features(pooled: bool) -> PromptFeatures:
    mask = torch.tensor([[True, True, False], [True, True, True], [False] * 3])
    maps = [torch.ones(1, 1 if pooled else 3, dtype=torch.bool)] * 3
    return PromptFeatures(torch.randn(3, 3, 4), mask, pooled, maps)


def test_pool_averages_real_tokens():
    prompt = features(True)
    pooled = prompt.pool()
    assert pooled.shape == (3, 1, 4)
    torch.testing.assert_close(pooled[0, 0], prompt.embeds[0, :2].mean(0))
    torch.testing.assert_close(pooled[1, 0], prompt.embeds[1].mean(0))
    assert pooled[2].abs().sum() == 0  # no real token: no nan


@pytest.mark.parametrize('pooled', [True, False])
def test_retrieval_views(pooled):
    prompt = features(pooled)
    length = 1 if pooled else 3
    assert prompt.retrieval_embeds().shape == (3, length, 4)
    mask = prompt.retrieval_mask()
    assert mask.shape == (3, length)
    assert mask.all() if pooled else torch.equal(mask, prompt.mask)


def test_fusion_looks_at_real_tokens_unless_told_which():
    prompt = features(True)
    assert prompt.fusion_mask() is prompt.mask
    fused = replace(prompt, fused_tokens=torch.ones(3, 3, dtype=torch.bool))
    assert fused.fusion_mask() is fused.fused_tokens


def test_averaged_prompts_are_one_token_each():
    kept = [(torch.zeros(3, 4),)] * 3
    prompt = replace(features(True), fused_tokens=~features(True).mask)
    prompt = replace(prompt, kept_tokens=kept)
    one = prompt.averaged(prompt.pool())
    assert one.mask.tolist() == one.fusion_mask().tolist() == [[True]] * 3
    assert one.pooled
    assert one.kept_tokens is None
    torch.testing.assert_close(one.pool(), prompt.pool())
    assert prompt.with_embeds(prompt.embeds).kept_tokens is None


def test_with_embeds_leaves_the_given_one_alone():
    prompt = features(False)
    before = prompt.embeds.clone()
    other = prompt.with_embeds(prompt.embeds + 1)
    assert torch.equal(prompt.embeds, before)
    assert other.mask is prompt.mask
    assert other.positive_maps is prompt.positive_maps
