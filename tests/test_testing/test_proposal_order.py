from __future__ import annotations

import pytest
import torch

from uninext.testing.proposal_order import ProposalOrder, Tie

SCORES = torch.tensor([[0.1, 0.9, 0.5, 0.5 + 1e-7, 0.3], [5.0, 4.0, 3.0, 2.0, 1.0]])


class Scores(torch.nn.Module):
    def __init__(self, scores) -> None:
        super().__init__()
        self.scores = scores

    def forward(self):
        return self.scores[..., None]


def test_nothing_changes_without_exchange() -> None:
    module = Scores(SCORES)
    with ProposalOrder(module, 5) as proposals:
        assert torch.equal(module()[..., 0], SCORES)
        ties = proposals.ties()
    assert [(t.image, t.rank) for t in ties] == [(0, 1)]
    assert ties[0].gap == pytest.approx(1e-7, rel=0.3)
    assert not module._forward_hooks


@pytest.mark.parametrize('gap', [0.0, 1e-7], ids=['equal', 'close'])
def test_pair_is_exchanged(gap) -> None:
    scores = SCORES.clone()
    scores[0, 3] = 0.5 + gap
    module = Scores(scores)
    with ProposalOrder(module, 5) as proposals:
        before = module()[0, :, 0].topk(5).indices.tolist()
        proposals.exchanged.append(Tie(0, 1, gap))
        after = module()[0, :, 0].topk(5).indices.tolist()
    assert after == [before[0], before[2], before[1], *before[3:]]
    assert torch.equal(module().sum(), scores.sum())


@pytest.mark.parametrize('num_queries', [3, 64, 900])
def test_equal_scores_are_exchanged_whatever_order_topk_gives_them(num_queries) -> None:
    scores = torch.randn(1, 1000)
    first, second = scores[0].topk(3).indices[1:]
    scores[0, second] = scores[0, first]
    module = Scores(scores)
    with ProposalOrder(module, num_queries) as proposals:
        before = module()[0, :, 0].topk(num_queries).indices
        (tie,) = [t for t in proposals.ties() if t.gap == 0]
        proposals.exchanged.append(tie)
        after = module()[0, :, 0].topk(num_queries).indices
    assert after[:3].tolist() == before[[0, 2, 1]].tolist()


def test_last_chosen_may_tie_with_the_next() -> None:
    module = Scores(SCORES)
    for num_queries, num_ties in ((2, 1), (1, 0)):
        with ProposalOrder(module, num_queries) as proposals:
            module()
            assert len(proposals.ties()) == num_ties
