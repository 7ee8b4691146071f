"""Three hundred damaged pages of each compression."""

from __future__ import annotations

from twisted.trial.unittest import SynchronousTestCase

from tests.imaging.damage_case import DamageCase


class DamageTests(DamageCase, SynchronousTestCase):
    """None is OK unless it is printed as libtiff decodes it, without a report."""

    pages = 306
