/* The buffer that the runner fills with a sample, before `infer` takes it as the model's input.
 *
 *     db load N      N bytes follow                   m-[Expecting N bytes]
 *     db HH[HH]*     bytes, in hexadecimal            nothing, or m-load-done once all N are there
 *     db print       what there is                    m-buffer-HH-HH-HH-HH-HH-HH-HH-HH, eight bytes a line
 *
 * The runner sends 31 bytes a command. Of a command that is not right nothing is stored; what comes beyond N in the one
 * that completes the sample is not looked at, as in the reference. */
#ifndef DB_H
#define DB_H

#include <stddef.h>
#include <stdint.h>

#include "command.h"

void db_serve(const struct command *command);

/* The sample, complete or not. */
const uint8_t *db_bytes(void);
size_t db_length(void);

#endif
