from __future__ import annotations

import pytest
import torch

from uninext.testing import ProposalOrder, Tie

SCORES = torch.tensor([[0.1, 0.9, 0.5, 0.5 + 1e-7, 0.3], [5.0, 4.0, 3.0, 2.0, 1.0]])


class Scores(torch.nn.Module):
    def __init__(self, scores) -> None:
        super().__init__()
        self.scores = scores

    def forward(self):
        return self.scores[..., None]


def test_nothing_changes_without_exchange() -> None:
    module = Scores(SCORES)
    with ProposalOrder(module) as proposals:
        assert torch.equal(module()[..., 0], SCORES)
        ties = proposals.ties(5)
    assert [(t.image, t.rank) for t in ties] == [(0, 1)]
    assert ties[0].gap == pytest.approx(1e-7, rel=0.3)
    assert not module._forward_hooks


@pytest.mark.parametrize('gap', [0.0, 1e-7], ids=['equal', 'close'])
def test_pair_is_exchanged(gap) -> None:
    scores = SCORES.clone()
    scores[0, 3] = 0.5 + gap
    module = Scores(scores)
    with ProposalOrder(module) as proposals:
        before = module()[0, :, 0].argsort(descending=True).tolist()
        proposals.exchanged.append(Tie(0, 1, gap))
        after = module()[0, :, 0].argsort(descending=True).tolist()
    assert after == [before[0], before[2], before[1], *before[3:]]
    assert torch.equal(module().sum(), scores.sum())


def test_last_chosen_may_tie_with_the_next() -> None:
    module = Scores(SCORES)
    with ProposalOrder(module) as proposals:
        module()
        assert len(proposals.ties(2)) == 1
        assert proposals.ties(1) == []
