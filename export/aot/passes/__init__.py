"""Rewrites of the program that keep every output byte. Each is one file.

`GRAPH_PASSES` simplify the graph of the file before its operators are lowered. `PASSES` run for every target, in this order;
then, unless the code shall be small, `DSP_PASSES` for cores with the DSP extension, `BLOCKED_PASSES` for what is left and for
all other cores, and `ARMV6_PASSES` for those of Armv6-M.
"""

from collections.abc import Callable
from typing import Final

from export.aot.passes.alias_reshape import alias_reshape
from export.aot.passes.drop_dead_channels import drop_dead_channels
from export.aot.passes.fold_constant_channels import fold_constant_channels
from export.aot.passes.fold_constants import fold_constants
from export.aot.passes.fold_pad import fold_pad
from export.aot.passes.fold_zero_point import fold_zero_point
from export.aot.passes.fuse_activation import fuse_activation
from export.aot.passes.fuse_tables import fuse_tables
from export.aot.passes.group_to_depthwise import group_to_depthwise
from export.aot.passes.split_clamp import split_clamp
from export.aot.passes.use_blocked import use_blocked
from export.aot.passes.use_dsp import use_dsp
from export.aot.passes.use_unsigned import use_unsigned
from export.aot.passes.use_winograd import use_winograd
from export.aot.program import Program
from export.graph import Graph

GRAPH_PASSES: Final[tuple[Callable[[Graph], Graph], ...]] = (fold_constants,)
PASSES: Final[tuple[Callable[[Program], Program], ...]] = (
    alias_reshape,
    group_to_depthwise,
    fold_pad,
    fuse_activation,
    fold_constant_channels,
    drop_dead_channels,
    fold_zero_point,
)
DSP_PASSES: Final[tuple[Callable[[Program], Program], ...]] = (split_clamp, use_winograd, use_dsp)
BLOCKED_PASSES: Final[tuple[Callable[[Program], Program], ...]] = (use_blocked, fuse_tables)
ARMV6_PASSES: Final[tuple[Callable[[Program], Program], ...]] = (use_unsigned,)
