"""`python -m tests.bench` runs main() of every bench_*.py here; `python -m tests.bench run` those that match."""

import importlib
import sys
from pathlib import Path

for file in sorted(Path(__file__).parent.glob("bench_*.py")):
    if all(word in file.stem for word in sys.argv[1:]):
        print(f"== {file.stem}")
        importlib.import_module(f"tests.bench.{file.stem}").main()
