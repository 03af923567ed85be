"""Rules of abstaining side by side: a grid of rules and seeds, judged alike, as a table, comparison.json and
report.html.

python -m train.compare train/configs/rules_digits.toml

grid.py     the comparison's TOML: every training it takes, and which of them make a row
work.py     the trainings, one process per core
answers.py  what a trained model says on the validation and test splits, as a file beside it
judge.py    comparison.json: thresholds and variants from the validation split, all figures from the test split
figures.py  the figures of the report
report.py   report.html
"""
