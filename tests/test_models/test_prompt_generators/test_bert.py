"""The encoder does what transformers' does, to the last bit."""

from __future__ import annotations

from dataclasses import asdict

import pytest
import torch

from uninext.models.prompt_generators.bert import BertConfig, BertEncoder

SMALL = BertConfig(
    vocab_size=50,
    hidden_size=16,
    num_hidden_layers=2,
    num_attention_heads=2,
    intermediate_size=32,
    max_position_embeddings=12,
    initializer_range=0.5,
)


@pytest.fixture
def pair():
    """Ours and that of transformers, from one seed."""
    transformers = pytest.importorskip('transformers')
    torch.manual_seed(0)
    ours = BertEncoder(SMALL)
    torch.manual_seed(0)
    theirs = transformers.BertModel(
        transformers.BertConfig(**asdict(SMALL)), add_pooling_layer=False
    )
    return ours, theirs


def test_no_text() -> None:
    empty = torch.zeros(0, 3, dtype=torch.long)
    assert BertEncoder(SMALL)(empty).last_hidden_state.shape == (0, 3, 16)


def test_sizes_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match='multiple of num_attention_heads.*16 and 3'):
        BertConfig(hidden_size=16, num_attention_heads=3)


def test_defaults_are_those_of_transformers() -> None:
    theirs = pytest.importorskip('transformers').BertConfig().to_dict()
    assert asdict(BertConfig()).items() <= theirs.items()


def test_names_and_first_numbers(pair) -> None:
    ours, theirs = (encoder.state_dict() for encoder in pair)
    assert list(ours) == list(theirs)
    for name, value in ours.items():
        assert torch.equal(value, theirs[name]), name


@pytest.mark.parametrize('lengths', [(5, 5), (5, 2)], ids=['even', 'padded'])
def test_numbers(pair, lengths) -> None:
    ids = torch.randint(1, 50, (2, 5))
    mask = torch.arange(5) < torch.tensor(lengths)[:, None]
    given = None if mask.all() else mask
    ours, theirs = (encoder.eval() for encoder in pair)
    found = ours(ids, given).last_hidden_state
    expected = theirs(input_ids=ids, attention_mask=mask.long()).last_hidden_state
    if getattr(theirs.config, '_attn_implementation', '') == 'sdpa':
        assert torch.equal(found[mask], expected[mask])
    else:  # transformers 4.40 adds up in another order
        torch.testing.assert_close(found[mask], expected[mask], rtol=0, atol=5e-6)


@pytest.mark.parametrize('checkpointed', [False, True])
def test_gradients_and_dropout(pair, checkpointed) -> None:
    ids = torch.randint(1, 50, (2, 5))
    gradients = []
    for encoder in pair:
        if checkpointed:
            encoder.gradient_checkpointing_enable({'use_reentrant': False})
        torch.manual_seed(1)
        encoder.train()(input_ids=ids).last_hidden_state.sum().backward()
        gradients.append({n: p.grad for n, p in encoder.named_parameters()})
    for name, value in gradients[0].items():
        torch.testing.assert_close(value, gradients[1][name], msg=name)


def test_padding_changes_nothing() -> None:
    encoder = BertEncoder(SMALL).eval()
    ids = torch.randint(1, 50, (1, 6))
    mask = torch.arange(6)[None] < 4
    padded = encoder(ids, mask).last_hidden_state[:, :4]
    torch.testing.assert_close(padded, encoder(ids[:, :4]).last_hidden_state)
