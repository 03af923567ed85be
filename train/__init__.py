"""From a data set to a run folder: a compact base model, a large model, and the threshold below which the base abstains.

python -m train train/configs/digits.toml

config.py     the run's TOML as frozen dataclasses
data/         one file per data set, and the fixed splits
models/       one file per model, and their checkpoints
loop.py       the only training loop
abstain/      confidence scores, temperature, threshold, risk-coverage curve
evaluate.py   every figure of training.json
report.py     report.html and risk_coverage.png
run.py        the above in order
"""
