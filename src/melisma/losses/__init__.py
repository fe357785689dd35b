"""Losses: sums over rows, never means, with what is trained kept apart from the nats that are reported."""

from melisma.losses.ctc import Alignment, align, collapse, ctc_loss, occupation, plain_ctc_loss, required, viterbi
from melisma.losses.tokens import TokenLoss, plain_token_loss, row_nats, token_loss

__all__ = [
    "Alignment",
    "TokenLoss",
    "align",
    "collapse",
    "ctc_loss",
    "occupation",
    "plain_ctc_loss",
    "plain_token_loss",
    "required",
    "row_nats",
    "token_loss",
    "viterbi",
]
