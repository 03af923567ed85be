"""The firmware and what builds it: PlatformIO project, HAL, application, size report, flashing.

    python -m firmware build --run runs/digits --board nucleo
    python -m firmware flash --run runs/digits --board nucleo

The C sources are in src/ and mlperf/, the applications, hal/ and lib/. This package drives PlatformIO (`build`), reads
sizes out of the ELF (`size`), programs boards (`flash`), and serves PlatformIO's side of the build (`generate`,
`model_files`, `scons_package`, and platform/, which is a PlatformIO platform and no Python package).
"""
