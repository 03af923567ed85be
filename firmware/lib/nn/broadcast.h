// The walk over two operands of which either may repeat along some axes. The compiler has merged all axes that it can: one
// remains of two equal shapes, two of an image and a value per channel.
#pragma once
#include <stdint.h>

enum { NN_BROADCAST_AXES = 5 };

struct nn_broadcast {
    int32_t count[NN_BROADCAST_AXES];   // outermost first; the innermost one is a line
    int32_t step[2][NN_BROADCAST_AXES]; // of either operand, in codes; 0 repeats it
};

struct nn_walk {
    int32_t index[NN_BROADCAST_AXES - 1];
    int32_t at[2]; // where the line of either operand begins
};

// To the next line; 0 after the last one.
static inline int nn_next_line(const struct nn_broadcast *s, struct nn_walk *walk) {
    for (int axis = NN_BROADCAST_AXES - 2; axis >= 0; axis--) {
        for (int operand = 0; operand < 2; operand++) walk->at[operand] += s->step[operand][axis];
        if (++walk->index[axis] < s->count[axis]) return 1;
        for (int operand = 0; operand < 2; operand++) walk->at[operand] -= s->step[operand][axis] * s->count[axis];
        walk->index[axis] = 0;
    }
    return 0;
}
