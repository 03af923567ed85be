"""What abstaining is worth: measures as pure functions of arrays, used by training, comparisons and reports.

All take what a model said on N samples as arrays [N]: `scores` (floats, or integer codes of the board; higher is
surer), `correct` and, of a hybrid, `large_correct` (bool), `accepted` (bool). Shares, risks and accuracies are in [0,
1].

operating_point.py  coverage, joint error and selective risk of what was accepted; coverage at a risk, accuracy at a coverage
risk_coverage.py    the risk-coverage curve, the area under it, and what of it a better score could win
calibration.py      reliability diagram and calibration error
hybrid.py           accuracy of base and large model together, and its price in MACs
latency.py          its price in time: a board's clock, a serial link, a measured large model
bootstrap.py        intervals from resampled samples
spread.py           mean and deviation over seeds
"""
