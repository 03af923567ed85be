// The walk over two operands that lie in order, one of which may start again after every `length` codes: a value per channel.
#pragma once
#include <stdint.h>

struct nn_repeat {
    int32_t lines, length;
    int32_t step[2]; // of either operand from line to line, in codes
};
