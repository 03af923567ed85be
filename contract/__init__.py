"""What two or more stages agree on: errors and exit codes, the run folder, the manifest, the gate, sound to frames.

Every other package may import this one; it imports none of them, and nothing outside the standard library
(except `rich`, for the progress bar, in `contract.progress`, and NumPy in `contract.log_mel`).
"""
