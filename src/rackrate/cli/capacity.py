"""`rackrate capacity`: what can be promised, from when, and what already is."""

from rackrate.cli.shape import noun

capacity = noun("What can be promised, from when, and what already is.")
