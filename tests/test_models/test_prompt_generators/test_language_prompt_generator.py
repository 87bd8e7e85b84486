from __future__ import annotations

import json

import pytest
import torch
from mmdet.datasets import Objects365V2Dataset

from helpers.recomputing import note_recomputed
from uninext.checkpoint import save_file
from uninext.models.prompt_generators import (
    LanguagePromptGenerator,
    language_prompt_generator,
)
from uninext.models.prompt_generators import bert as bert_module
from uninext.models.prompt_generators.bert import BertEncoder
from uninext.structures import Prompt
from uninext.utils.tokenizer import package_model_dir

TINY = dict(
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=32,
    initializer_range=0.5,
)


def tiny(**kwargs) -> LanguagePromptGenerator:
    return LanguagePromptGenerator(text_encoder=TINY, **kwargs)


def count_runs(generator) -> list:
    """Record the number of texts in every run of the encoder."""
    runs = []
    generator.text_encoder.register_forward_hook(
        lambda module, args, kwargs, output: runs.append(len(kwargs['input_ids'])),
        with_kwargs=True,
    )
    return runs


def words_of(generator, prompt, row) -> str:
    ids = generator.tokenizer(prompt.text)['input_ids']
    return generator.tokenizer.decode([i for i, on in zip(ids, row) if on])


def test_empty_batch() -> None:
    with pytest.raises(ValueError, match='at least one prompt'):
        tiny().forward([])


def test_names_have_their_tokens() -> None:
    generator = tiny().eval()
    prompts = [
        Prompt.from_categories(['person', 'Traffic_Light_(red)', 'hair drier']),
        Prompt.from_categories(['zebra']),
    ]
    features = generator(prompts)
    length = 2 + 5 + 2 + 1  # hair drier is three word pieces
    assert features.embeds.shape == (2, length, 16)
    assert features.mask.sum(1).tolist() == [length, 3]
    assert not features.pooled
    names = [words_of(generator, prompts[0], r) for r in features.positive_maps[0]]
    assert names == ['person', 'traffic light', 'hair drier']
    assert features.positive_maps[1].tolist() == [[False, True] + [False] * 8]
    assert features.embeds[1, 3:].abs().sum() == 0


def test_expressions_are_pooled() -> None:
    prompts = [Prompt.from_expression('the dog'), Prompt.from_expression('a big cat')]
    features = tiny()(prompts)
    assert features.pooled
    assert [m.tolist() for m in features.positive_maps] == [[[True]], [[True]]]
    assert features.retrieval_embeds().shape == (2, 1, 16)


def test_mixed_batch_is_refused() -> None:
    prompts = [Prompt.from_expression('dog'), Prompt.from_categories(['dog'])]
    with pytest.raises(ValueError, match='mixes'):
        tiny()(prompts)


def test_padding_changes_nothing() -> None:
    """Alone and in a batch: the real tokens are equal."""
    generator = tiny(max_tokens=32, cache_size=0).eval()
    short, long = (
        Prompt.from_categories(['dog']),
        Prompt.from_categories(['cat', 'red kite']),
    )
    alone = generator([short]).embeds
    batch = generator([long, short])
    torch.testing.assert_close(batch.embeds[1, :3], alone[0])


def test_equal_texts_are_encoded_once() -> None:
    generator = tiny()  # training: nothing may be kept, but a batch is not repeated
    runs = count_runs(generator)
    dog, cat = Prompt.from_categories(['dog']), Prompt.from_categories(['cat'])
    features = generator([dog, cat, dog])
    assert runs == [2]
    assert torch.equal(features.embeds[0], features.embeds[2])
    generator([dog])
    assert runs == [2, 1]


def test_cache_in_evaluation() -> None:
    generator = tiny().eval()
    runs = count_runs(generator)
    dog, cat = Prompt.from_categories(['dog']), Prompt.from_categories(['cat'])
    with torch.no_grad():
        first = generator([dog])
        second = generator([cat, dog])
        generator([cat, dog, cat])
    assert runs == [1, 1]
    assert torch.equal(first.embeds[0], second.embeds[1])


def test_kept_features_do_not_depend_on_their_neighbours() -> None:
    short = Prompt.from_expression('the cup')
    long = Prompt.from_expression('the large cup that stands left of all other cups')
    alone, beside = tiny().eval(), tiny().eval()
    beside.load_state_dict(alone.state_dict())
    with torch.no_grad():
        beside([long, short])
        expected = alone([short]).embeds
        assert torch.equal(beside([short]).embeds, expected)


def test_cache_is_bounded() -> None:
    generator = tiny(cache_size=2).eval()
    runs = count_runs(generator)
    with torch.no_grad():
        for name in ['a', 'b', 'a', 'c', 'a', 'b']:  # c drives out b
            generator([Prompt.from_categories([name])])
    assert len(generator._features) == 2
    assert runs == [1, 1, 1, 1]


@torch.no_grad()
def test_cache_notices_new_weights() -> None:
    generator, other = tiny().eval(), tiny().eval()
    prompts = [Prompt.from_categories(['dog'])]
    before, wanted = generator(prompts).embeds, other(prompts).embeds
    assert not torch.allclose(before, wanted)
    generator.load_state_dict(other.state_dict())
    assert torch.equal(generator(prompts).embeds, wanted)
    for parameter in generator.text_encoder.parameters():
        parameter.mul_(0.9)  # a step of an optimizer
    assert not torch.allclose(generator(prompts).embeds, wanted)
    for parameter, value in zip(generator.parameters(), other.parameters()):
        parameter.data.copy_(value)  # a swap for the moving average, then eval()
    generator.train()
    generator.eval()
    assert torch.equal(generator(prompts).embeds, wanted)


def test_built_in_inference_mode() -> None:
    """Such weights tell nobody that they changed: nothing is kept."""
    plain, other = tiny().eval(), tiny().eval()
    prompts = [Prompt.from_categories(['dog'])]
    with torch.inference_mode():
        generator = tiny().eval()
        for source in (plain, other):
            generator.load_state_dict(source.state_dict())
            wanted = source(prompts).embeds
            torch.testing.assert_close(generator(prompts).embeds, wanted)
    with torch.no_grad():
        torch.testing.assert_close(generator(prompts).embeds, wanted)


def test_cache_never_hides_gradients() -> None:
    generator = tiny().eval()
    prompts = [Prompt.from_categories(['dog'])]
    with torch.no_grad():
        generator(prompts)
    generator(prompts).embeds.square().sum().backward()
    for name, parameter in generator.named_parameters():
        assert parameter.grad is not None, name


def test_frozen_encoder_is_kept_in_training() -> None:
    generator = tiny(frozen=True).train()
    runs = count_runs(generator)
    prompts = [Prompt.from_categories(['dog'])]
    first, second = generator(prompts), generator(prompts)
    assert runs == [1]
    assert torch.equal(first.embeds, second.embeds)
    assert not first.embeds.requires_grad
    assert not generator.text_encoder.training
    assert not any(p.requires_grad for p in generator.parameters())


def test_frozen_encoder_with_dropout_as_published() -> None:
    generator = tiny(frozen=True, dropout_when_frozen=True).train()
    prompts = [Prompt.from_categories(['dog'])]
    first, second = generator(prompts), generator(prompts)
    assert not torch.allclose(first.embeds, second.embeds)
    generator.eval()
    assert torch.equal(generator(prompts).embeds, generator(prompts).embeds)


def test_features_of_inference_mode_are_not_used_for_training() -> None:
    generator = tiny(frozen=True)
    prompts = [Prompt.from_categories(['dog'])]
    with torch.inference_mode():
        generator(prompts)
    layer = torch.nn.Linear(16, 1)
    layer(generator(prompts).embeds).sum().backward()
    assert layer.weight.grad is not None


def test_checkpointing_gives_equal_gradients(monkeypatch) -> None:
    recomputed = note_recomputed(monkeypatch, bert_module)
    fields = {**TINY, 'hidden_dropout_prob': 0.0, 'attention_probs_dropout_prob': 0.0}
    plain = LanguagePromptGenerator(fields)
    saving = LanguagePromptGenerator(fields, with_cp=True)
    saving.load_state_dict(plain.state_dict())
    prompts = [Prompt.from_categories(['dog', 'cat'])]
    for generator in (plain, saving):
        generator(prompts).embeds.square().sum().backward()
        layers = TINY['num_hidden_layers'] if generator is saving else 0
        assert len(recomputed) == layers
    saving.eval()(prompts)
    assert len(recomputed) == layers
    for a, b in zip(plain.parameters(), saving.parameters()):
        torch.testing.assert_close(a.grad, b.grad)


def test_fitting_prompt_is_not_split() -> None:
    generator = tiny()
    names = Prompt.from_categories(['dog', 'cat'])
    expression = Prompt.from_expression('dog ' * 300)
    assert generator.split(names) == [(names, 0)]
    assert generator.split(expression) == [(expression, 0)]


@pytest.mark.parametrize('budget', [5, 6, 8, 100])
def test_split_keeps_every_name_in_order(budget) -> None:
    generator = tiny(max_tokens=budget)
    names = ['person', 'traffic light', 'cat', 'baseball bat', 'dog', 'red kite']
    chunks = generator.split(Prompt.from_categories(names))
    joined = [name for chunk, _ in chunks for name in chunk.names]
    assert joined == names
    for chunk, offset in chunks:
        assert chunk == Prompt.from_categories(names[offset : offset + len(chunk)])
        assert len(generator.tokenizer(chunk.text)['input_ids']) <= budget
    for (chunk, _), (later, _) in zip(chunks, chunks[1:]):
        greedy = Prompt.from_categories([*chunk.names, later.names[0]])
        assert len(generator.tokenizer(greedy.text)['input_ids']) > budget


def test_objects365_is_split() -> None:
    generator = tiny()
    prompt = Prompt.from_categories(Objects365V2Dataset.METAINFO['classes'])
    # 989 with the published spelling of the names
    assert len(generator.tokenizer(prompt.text)['input_ids']) > 900
    chunks = generator.split(prompt)
    assert 4 <= len(chunks) <= 5
    assert sum(len(chunk) for chunk, _ in chunks) == len(prompt)
    with torch.no_grad():
        for chunk, _ in chunks:
            positive_map = generator.eval()([chunk]).positive_maps[0]
            assert positive_map.any(1).all()
            assert positive_map.sum(0).max() == 1


class CountingTokenizer:
    """A tokenizer that counts how often it is asked."""

    def __init__(self, tokenizer) -> None:
        self.tokenizer, self.calls = tokenizer, 0

    def __call__(self, text):
        self.calls += 1
        return self.tokenizer(text)

    def __len__(self):
        return len(self.tokenizer)

    def __getattr__(self, name):
        return getattr(self.tokenizer, name)


@torch.no_grad()
def test_a_long_list_is_tokenized_once(monkeypatch) -> None:
    """Not for every image and frame."""
    generator = tiny(max_tokens=8).eval()
    counting = CountingTokenizer(generator.tokenizer)
    monkeypatch.setattr(
        language_prompt_generator, 'build_tokenizer', lambda _: counting
    )
    for remembered in (
        language_prompt_generator._layout,
        language_prompt_generator._split,
    ):
        remembered.cache_clear()
    names = ['person', 'traffic light', 'cat', 'baseball bat', 'dog', 'red kite']
    first = generator.split(Prompt.from_categories(names))
    generator([part for part, _ in first])
    asked = counting.calls
    assert len(first) > 1
    assert asked > len(first)
    first_again = list(first)
    first.clear()  # the caller's own
    again = generator.split(Prompt.from_categories(names))
    generator([part for part, _ in again])
    assert counting.calls == asked
    assert again == first_again
    shorter = tiny(max_tokens=6).split(Prompt.from_categories(names))
    assert shorter != again, 'another budget, other parts'


def test_name_longer_than_the_budget() -> None:
    with pytest.raises(ValueError, match="'a b c d e f' alone"):
        tiny(max_tokens=6).split(Prompt.from_categories(['dog', 'a b c d e f']))


def test_cut_text_warns_once_and_loses_its_names() -> None:
    generator = tiny(max_tokens=6)
    prompt = Prompt.from_categories(['dog', 'traffic light', 'cat'])
    with pytest.warns(UserWarning, match='8 tokens, 6 are read') as caught:
        features = generator([prompt])
        generator([Prompt.from_expression('a b c d e f g h')])
    assert len(caught) == 1
    assert features.embeds.shape[1] == 6
    # [CLS] dog . traffic light [SEP]: the third name is gone
    assert features.positive_maps[0].sum(1).tolist() == [1, 2, 0]
    assert generator._layout(prompt).ids[-1] == generator.tokenizer.sep_token_id
    partly = generator([Prompt.from_categories(['dog', 'red traffic light'])])
    assert partly.positive_maps[0].sum(1).tolist() == [1, 0]


def test_an_expression_that_is_cut_tells_how_many_words_are_kept() -> None:
    generator = tiny(max_tokens=6).eval()
    whole = Prompt.from_expression('a red traffic light')  # [CLS] and [SEP] besides
    assert generator.remarks(whole) == ()
    for words, kept in (('a b c d e f g h', 4), ('a b c unicornishly d', 3)):
        prompt = Prompt.from_expression(words)
        match = f'first {kept} of the {len(words.split())} words .* 6 tokens'
        with pytest.warns(UserWarning, match=match) as caught:
            generator([prompt])
            generator([prompt])  # told once, every prompt
        assert [str(one.message) for one in caught] == list(generator.remarks(prompt))


@pytest.mark.parametrize('word', ['\U0001f600', '\u0e01\u0e02', '\u200b'])
def test_what_the_vocabulary_does_not_know_is_told(word: str) -> None:
    generator = tiny(max_tokens=6).eval()
    expected = f'knows no word of {word!r}:'
    expression = Prompt.from_expression(f'{word} {word}')
    assert 'knows no word of' in generator.remarks(expression)[0]
    assert generator.remarks(Prompt.from_expression(f'a {word} dog')) == ()
    names = Prompt.from_categories(['dog', 'cat', 'red', word, 'light'])
    with pytest.warns(UserWarning) as caught:
        for part, _ in generator.split(names):
            generator([part])
    (told,) = [str(one.message) for one in caught]
    assert expected in told
    assert generator.remarks(names) == (told,)


@pytest.mark.parametrize(
    ('kwargs', 'match'),
    [
        (dict(text_encoder=dict(hiden_size=16)), 'hiden_size'),
        (dict(text_encoder=dict(model_type='brt')), "model_type='brt'"),
        (dict(text_encoder='nowhere/at-all'), 'not a folder with a config.json'),
        (dict(text_encoder={**TINY, 'vocab_size': 100}), 'knows 100'),
        (dict(text_encoder=TINY, max_tokens=513), 'within 3 and 512'),
        (dict(text_encoder=TINY, cache_size=-1), 'cache_size'),
    ],
    ids=['field', 'type', 'folder', 'vocabulary', 'positions', 'cache'],
)
def test_wrong_arguments(kwargs, match) -> None:
    with pytest.raises(ValueError, match=match):
        LanguagePromptGenerator(**kwargs)


def test_other_encoder_of_berts_shape() -> None:
    fields = dict(model_type='electra', embedding_size=16, **TINY)
    generator = LanguagePromptGenerator(fields)
    assert generator([Prompt.from_categories(['dog'])]).embeds.shape == (1, 3, 16)


def save_bert(folder, head: str = 'BertModel', model_type: str = 'bert') -> dict:
    """A folder as transformers writes it; the weights of the encoder."""
    transformers = pytest.importorskip('transformers')
    config = transformers.AutoConfig.for_model(model_type, **TINY)
    model = getattr(transformers, head)(config)
    model.save_pretrained(folder)
    return model.base_model.state_dict()


@pytest.mark.parametrize(
    ('head', 'model_type'),
    [
        ('BertModel', 'bert'),
        ('BertForMaskedLM', 'bert'),
        ('ElectraModel', 'electra'),
    ],
)
def test_weights_of_a_folder(tmp_path, head, model_type) -> None:
    expected = save_bert(tmp_path, head, model_type)
    generator = LanguagePromptGenerator(str(tmp_path), pretrained=str(tmp_path))
    assert isinstance(generator.text_encoder, BertEncoder) == (model_type == 'bert')
    generator.init_weights()
    for name, value in generator.text_encoder.state_dict().items():
        assert torch.equal(value, expected[name]), name


def test_weights_of_a_pickled_file(tmp_path) -> None:
    """As transformers reads them."""
    expected = save_bert(tmp_path)
    (tmp_path / 'model.safetensors').unlink()
    torch.save(expected, tmp_path / 'pytorch_model.bin')
    generator = LanguagePromptGenerator(str(tmp_path), pretrained=str(tmp_path))
    generator.init_weights()
    for name, value in generator.text_encoder.state_dict().items():
        assert torch.equal(value, expected[name]), name


def test_names_of_tensorflow(tmp_path) -> None:
    state = {
        f'bert.{name}'.replace('LayerNorm.weight', 'LayerNorm.gamma').replace(
            'LayerNorm.bias', 'LayerNorm.beta'
        ): value
        for name, value in save_bert(tmp_path).items()
    }
    save_file({'state_dict': state}, tmp_path / 'model.safetensors')
    LanguagePromptGenerator(str(tmp_path), pretrained=str(tmp_path)).init_weights()


@pytest.mark.parametrize(
    'fields',
    [
        {'hidden_act': 'relu'},
        {'position_embedding_type': 'relative_key'},
        {'is_decoder': True},
    ],
    ids=lambda fields: next(iter(fields)),
)
def test_an_unusual_bert_is_that_of_transformers(fields) -> None:
    known = pytest.importorskip('transformers').BertConfig().to_dict()
    if not known.keys() >= fields.keys():
        pytest.skip('transformers 5 has absolute positions alone')
    encoder = LanguagePromptGenerator({**TINY, **fields}).text_encoder
    assert not isinstance(encoder, BertEncoder)
    assert encoder.config.to_dict().items() >= fields.items()


def test_weights_that_do_not_fit(tmp_path) -> None:
    save_bert(tmp_path)
    deeper = LanguagePromptGenerator(
        {**TINY, 'num_hidden_layers': 3}, pretrained=str(tmp_path)
    )
    with pytest.raises(ValueError, match=r'lacks weights.*layer\.2'):
        deeper.init_weights()
    wider = LanguagePromptGenerator(
        {**TINY, 'intermediate_size': 64}, pretrained=str(tmp_path)
    )
    with pytest.raises(ValueError, match='do not fit'):
        wider.init_weights()


def test_absent_weights_say_what_to_do(monkeypatch) -> None:
    generator = tiny(pretrained='someone/some-bert')

    def refuse(*args, **kwargs):
        raise OSError('no connection')

    transformers = pytest.importorskip('transformers')
    monkeypatch.setattr(transformers.BertModel, 'from_pretrained', refuse)
    with pytest.raises(ValueError, match='set pretrained=None.*no connection'):
        generator.init_weights()


def test_broken_config_file(tmp_path) -> None:
    (tmp_path / 'config.json').write_text('{')
    with pytest.raises(ValueError, match='not a valid JSON file'):
        LanguagePromptGenerator(str(tmp_path))
    (tmp_path / 'config.json').write_text(json.dumps({'hidden_size': 3}))
    with pytest.raises(ValueError, match='model_type'):
        LanguagePromptGenerator(str(tmp_path))


@pytest.mark.slow
@torch.no_grad()
def test_packaged_minilm_knows_words() -> None:
    from safetensors.torch import load_file

    generator = LanguagePromptGenerator('minilm', pretrained='minilm').eval()
    generator.init_weights()
    stored = load_file(package_model_dir() / 'model.safetensors')
    state = generator.text_encoder.state_dict()
    assert all(torch.equal(value, stored[key]) for key, value in state.items())
    texts = ['a photo of a dog', 'an image of a puppy', 'the price of crude oil']
    pooled = generator([Prompt.from_expression(t) for t in texts]).pool()[:, 0]
    cosine = (
        torch.nn.functional.normalize(pooled) @ torch.nn.functional.normalize(pooled).T
    )
    assert cosine[0, 1] > 0.5 > cosine[0, 2]


def test_name_without_tokens_has_no_row() -> None:
    features = tiny()([Prompt.from_categories(['dog', '\u200b', 'cat'])])
    assert features.positive_maps[0].sum(1).tolist() == [1, 0, 1]
