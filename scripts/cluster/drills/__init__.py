"""The drills, by subject. docs/mesh-drills.md is the course that goes with them."""
