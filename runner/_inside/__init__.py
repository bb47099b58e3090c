"""The inside of a sandbox. See docs/sandbox.md."""
