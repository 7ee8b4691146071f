"""Some of each kind of broken mails and TIFFs; `tests.slow` prints all of them, at their full size."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.imaging.corpus_case import MB, CorpusCase


class CorpusTests(CorpusCase, SynchronousTestCase):
    """A share of the corpus, and what has no end smaller."""

    share = 12
    head = 2 * MB
    side = 1200
