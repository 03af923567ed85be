"""A board turned into the files that tools need, one module per file; each has `render(board)`.

linker        linker script            link.ld
header        constants for the HAL    board.h
platformio    PlatformIO's board       <name>.json
openocd       OpenOCD's command line
"""
