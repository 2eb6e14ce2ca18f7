"""Orders of a small shop: a state-stored application with views, payments, mails and public events."""

from . import mailing, payments, publishing, views

__all__ = ["mailing", "payments", "publishing", "views"]
