// Included before model.c in the traced build.
void bench_mark(void);
