"""The system on one machine: what scripts/up starts and scripts/down stops."""
