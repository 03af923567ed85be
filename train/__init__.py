"""From a data set to a run folder: a compact base model, a large model, and the threshold below which the base
abstains.

python -m train train/configs/digits.toml

config.py     the run's TOML as frozen dataclasses
data/         one file per data set, and the fixed splits
cells/        one file per recurrent cell
models/       one file per model, and their checkpoints
heads/        one file per head: what a model says about its features
losses/       one file per loss, those that learn to abstain among them
distil/       one file per way to learn from the large model
updates/      one file per rule that makes optimiser steps of a batch: BPTT, truncated BPTT, FPTT
loop.py       the only training loop of models
abstain/      one file per confidence score, temperature, threshold, thresholds of classes
routers/      one file per router, what they see and how they learn
hybrid.py     base, router and large model fitted to one another
evaluation/   coverage, risks, calibration, hybrids and their price, intervals: pure functions
evaluate.py   every figure of training.json
report.py     report.html and risk_coverage.png
run.py        the above in order
seeds.py      the same run with several seeds
compare/      a grid of rules of abstaining and seeds, judged alike: python -m train.compare
compare_cells.py  recurrent cells of equal size, with several seeds each, as a table
"""
