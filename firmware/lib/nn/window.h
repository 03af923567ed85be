// The part of a sliding window that lies inside the image, along one axis: kernel positions begin .. end - 1.
#pragma once
#include <stdint.h>

struct nn_window {
    int32_t origin; // image coordinate of kernel position 0; negative in the leading padding
    int32_t begin;
    int32_t end;
};

static inline struct nn_window nn_window(int32_t output, int32_t stride, int32_t padding, int32_t kernel, int32_t dilation,
                                         int32_t size) {
    const int32_t origin = output * stride - padding;
    struct nn_window window = {origin, 0, kernel};
    while (window.begin < window.end && origin + window.begin * dilation < 0) window.begin++;
    while (window.end > window.begin && origin + (window.end - 1) * dilation >= size) window.end--;
    return window;
}
