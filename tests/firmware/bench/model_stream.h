#ifndef MODEL_STREAM_H
#define MODEL_STREAM_H

#define MODEL_STEPS 0u
#define MODEL_MINIMUM_STEPS 0u
#define MODEL_FRAME_BYTES 0u
#define MODEL_STATES 0u

#endif
