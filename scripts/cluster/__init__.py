"""The system on Kubernetes: what scripts/mesh brings up, and its drills."""
