"""The bench bodies run inside the simulator, not under pytest."""

collect_ignore_glob = ["cocotb_*.py", "store.py"]
