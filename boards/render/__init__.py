"""A board turned into the files that tools need, one module per file; each has `render(board)`, or says what it has
instead.

linker        linker script            link.ld
header        constants for the HAL    board.h
platformio    PlatformIO's board       <name>.json
openocd       OpenOCD's command line
renode        Renode's platform and script  <name>.repl, <name>.resc
udev          udev rules of all probes  99-demur.rules
"""
