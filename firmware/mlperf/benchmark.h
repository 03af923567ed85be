/* What the benchmarks of MLPerf Tiny differ in, besides the model. model_mlperf.h, which `python -m export mlperf`
 * renders, says which of these the image's benchmark takes; export/mlperf.py has the table of benchmarks, with its
 * sources. */
#ifndef BENCHMARK_H
#define BENCHMARK_H

/* What the runner sends as a sample. */
enum benchmark_input {
    BENCHMARK_CODES,  /* the model's input as it is, int8 */
    BENCHMARK_PIXELS, /* uint8, which less 128 are the model's int8 */
    BENCHMARK_FLOATS, /* float32, little endian, to be quantised with the model's scale and zero point */
};

/* What m-results-[] says. */
enum benchmark_result {
    BENCHMARK_SCORES, /* each output, as a real number */
    BENCHMARK_ERROR,  /* of an autoencoder: the mean square of output less input, both as real numbers */
};

#endif
