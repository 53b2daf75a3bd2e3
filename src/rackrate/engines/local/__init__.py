"""Real processes on this machine: `engine.LocalEngine`, and `devices.detect` for what it has."""
