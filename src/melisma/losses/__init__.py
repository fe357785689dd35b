"""Losses: sums over rows, never means, with what is trained kept apart from the nats that are reported."""

from melisma.losses.tokens import TokenLoss, plain_token_loss, row_nats, token_loss

__all__ = ["TokenLoss", "plain_token_loss", "row_nats", "token_loss"]
