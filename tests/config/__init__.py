"""Settings, log-in, errors, logs: what stands around the register."""
