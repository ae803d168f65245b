"""Notifications that this package sends itself: a notice, its wording, and the requests or the mail of each kind of channel."""
