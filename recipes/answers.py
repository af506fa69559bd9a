"""Which word a teacher hears: answers of a small network on its features, to clips it has not seen.

A network answers for the clips that it was trained on with their labels. So there are two, each
trained on one half of the clips and asked about the other half: what is left of doubt between
"down" and "go" in such answers is the teacher's, and worth learning (Hinton et al. 2015,
arXiv 1503.02531).
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.optim.lr_scheduler import OneCycleLR
from tqdm import tqdm

_BATCH = 128
_LEARNING_RATE = 1.5e-3


class AnswerHead(nn.Module):
    """Words from features of consecutive spans: (B, S, D) -> logits (B, classes).

    Args:
        dim: D.
        classes: number of words.
        width: channels inside.
        dropout: before both layers, in training only.
    """

    def __init__(self, dim: int, classes: int, width: int = 192, dropout: float = 0.4) -> None:
        super().__init__()
        self.mix = nn.Conv1d(dim, width, 3, padding=1)
        self.attention = nn.Linear(width, 1)
        self.answer = nn.Linear(2 * width, classes)
        self.dropout = nn.Dropout(dropout)

    def forward(self, features: Tensor) -> Tensor:
        h = self.mix(self.dropout(features).transpose(1, 2)).transpose(1, 2)
        h = F.gelu(h)
        attended = (self.attention(h).softmax(dim=1) * h).sum(dim=1)
        return self.answer(self.dropout(torch.cat([attended, h.amax(dim=1)], dim=1)))


def answers(
    features: Tensor,
    labels: Tensor,
    whole: Tensor,
    half: Tensor,
    classes: int,
    passes: int = 12,
    seed: int = 0,
) -> Tensor:
    """Probabilities of the words (N, classes), each by the network that knows the other half.

    Args:
        features: the teacher's (N, S, D).
        labels: words (N,).
        whole: whether the word is all that is said (N,); only these are trained on.
        half: which half of the clips each was made from (N,), bool.
        classes: number of words.
        passes: over the lessons of a half.
        seed: of the networks and the order of the lessons.

    Raises:
        ValueError: a half has no whole lesson.
    """
    features = features.float()
    features = (features - features.mean((0, 1))) / features.std((0, 1)).clamp(min=1e-3)
    result = torch.zeros(len(features), classes)
    for side in (False, True):
        rows = ((half == side) & whole).nonzero().flatten()
        if not len(rows):
            raise ValueError("a half of the clips has no whole lesson; give more clips")
        head = _train(features, labels, rows, classes, passes, seed)
        asked = (half != side).nonzero().flatten()
        with torch.inference_mode():
            for part in asked.split(1024):
                result[part] = head(features[part]).softmax(dim=1)
    return result


def _train(
    features: Tensor, labels: Tensor, rows: Tensor, classes: int, passes: int, seed: int
) -> AnswerHead:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        head = AnswerHead(features.shape[-1], classes)
        optimiser = torch.optim.AdamW(head.parameters(), _LEARNING_RATE, weight_decay=0.05)
        steps = passes * -(-len(rows) // _BATCH)
        schedule = OneCycleLR(optimiser, _LEARNING_RATE, steps)
        bar = tqdm(range(passes), "answers")
        for _ in bar:
            for part in rows[torch.randperm(len(rows))].split(_BATCH):
                loss = F.cross_entropy(head(features[part]), labels[part], label_smoothing=0.05)
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                schedule.step()
            bar.set_postfix(loss=loss.item())
    return head.eval()
