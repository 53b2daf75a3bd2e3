"""The composition root: the only reader of the clock, of entropy and of settings."""

from rackrate.wiring.clock import RandomIds, SystemClock
from rackrate.wiring.control import Control, Options

__all__ = ["Control", "Options", "RandomIds", "SystemClock"]
